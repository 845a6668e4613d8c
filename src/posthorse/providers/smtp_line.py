"""What is said on one connection to an SMTP server: bytes out, replies in.

Promise: `say` ends with as many replies as it asked for or with `LineFailed`, which holds those that came. A reply
nobody asked for is never taken for the answer to a later command.

Left out: what is said and when (`smtp_open`, `smtp_transaction`), which lines are kept (`line`).
"""

import asyncio

from posthorse.mail.outcome import Reply
from posthorse.providers.line import Line
from posthorse.providers.smtp_core import BrokenReply, Features, ReplyParser

SERVICE_CLOSING = 421
"""May answer any command; nothing follows it (RFC 5321 section 3.8)."""
_MOST_UNASKED = 8


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


class SmtpLine(Line):
    """One connection to an SMTP server."""

    def __init__(self) -> None:
        super().__init__()
        self.features = Features()
        self.needs_reset = False
        """A transaction was left open: RSET comes before the next one."""
        self._parser = ReplyParser()
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._within_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Open, and nothing came that was not asked for."""
        return not self.ended and not self._replies and not self._parser.amid_reply

    @property
    def is_over(self) -> bool:
        """The line ended, or the server answered before it was asked."""
        return not self.usable

    @property
    def word(self) -> Reply:
        """What stands for an answer on a line that is not usable: what came unasked, else why the line ended."""
        return self._replies[-1] if self._replies else Reply(text=self.ended or "the server began a reply unasked")

    async def say(self, data: bytes, wanted: int, within_s: float | None) -> list[Reply]:
        """Write `data` and await `wanted` replies. Raises `LineFailed`.

        `within_s`: how long each of them may take after the one before (RFC 5321 section 4.5.3.2 sets its times by
        command, however many were sent at once); None: for as long as it takes.
        """
        if data and (self._replies or self._parser.amid_reply):
            self.end("the server answered before it was asked")
        if self.ended:
            raise LineFailed(self.ended, self._taken(wanted))
        if data:
            self.transport.write(data)
        if len(self._replies) >= wanted:
            return self._taken(wanted)
        self._wanted = wanted
        self._within_s = within_s
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        self._wind()
        try:
            await waiter
        finally:
            self._waiter = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        return self._taken(wanted)

    def leave(self) -> None:
        """Take leave with QUIT and close, without waiting for the answer."""
        self.send(b"QUIT\r\n")
        super().leave()

    def under_tls(self, transport: asyncio.Transport) -> None:
        """Go on over TLS: nothing learnt or received before counts (RFC 3207 section 4.2)."""
        self.transport = transport
        self.features = Features()
        self._parser = ReplyParser()
        self._replies.clear()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            replies = self._parser.feed(data)
        except BrokenReply as broken:
            self.end(str(broken))
            return
        self._replies += replies
        waiter = self._waiter
        if waiter is not None and replies and not waiter.done():
            if len(self._replies) >= self._wanted:
                waiter.set_result(None)
            else:
                self._wind()
        if replies and replies[-1].code == SERVICE_CLOSING:
            self.end("the server closed the service")
        elif waiter is None:
            self._heard_unasked()

    def tell_end(self) -> None:
        """Wake whoever waits for replies."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LineFailed(self.ended, self._taken(self._wanted)))

    def _wind(self) -> None:
        """The time for the next reply begins."""
        if self._timer is not None:
            self._timer.cancel()
        if self._within_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._within_s, self._give_up)

    def _give_up(self) -> None:
        self.end(f"no answer within {self._within_s:g} s")

    def _heard_unasked(self) -> None:
        if self.rests_in is not None:
            self.end("the server spoke on an idle connection")
        elif len(self._replies) > _MOST_UNASKED:
            self.end("the server answers what was not asked")

    def _taken(self, wanted: int) -> list[Reply]:
        replies = self._replies
        self._replies = replies[wanted:]
        return replies if len(replies) <= wanted else replies[:wanted]
