"""Answers on their way back to a client: each leaves after its delay, in order.

Used by every simulated wire, so that a long line (latency), a slow provider and a silent one look the same everywhere.
Promise: answers never overtake one another, whatever delay they were given.
"""

import asyncio
from collections import deque

CLOSE = b""
"""Said instead of words: end the connection."""


class AnswerQueue:
    """What one connection has yet to say."""

    __slots__ = ("_due", "_gathered", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._due: deque[tuple[float, bytes]] = deque()
        self._gathered: list[bytes] | None = None

    def say(self, answer: bytes, delay_s: float) -> None:
        """Send `answer` after `delay_s`, and never before what was said earlier. `CLOSE`: end the connection then."""
        if not delay_s and not self._due:
            self._send(answer)
            return
        due = self._loop.time() + delay_s
        if self._due:
            due = max(due, self._due[-1][0])
        self._due.append((due, answer))
        self._loop.call_at(due, self._next)

    def gather(self) -> None:
        """Keep what is said without delay until `flush`, to send it in one piece."""
        self._gathered = []

    def flush(self) -> None:
        """Send what was gathered."""
        gathered, self._gathered = self._gathered, None
        if gathered and not self._transport.is_closing():
            self._transport.write(b"".join(gathered))

    def use(self, transport: asyncio.Transport) -> None:
        """Speak through another transport from now on (TLS was put on top)."""
        self._transport = transport

    def drop(self) -> None:
        """Say nothing of what is waiting."""
        self._due.clear()
        self._gathered = None

    def _next(self) -> None:
        if self._due:
            self._send(self._due.popleft()[1])

    def _send(self, answer: bytes) -> None:
        if self._transport.is_closing():
            return
        if not answer:
            self.flush()
            self._transport.close()
        elif self._gathered is not None:
            self._gathered.append(answer)
        else:
            self._transport.write(answer)
