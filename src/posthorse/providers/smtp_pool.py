"""Idle connections to one SMTP server, kept for the next message.

Promise: a line in the pool is open and silent as far as can be known: one that ends or speaks leaves at once, one that
was idle for too long is closed, and there are never more than `most` of them.

Left out: opening lines, and counting those in use (the courier's slots bound them).
"""

import asyncio

from posthorse.providers.smtp_line import SmtpLine


class SmtpPool:
    """The idle lines of one provider; the last one used is the first one taken."""

    __slots__ = ("_closed", "_idle", "_idle_limit_s", "_most", "_most_messages", "_sweep")

    def __init__(self, *, most: int, idle_limit_s: float, most_messages: int) -> None:
        self._most = most
        self._idle_limit_s = idle_limit_s
        self._most_messages = most_messages
        self._idle: dict[SmtpLine, None] = {}
        """In the order in which they became idle."""
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._idle)

    def take(self) -> SmtpLine | None:
        """The line that was used last, now the caller's own; None: there is none."""
        if not self._idle:
            return None
        line, _ = self._idle.popitem()
        line.on_idle_end = None
        return line

    def give(self, line: SmtpLine) -> None:
        """Keep the line, or close it if it is worn out or there are enough."""
        if not line.usable:
            line.abort()
        elif self._closed or line.messages >= self._most_messages or len(self._idle) >= self._most:
            line.quit()
        else:
            loop = asyncio.get_running_loop()
            line.idle_since = loop.time()
            line.on_idle_end = self._forget
            self._idle[line] = None
            if self._sweep is None:
                self._sweep = loop.call_later(self._idle_limit_s, self._close_old)

    def close(self) -> None:
        """Close all, and from now on every line that comes back."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        while (line := self.take()) is not None:
            line.quit()

    def _forget(self, line: SmtpLine) -> None:
        self._idle.pop(line, None)

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = None
        too_old = loop.time() - self._idle_limit_s
        for line in [line for line in self._idle if line.idle_since <= too_old]:
            del self._idle[line]
            line.quit()
        if self._idle:
            oldest = next(iter(self._idle))
            self._sweep = loop.call_at(oldest.idle_since + self._idle_limit_s, self._close_old)
