"""Whether a connection is read: the two reasons for which it may not be, kept apart.

Promise: reading goes on only when neither holds: the client does not read its replies, or it has sent too much ahead of
an open decision.
"""

import asyncio


class Flow:
    """The tap of one transport."""

    __slots__ = ("_replies_pile_up", "_too_far_ahead", "_transport", "paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._replies_pile_up = False
        self._too_far_ahead = False
        self.paused = False

    def replies_pile_up(self, yes: bool) -> None:
        """The transport says that the client does not read, or reads again."""
        self._replies_pile_up = yes
        self._turn()

    def too_far_ahead(self, yes: bool) -> None:
        """Much waits unread for a decision, or no more."""
        if yes is not self._too_far_ahead:
            self._too_far_ahead = yes
            self._turn()

    def open(self) -> None:
        """Read whatever comes: it is thrown away."""
        self._replies_pile_up = self._too_far_ahead = False
        self._turn()

    def _turn(self) -> None:
        wanted = self._replies_pile_up or self._too_far_ahead
        if wanted is self.paused:
            return
        self.paused = wanted
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
