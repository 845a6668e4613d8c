"""The real network: TCP and TLS to other hosts.

Promise: TLS is 1.2 or later and always verified, against the name that was asked for; there is no way to switch that
off. Writing is paused while a quarter of a megabyte has not left, so that whoever waits for it to go on sees a slow
link move and a dead one stand still. A host with several addresses is tried in the order the resolver gives, the next
one starting soon after the last (RFC 8305), so that one dead address costs a quarter of a second and not the whole
time limit.

Left out: time limits (the caller sets them around `dial`), proxies, DNS of our own.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable

from posthorse.mail.ports import DialFailed, Target

_NEXT_ADDRESS_AFTER_S = 0.25
"""RFC 8305 section 8: the recommended pause before the next address is tried beside the last."""
_MOST_ADDRESSES = 6
_UNSENT_BYTES = 64 << 10
"""The kernel takes no more than this beyond what is on its way (TCP_NOTSENT_LOWAT): what it took has nearly left."""
_UNENCRYPTED_BYTES = 32 << 10
"""TLS takes no more than this beyond what the kernel took."""

Place = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
"""Where a socket connects to: family and address."""


class SystemDialer:
    """Port `Dialer` on the running event loop."""

    __slots__ = ("_contexts", "_places")

    def __init__(self, places: Callable[[Target], Awaitable[list[Place]]] | None = None) -> None:
        """`places`: where to connect for a target, in this order; not given: wherever the system's resolver leads."""
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._places = places or _addresses

    async def dial(self, factory: Callable[[], asyncio.Protocol], target: Target) -> asyncio.Transport:
        """Connect, with TLS if the target says so. Raises `DialFailed`."""
        loop = asyncio.get_running_loop()
        try:
            context = self._context(target.ca_file) if target.tls else None
            connected = await _connect((await self._places(target))[:_MOST_ADDRESSES])
            try:
                transport, _ = await loop.create_connection(
                    factory, sock=connected, ssl=context, server_hostname=target.host if context else None
                )
            except BaseException:
                connected.close()
                raise
        except (OSError, ValueError) as error:
            raise DialFailed(f"{target.host}:{target.port}: {_said(error)}") from error
        if context is not None:
            transport.set_write_buffer_limits(_UNENCRYPTED_BYTES)
        return transport

    async def start_tls(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, target: Target
    ) -> asyncio.Transport:
        """Upgrade to TLS. Raises `DialFailed`; the transport is then closed."""
        try:
            context = self._context(target.ca_file)
        except DialFailed:
            transport.abort()
            raise
        try:
            upgraded = await asyncio.get_running_loop().start_tls(
                transport, protocol, context, server_hostname=target.host
            )
        except (OSError, ValueError) as error:
            transport.abort()
            raise DialFailed(f"{target.host}:{target.port}: TLS: {_said(error)}") from error
        if upgraded is None:  # the stream was lost meanwhile
            raise DialFailed(f"{target.host}:{target.port}: TLS: connection lost")
        upgraded.set_write_buffer_limits(_UNENCRYPTED_BYTES)
        return upgraded

    def _context(self, ca_file: str) -> ssl.SSLContext:
        """Made once per file: loading the certificates costs tens of milliseconds. Raises `DialFailed`, ours."""
        context = self._contexts.get(ca_file)
        if context is None:
            try:
                context = ssl.create_default_context(cafile=ca_file or None)
            except OSError as error:
                raise DialFailed(f"the certificates to trust ({ca_file}): {_said(error)}", ours=True) from error
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._contexts[ca_file] = context
        return context


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


async def _addresses(target: Target) -> list[Place]:
    found = await asyncio.get_running_loop().getaddrinfo(
        target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )
    return list(_interleaved([(family, address) for family, _, _, _, address in found]))


def _interleaved(addresses: list[Place]) -> Iterable[Place]:
    """The resolver's first family first, then by turns (RFC 8305 section 4)."""
    first = [one for one in addresses if one[0] == addresses[0][0]]
    other = [one for one in addresses if one[0] != addresses[0][0]]
    while first or other:
        if first:
            yield first.pop(0)
        if other:
            yield other.pop(0)


async def _connect(addresses: list[Place]) -> socket.socket:
    """The first connection that stands; the others are closed. Raises the last address's OSError."""
    if len(addresses) == 1:
        return await _connect_one(addresses[0])
    tasks: list[asyncio.Task[socket.socket]] = []
    try:
        for n, address in enumerate(addresses):
            tasks.append(asyncio.ensure_future(_connect_one(address)))
            last = n == len(addresses) - 1
            won = await _first_connected(tasks, None if last else _NEXT_ADDRESS_AFTER_S)
            if won is not None:
                return tasks.pop(tasks.index(won)).result()
        return tasks[-1].result()
    finally:
        _discard(tasks)


async def _first_connected(
    tasks: list[asyncio.Task[socket.socket]], within_s: float | None
) -> asyncio.Task[socket.socket] | None:
    """A task that connected; None when all failed or the time is over."""
    deadline = None if within_s is None else asyncio.get_running_loop().time() + within_s
    while waiting := [task for task in tasks if not task.done()]:
        left = None if deadline is None else deadline - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.exception() is None:
                return task
        if not done:
            return None
    return None


def _discard(tasks: list[asyncio.Task[socket.socket]]) -> None:
    for task in tasks:
        task.add_done_callback(_close_connected)
        task.cancel()


def _close_connected(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect_one(address: Place) -> socket.socket:
    family, where = address
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        await asyncio.get_running_loop().sock_connect(made, where)
    except BaseException:
        made.close()
        raise
    return made
