"""The crowd at a listener: who has how many connections, and who gives way when there are too many.

Promise: no address has more than its part; beyond it a newcomer takes the place of one of its own that asks for
nothing. When everything is taken, whoever has fewest still gets in, and a connection gives way that the address with
most of them has. What is least worth goes first, the oldest of it, and never one with a whole request under way. So a
monitor that asks for health is heard while others hold all they can.

Left out: heads and bodies that take too long, which end by themselves (`bounded_head`, the fronts).
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Protocol


class Worth(IntEnum):
    """What would be lost with a connection; the least first."""

    SILENT = 0
    """It has not asked for anything yet."""
    IDLE = 1
    """It was answered, and may ask again."""
    SENDING = 2
    """Its request is not whole; nothing was done about it."""
    WAITING = 3
    """It waits for an answer."""


class Connection(Protocol):
    """One of them."""

    @property
    def worth(self) -> Worth:
        """What would be lost with it now."""
        ...

    def give_way(self) -> None:
        """End at once."""
        ...


class Crowd:
    """All connections of one listener, by the address at their other end."""

    __slots__ = ("_by_peer", "_most", "_most_of_one", "count")

    def __init__(self, most: int, most_of_one: Callable[[], int]) -> None:
        """`most`: of all; `most_of_one`: from one address, as it is set now."""
        self._most = most
        self._most_of_one = most_of_one
        self._by_peer: dict[str, dict[Connection, None]] = {}
        """The oldest first."""
        self.count = 0

    def enter(self, peer: str, connection: Connection, *, is_local: bool = False) -> bool:
        """Whether there is room for one more. `is_local`: `peer` is no address, but whoever may open a socket."""
        its = len(self._by_peer.get(peer, ()))
        if its >= self._most_of_one() and not is_local:
            if not self._cut(peer, Worth.IDLE):
                return False
        elif self.count >= self._most and not self._cut(self._heavier_than(its + 1), Worth.SENDING):
            return False
        self._by_peer.setdefault(peer, {})[connection] = None
        self.count += 1
        return True

    def leave(self, peer: str, connection: Connection) -> None:
        """It has ended; nothing happens if it never entered."""
        its = self._by_peer.get(peer)
        if its is None or connection not in its:
            return
        del its[connection]
        self.count -= 1
        if not its:
            del self._by_peer[peer]

    def _heavier_than(self, its: int) -> str:
        """The address with most connections, if it has more than `its`; else none."""
        heaviest = max(self._by_peer, key=lambda peer: len(self._by_peer[peer]))
        return heaviest if len(self._by_peer[heaviest]) > its else ""

    def _cut(self, peer: str, most_worth: Worth) -> bool:
        """End one connection of this address that is worth no more than that, if there is one."""
        found = _least(self._by_peer.get(peer, ()), most_worth)
        if found is None:
            return False
        self.leave(peer, found)
        found.give_way()
        return True


def _least(connections: Iterable[Connection], most_worth: Worth) -> Connection | None:
    least, worth = None, most_worth + 1
    for one in connections:
        its = one.worth
        if its < worth:
            least, worth = one, its
            if its is Worth.SILENT:
                break
    return least
