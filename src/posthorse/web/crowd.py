"""The crowd at a listener: who has how many connections, and who gives way when there are too many.

Promise: no address has more than its part; when everything is taken, whoever has fewest still gets in, and the newest
connection gives way that the address with most of them has and that nothing would be lost with. So a monitor that asks
for health is heard while others hold all they can.

Left out: heads and bodies that take too long, which end by themselves (`bounded_head`, the fronts).
"""

from collections.abc import Callable
from typing import Protocol


class Connection(Protocol):
    """One of them."""

    @property
    def may_be_cut(self) -> bool:
        """Whether it has no whole request that waits for its answer."""
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
        """The newest last."""
        self.count = 0

    def enter(self, peer: str, connection: Connection, *, is_local: bool = False) -> bool:
        """Whether there is room for one more. `is_local`: `peer` is no address, but whoever may open a socket."""
        its = len(self._by_peer.get(peer, ()))
        if its >= self._most_of_one() and not is_local:
            return False
        if self.count >= self._most and not self._make_room(its):
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

    def _make_room(self, its: int) -> bool:
        """End a connection of the address that has most, if that is more than `its`."""
        heaviest = max(self._by_peer, key=lambda peer: len(self._by_peer[peer]))
        if len(self._by_peer[heaviest]) <= its + 1:
            return False
        newest = next((one for one in reversed(self._by_peer[heaviest]) if one.may_be_cut), None)
        if newest is None:
            return False
        self.leave(heaviest, newest)
        newest.give_way()
        return True
