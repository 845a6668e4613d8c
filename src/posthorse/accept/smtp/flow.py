"""Whether a connection is read: the three reasons for which it may not be, kept apart.

Promise: reading goes on only when none holds: the client does not read its replies, it has sent too much ahead of an
open decision, or it was read a lot just now and others come first.
"""

import asyncio


class Flow:
    """The tap of one transport."""

    __slots__ = ("_others_first", "_replies_pile_up", "_too_far_ahead", "_transport", "paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._replies_pile_up = False
        self._too_far_ahead = False
        self._others_first = False
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

    def give_way(self) -> None:
        """Much came at once: read on when everybody else had a turn. libuv would read 8 MB of one client in a row."""
        if not self._others_first:
            self._others_first = True
            asyncio.get_running_loop().call_soon(self._go_on)
            self._turn()

    def open(self) -> None:
        """Read whatever comes: it is thrown away."""
        self._replies_pile_up = self._too_far_ahead = False
        self._turn()

    def _go_on(self) -> None:
        self._others_first = False
        if not self._transport.is_closing():
            self._turn()

    def _turn(self) -> None:
        wanted = self._replies_pile_up or self._too_far_ahead or self._others_first
        if wanted is self.paused:
            return
        self.paused = wanted
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
