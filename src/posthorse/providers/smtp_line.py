"""One connection to an SMTP server: bytes out, replies in, and the moment it ends.

Promise: `say` ends with as many replies as it asked for or with `LineFailed`, which holds those that came. A reply
nobody asked for is never taken for the answer to a later command. Whoever uses a line owns it alone.

Left out: what is said (`smtp_open`, `smtp`) and which lines are kept (`smtp_pool`).
"""

import asyncio
from collections.abc import Callable
from typing import cast

from posthorse.mail.outcome import Reply
from posthorse.providers.smtp_core import BrokenReply, Features, ReplyParser

SERVICE_CLOSING = 421
"""May answer any command; nothing follows it (RFC 5321 section 3.8)."""


class LineFailed(Exception):
    """No complete answer: lost, silent for too long, or broken."""

    def __init__(self, why: str, replies: list[Reply]) -> None:
        super().__init__(why)
        self.why = why
        self.replies = replies
        """The complete replies before the end, in order."""

    @property
    def reply(self) -> Reply:
        """What stands for the answers that did not come: the 421 that closed the line, or silence and why."""
        if self.replies and self.replies[-1].code == SERVICE_CLOSING:
            return self.replies[-1]
        return Reply(text=self.why)


class SmtpLine(asyncio.Protocol):
    """One connection. Made by a dialer; `transport` is set before the dialer returns."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.features = Features()
        self.messages = 0
        """Transactions begun on this line."""
        self.needs_reset = False
        """A transaction was left open: RSET comes before the next one."""
        self.lost = False
        """It ended from the other side or below, without a word."""
        self.idle_since = 0.0
        self.on_idle_end: Callable[[SmtpLine], None] | None = None
        """Set while nobody owns the line: called once if it ends or speaks unasked."""
        self._parser = ReplyParser()
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused = False
        self._ended = ""
        """Why the line can no longer be used; empty: it can."""

    @property
    def usable(self) -> bool:
        """Open, and nothing came that was not asked for."""
        return not self._ended and not self._replies and not self._parser.amid_reply

    async def say(self, data: bytes, wanted: int, within_s: float | None) -> list[Reply]:
        """Write `data` and await `wanted` replies; `within_s` None: for as long as it takes. Raises `LineFailed`."""
        if data and (self._replies or self._parser.amid_reply):
            self._end("the server answered before it was asked")
        if self._ended:
            raise LineFailed(self._ended, self._taken(wanted))
        if data:
            self.transport.write(data)
        if len(self._replies) < wanted:
            await self._await_replies(wanted, within_s)
        return self._taken(wanted)

    async def _await_replies(self, wanted: int, within_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._wanted = wanted
        self._waiter = loop.create_future()
        timer = None if within_s is None else loop.call_later(within_s, self._give_up, within_s)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def send(self, data: bytes) -> None:
        """Write `data`; no reply is due before more is said. On a line that ended it is dropped."""
        if not self._ended:
            self.transport.write(data)

    async def drain(self, within_s: float) -> None:
        """Return when most of what was written has left. Raises `LineFailed` when `within_s` pass without progress."""
        while self._paused and not self._ended:
            before = self.transport.get_write_buffer_size()
            self._writable = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(within_s):
                    await self._writable
            except TimeoutError:
                if self.transport.get_write_buffer_size() >= before:
                    self._end(f"nothing taken within {within_s:g} s")
            finally:
                self._writable = None
        if self._ended:
            raise LineFailed(self._ended, self._taken(len(self._replies)))

    def abort(self) -> None:
        """Close at once; what was not yet sent is dropped."""
        self.on_idle_end = None
        self._ended = self._ended or "closed by us"
        self.transport.abort()

    def quit(self) -> None:
        """Take leave and close, without waiting for the answer."""
        self.on_idle_end = None
        if not self._ended:
            self._ended = "closed by us"
            self.transport.write(b"QUIT\r\n")
            self.transport.close()

    def under_tls(self, transport: asyncio.Transport) -> None:
        """Go on over TLS: nothing learnt or received before counts (RFC 3207 section 4.2)."""
        self.transport = transport
        self.features = Features()
        self._parser = ReplyParser()
        self._replies.clear()

    # --- what the event loop calls ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            replies = self._parser.feed(data)
        except BrokenReply as broken:
            self._end(str(broken))
            return
        self._replies += replies
        waiter = self._waiter
        if waiter is not None and len(self._replies) >= self._wanted and not waiter.done():
            waiter.set_result(None)
        if replies and replies[-1].code == SERVICE_CLOSING:
            self._end("the server closed the service")
        elif waiter is None:
            self._heard_unasked()

    def eof_received(self) -> None:
        """Called by the loop; the transport then closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self.lost = not self._ended
        self._end(f"connection lost: {exc}" if exc else "connection closed by the server")

    def pause_writing(self) -> None:
        """Called by the loop."""
        self._paused = True

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._paused = False
        self._wake_writer()

    # --- details ----------------------------------------------------------------------------------------------------

    def _give_up(self, within_s: float) -> None:
        self._end(f"no answer within {within_s:g} s")

    def _heard_unasked(self) -> None:
        if self.on_idle_end is not None:
            self._end("the server spoke on an idle connection")
        elif len(self._replies) > 8:
            self._end("the server answers what was not asked")

    def _end(self, why: str) -> None:
        """The line is of no use any more: tell whoever waits, once."""
        if not self._ended:
            self._ended = why
            self.transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LineFailed(self._ended, self._taken(self._wanted)))
        self._wake_writer()
        tell, self.on_idle_end = self.on_idle_end, None
        if tell is not None:
            tell(self)

    def _wake_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _taken(self, wanted: int) -> list[Reply]:
        replies, self._replies = self._replies[:wanted], self._replies[wanted:]
        return replies
