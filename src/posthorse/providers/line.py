"""One connection to a provider: how long it lives, whether it takes bytes, and the pool it rests in between uses.

Promise: whoever uses a line owns it alone. A line in the pool is open and silent as far as can be known: one that ends
or speaks leaves at once, one that was idle for too long is closed, and there are never more than `most` of them.

Left out: what is said on it (`smtp_line`, `http_line`), and counting lines in use (the courier's slots bound them).
"""

import asyncio
from typing import Any, Generic, TypeVar, cast

PIECE_BYTES = 32 << 10
"""Of something large so much is written at once."""


class Line(asyncio.Protocol):
    """One connection. Made by a dialer; `transport` is set before the dialer returns."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.uses = 0
        """Messages begun on this line."""
        self.idle_since = 0.0
        self.rests_in: IdlePool[Any] | None = None
        """Set while nobody owns the line: the pool to leave if it ends or speaks unasked."""
        self.ended = ""
        """Why the line can no longer be used; empty: it can."""
        self.lost = False
        """It ended from the other side or below, without a word."""
        self.congested = False
        """More was written than has left: `drain` before writing more."""
        self._writable: asyncio.Future[None] | None = None

    @property
    def usable(self) -> bool:
        """Open, and nothing came that was not asked for."""
        raise NotImplementedError

    def send(self, data: bytes | memoryview) -> None:
        """Write `data`; on a line that ended it is dropped."""
        if not self.ended:
            self.transport.write(data)

    @property
    def is_over(self) -> bool:
        """Nothing more need be said: the line ended, or what was said so far was answered already."""
        return bool(self.ended)

    async def pour(self, data: bytes | memoryview, within_s: float) -> None:
        """Write something of any size as fast as it leaves; return when most of it has left, or the line `is_over`.

        In pieces, since encryption copies what it is given, and with turns for others, since the network may take them
        as fast as they come. `within_s`: how long nothing at all may leave.
        """
        for start in range(0, len(data), PIECE_BYTES):
            if start and self.is_over:
                return
            self.send(data[start : start + PIECE_BYTES])
            if self.congested:
                await self.drain(within_s)
            elif start:
                await asyncio.sleep(0)

    async def drain(self, within_s: float) -> None:
        """Return when most of what was written has left, or the line ended, also by a stall.

        `within_s`: how long nothing at all may leave.
        """
        while self.congested and not self.ended:
            before = self.transport.get_write_buffer_size()
            self._writable = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(within_s):
                    await self._writable
            except TimeoutError:
                if self.transport.get_write_buffer_size() >= before:
                    self.end(f"nothing taken within {within_s:g} s")
            finally:
                self._writable = None

    def end(self, why: str) -> None:
        """The line is of no use any more: close it and tell whoever waits, once."""
        if not self.ended:
            self.ended = why
            self.transport.abort()
        self.tell_end()
        self._wake_writer()
        if self.rests_in is not None:
            self.rests_in.forget(self)

    def tell_end(self) -> None:
        """Tell whoever waits for an answer."""

    def abort(self) -> None:
        """Close at once; what was not yet sent is dropped."""
        self.rests_in = None
        self.ended = self.ended or "closed by us"
        self.transport.abort()

    def leave(self) -> None:
        """Close an idle line in the way of its protocol."""
        self.rests_in = None
        if not self.ended:
            self.ended = "closed by us"
            self.transport.close()

    # --- what the event loop calls ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self.lost = not self.ended
        self.end(f"connection lost: {exc}" if exc else "connection closed by the server")

    def pause_writing(self) -> None:
        """Called by the loop."""
        self.congested = True

    def resume_writing(self) -> None:
        """Called by the loop."""
        self.congested = False
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)


L = TypeVar("L", bound=Line)


class IdlePool(Generic[L]):
    """The idle lines to one server; the last one used is the first one taken."""

    __slots__ = ("_closed", "_idle", "_idle_limit_s", "_most", "_most_uses", "_sweep")

    def __init__(self, *, most: int, idle_limit_s: float, most_uses: int) -> None:
        self._most = most
        self._idle_limit_s = idle_limit_s
        self._most_uses = most_uses
        self._idle: dict[L, None] = {}
        """In the order in which they became idle."""
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._idle)

    def missing(self, wanted: int) -> int:
        """How many lines to open so that `wanted` are idle, or as many as are kept."""
        return 0 if self._closed else max(0, min(wanted, self._most) - len(self._idle))

    def take(self) -> L | None:
        """The line that was used last, now the caller's own; None: there is none."""
        if not self._idle:
            return None
        line, _ = self._idle.popitem()
        line.rests_in = None
        return line

    def give(self, line: L) -> None:
        """Keep the line, or close it if it is worn out or there are enough."""
        if not line.usable:
            line.abort()
        elif self._closed or line.uses >= self._most_uses or len(self._idle) >= self._most:
            line.leave()
        else:
            loop = asyncio.get_running_loop()
            line.idle_since = loop.time()
            line.rests_in = self
            self._idle[line] = None
            if self._sweep is None:
                self._sweep = loop.call_later(self._idle_limit_s, self._close_old)

    def forget(self, line: L) -> None:
        """A line ended while it rested here."""
        line.rests_in = None
        self._idle.pop(line, None)

    def close(self) -> None:
        """Close all, and from now on every line that comes back."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        while (line := self.take()) is not None:
            line.leave()

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = None
        too_old = loop.time() - self._idle_limit_s
        for line in [line for line in self._idle if line.idle_since <= too_old]:
            del self._idle[line]
            line.leave()
        if self._idle:
            oldest = next(iter(self._idle))
            self._sweep = loop.call_at(oldest.idle_since + self._idle_limit_s, self._close_old)
