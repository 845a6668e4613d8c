"""The port `HttpExchange` on our own HTTP/1.1 client: one request, one response, on kept connections.

Promise: no retries, no redirects, no cookies. All of the request but its last byte is sent, then the caller is asked,
then the last byte follows: without it no server has the request (RFC 9112 section 6.3). A kept connection that is found
dead before that byte was written is replaced once; after it nothing is ever sent again.

Left out: time limits on the response (the caller's), HTTP/2, proxies, compression.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from posthorse.mail.large import LARGE_BYTES
from posthorse.mail.ports import (
    Dialer,
    DialFailed,
    ExchangeFailed,
    HttpRequest,
    HttpResponse,
    NotReleased,
    Target,
)
from posthorse.providers.http_line import MOST_BODY_BYTES, HttpLine
from posthorse.providers.line import IdlePool


class PooledHttpExchange:
    """Keeps idle connections per target."""

    def __init__(
        self,
        *,
        dialer: Dialer,
        max_idle: int = 100,
        idle_limit_s: float = 20.0,
        max_uses: int = 10_000,
        most_body_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        """`max_idle`: per target; `max_uses`: requests before a connection is given up; `most_body_bytes`: a longer
        response is none.
        """
        self._most_body_bytes = most_body_bytes
        self._dialer = dialer
        self._max_idle = max_idle
        self._idle_limit_s = idle_limit_s
        self._max_uses = max_uses
        self._pools: dict[Target, IdlePool[HttpLine]] = {}

    async def exchange(self, request: HttpRequest, *, before_last_bytes: Callable[[], Awaitable[bool]]) -> HttpResponse:
        """One exchange; see the port. Raises `ExchangeFailed` and `NotReleased`."""
        pool = self._pool(request.target)
        wire = _Wire(request)
        line = pool.take()
        kept = line is not None
        if line is None:
            line = await self._dial(request)
        try:
            await _send_but_last(line, wire, request.stall_s)
            if kept and _is_stale(line):
                kept, line = False, await self._dial(request)
                await _send_but_last(line, wire, request.stall_s)
            if line.early is None:
                await _ask_release(line, before_last_bytes)
                if kept and _is_stale(line):
                    line = await self._dial(request)
                    await _send_but_last(line, wire, request.stall_s)
                if line.early is None:
                    line.send(wire.last)
            del request, wire  # the answer may be long in coming
            response = await _response(line, wire_is_out=line.early is None)
        except BaseException:
            line.abort()
            raise
        pool.give(line)
        return response

    async def prepare(self, target: Target, connections: int, *, connect_s: float = 3.0) -> None:
        """Have this many connections open and idle; failures are silent."""
        pool = self._pool(target)
        request = HttpRequest(target=target, method="GET", path="/", headers=(), connect_s=connect_s)
        opened = await asyncio.gather(
            *(self._dial(request) for _ in range(pool.missing(connections))), return_exceptions=True
        )
        for line in opened:
            if isinstance(line, HttpLine):
                pool.give(line)
            elif not isinstance(line, ExchangeFailed):
                raise line

    async def close(self) -> None:
        """Close idle connections, and from now on every connection after its exchange."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, target: Target) -> IdlePool[HttpLine]:
        pool = self._pools.get(target)
        if pool is None:
            pool = IdlePool(most=self._max_idle, idle_limit_s=self._idle_limit_s, most_uses=self._max_uses)
            self._pools[target] = pool
        return pool

    async def _dial(self, request: HttpRequest) -> HttpLine:
        line = HttpLine(self._most_body_bytes)
        try:
            async with asyncio.timeout(request.connect_s):
                await self._dialer.dial(lambda: line, request.target)
        except DialFailed as failed:
            raise ExchangeFailed(str(failed), ours=failed.ours) from failed
        except TimeoutError:
            raise ExchangeFailed(f"no connection within {request.connect_s:g} s") from None
        return line


def host_header(target: Target) -> str:
    """The value of Host for a target (RFC 9110 section 7.2); what signs a request signs this too."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == (443 if target.tls else 80) else f"{host}:{target.port}"


class _Wire:
    """The request's bytes: the last one, and those before it, which are one piece unless the body is large."""

    __slots__ = ("before", "last")

    def __init__(self, request: HttpRequest) -> None:
        head, body = _head(request), request.body
        parts = (head, body) if len(body) > LARGE_BYTES else (head + body,)
        self.before: Final = (*parts[:-1], memoryview(parts[-1])[:-1])
        self.last: Final = parts[-1][-1:]


def _head(request: HttpRequest) -> bytes:
    fields = [("Host", host_header(request.target)), *request.headers]
    if request.body or request.method != "GET":
        fields.append(("Content-Length", str(len(request.body))))
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    head = "\r\n".join(lines)
    if head.count("\n") != len(fields) or head.count("\r") != len(fields):
        raise ValueError("a line end inside a header field of a request")
    return (head + "\r\n\r\n").encode("latin-1")


async def _send_but_last(line: HttpLine, wire: _Wire, stall_s: float) -> None:
    line.ask()
    for piece in wire.before:
        await line.pour(piece, stall_s)


def _is_stale(line: HttpLine) -> bool:
    """A kept connection that the server closed while it was idle."""
    return line.lost and line.silent


async def _ask_release(line: HttpLine, before_last_bytes: Callable[[], Awaitable[bool]]) -> None:
    if line.ended:
        raise ExchangeFailed(line.ended)
    if not await before_last_bytes():
        raise NotReleased("the last byte was kept back")


async def _response(line: HttpLine, *, wire_is_out: bool) -> HttpResponse:
    """The response; one that came before the request was complete can only be a refusal."""
    response = await line.answer()
    if response is None:
        raise ExchangeFailed(line.ended)
    if not wire_is_out:
        line.abort()
        if response.status < 400:
            raise ExchangeFailed(f"answered {response.status} before it had the request")
    return response
