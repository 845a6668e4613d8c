"""A door on a real socket: open, refusing, or swallowing SYNs, switched live without ever giving up its port.

Duty: what the kernel's listener can do to new connections. Promises: the address stays the same from `bind` to `close`,
no other process gets the port meanwhile, and between open and swallowing there is no moment at which a connection is
refused. Left out: what happens on connections that were made (`posthorse.lab.peer`). Linux only: a full backlog drops
SYNs there; elsewhere it may answer with a reset.
"""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import Callable

BACKLOG = 1_024
FILLERS = 3
"""Own connections that fill a backlog of zero; Linux lets one in, the others prove that it is full."""

LINGER_NOT = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: closing sends RST."""


class SocketDoor:
    """Implements `posthorse.lab.simulated.Door` on one TCP port. `tls`: from the first byte."""

    def __init__(
        self,
        host: str,
        port: int,
        factory: Callable[[], asyncio.Protocol],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._wanted = (host, port)
        self._factory = factory
        self._tls = tls
        self._holder: socket.socket | None = None
        """Bound and never listening: keeps the port ours while nobody listens."""
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []

    def bind(self) -> None:
        """Take the port; nobody listens yet. Raises OSError if it is taken."""
        self._holder = self._bound(self._wanted)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, the real one where 0 was asked for."""
        assert self._holder is not None, "bind first"
        host, port = self._holder.getsockname()[:2]
        return str(host), int(port)

    async def open(self) -> None:
        """Take connections; what waited in a full backlog is reset."""
        if self._server is not None:
            return
        self._empty_backlog()
        listener = self._listen(BACKLOG)
        self._server = await asyncio.get_running_loop().create_server(
            self._factory, sock=listener.dup(), backlog=BACKLOG, ssl=self._tls
        )

    async def refuse(self) -> None:
        """Refuse every new connection."""
        await self._stop_accepting()
        self._empty_backlog()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def swallow(self) -> None:
        """Fill the backlog: the kernel drops every new SYN."""
        if self._fillers:
            return
        self._listen(0)
        await self._stop_accepting()
        for _ in range(FILLERS):
            filler = socket.socket(self._family, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex(self.address)
            self._fillers.append(filler)

    async def close(self) -> None:
        """Stop listening and give the port back."""
        await self.refuse()
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def reset(self, transport: asyncio.Transport) -> None:
        """End one connection with RST, dropping what was not sent."""
        own = transport.get_extra_info("socket")
        if own is not None and own.fileno() >= 0:
            with socket.socket(fileno=os.dup(own.fileno())) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        transport.abort()

    def _bound(self, address: tuple[str, int]) -> socket.socket:
        bound = socket.socket(self._family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        try:
            bound.bind(address)
        except OSError:
            bound.close()
            raise
        return bound

    def _listen(self, backlog: int) -> socket.socket:
        if self._listener is None:
            self._listener = self._bound(self.address)
        self._listener.listen(backlog)
        return self._listener

    async def _stop_accepting(self) -> None:
        """Let the loop's copy of the listener go; the kernel listens on as long as ours is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    def _empty_backlog(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        while self._listener is not None and self._server is None:
            try:
                waiting, _ = self._listener.accept()
            except OSError:
                return
            waiting.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            waiting.close()
