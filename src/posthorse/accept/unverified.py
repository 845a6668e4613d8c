"""Room for bodies that alone can prove who sends them, such as the payload of a signature that the head leaves open.

Promise: what counts is what came, never what was announced. Sites that nothing was verified from lately share a part of
the room, each of them has a part of that, and sites that proved themselves have the rest: however many strangers send
however slowly, it stays free. The last quarter of every part is for small bodies.

Left out: how slow a body may be (`reception`); who is let in (the fronts).
"""

from collections import Counter

from posthorse.mail.ports import Clock
from posthorse.mail.proven import ProvenSites

OF_STRANGERS = 2 / 3
"""Of the room, for all sites together that have not proved themselves."""
OF_ONE_STRANGER = 1 / 2
OF_ONE_PROVEN = 2 / 3
OF_LARGE = 3 / 4
"""Of each part, for bodies that are not small."""


class UnverifiedRoom:
    """Keeps count of what is held, by site. `room_bytes` may be replaced at any time."""

    __slots__ = ("_by_site", "_of_strangers_bytes", "_proven", "held_bytes", "room_bytes")

    def __init__(self, clock: Clock, room_bytes: int) -> None:
        self._by_site: Counter[str] = Counter()
        self._of_strangers_bytes = 0
        self._proven = ProvenSites(clock)
        self.room_bytes = room_bytes
        self.held_bytes = 0
        """Of all of them."""

    def enter(self, site: str) -> "Share":
        """A share for one body, empty as yet."""
        return Share(self, site, is_stranger=site not in self._proven)

    def prove(self, site: str) -> None:
        """A body from there was verified."""
        self._proven.prove(site)

    def has_room(self, share: "Share", more_bytes: int, part: float) -> bool:
        """Whether so much may be added where bodies of this size may have `part` of everything."""
        may_hold_bytes = part * self.room_bytes
        its_part = OF_ONE_STRANGER if share.is_stranger else OF_ONE_PROVEN
        return (
            self.held_bytes + more_bytes <= may_hold_bytes
            and self._by_site[share.site] + more_bytes <= its_part * may_hold_bytes
            and not (share.is_stranger and self._of_strangers_bytes + more_bytes > OF_STRANGERS * may_hold_bytes)
        )

    def add(self, share: "Share", count: int) -> None:
        """So many bytes more, or less."""
        self.held_bytes += count
        self._of_strangers_bytes += count if share.is_stranger else 0
        self._by_site[share.site] += count
        if not self._by_site[share.site]:
            del self._by_site[share.site]


class Share:
    """One body's part of the room."""

    __slots__ = ("_held_bytes", "_room", "is_stranger", "site")

    def __init__(self, room: UnverifiedRoom, site: str, *, is_stranger: bool) -> None:
        self._room = room
        self._held_bytes = 0
        self.site = site
        self.is_stranger = is_stranger

    def take(self, more_bytes: int, *, is_small: bool) -> bool:
        """Whether so many bytes more were taken in."""
        if not self._room.has_room(self, more_bytes, 1.0 if is_small else OF_LARGE):
            return False
        self._room.add(self, more_bytes)
        self._held_bytes += more_bytes
        return True

    def leave(self) -> None:
        """Give all of it back; nothing the second time."""
        self._room.add(self, -self._held_bytes)
        self._held_bytes = 0
