"""Room at the hooks: how many requests may be under way, and how many bytes of bodies are held, by whom.

Promise: what is held is what came, never what was announced. Whoever finds no place waits a moment for one, in turn,
before he is told to come again. Peers that nothing genuine came from lately share a part of the room, each of them has
a part of that, and those that proved themselves have the rest: however many strangers come, it stays free.

Left out: how slow a body may be (`hook_request`), and what makes a request genuine (the readers).
"""

import asyncio
from collections import Counter

from posthorse.feedback.hook_request import NotRead
from posthorse.mail.ports import Clock
from posthorse.mail.proven import ProvenSites

MOST_AT_ONCE = 512
"""Requests under way."""
OF_STRANGERS = 384
"""Of them, from peers that have not proved themselves."""
OF_ONE_STRANGER = 128
OF_ONE_KNOWN = 384
MOST_HELD_BYTES = 64 << 20
"""Of bodies under way."""
HELD_OF_STRANGERS_BYTES = 48 << 20
HELD_OF_ONE_STRANGER_BYTES = 16 << 20
HELD_OF_ONE_KNOWN_BYTES = 48 << 20
MOST_WAITING = 1_024
"""Requests that wait for a place; not of one peer alone, who may have half."""
WAIT_S = 5.0


class HookRoom:
    """Keeps count of what is under way."""

    def __init__(self, clock: Clock) -> None:
        self._requests = _Share()
        self._bytes = _Share()
        self._waiting: dict[asyncio.Future[Place], str] = {}
        """By whom, in the order they came."""
        self._waits = _Share()
        self._proven = ProvenSites(clock)

    async def enter(self, peer: str) -> "Place":
        """A place for one request, at once or in a moment. Raises `NotRead`."""
        return self._place(peer) if self._is_free(peer) else await self._wait(peer)

    def hold(self, peer: str, count: int, *, stranger: bool) -> None:
        """So many bytes more are held. Raises `NotRead`, and holds none of them."""
        mine = HELD_OF_ONE_STRANGER_BYTES if stranger else HELD_OF_ONE_KNOWN_BYTES
        held = self._bytes
        if (
            held.all + count > MOST_HELD_BYTES
            or held.by_peer[peer] + count > mine
            or (stranger and held.of_strangers + count > HELD_OF_STRANGERS_BYTES)
        ):
            raise NotRead("busy", 503)
        held.add(peer, count, stranger=stranger)

    def leave(self, peer: str, held: int, *, stranger: bool) -> None:
        """A request with so many bytes is over."""
        self._bytes.add(peer, -held, stranger=stranger)
        self._requests.add(peer, -1, stranger=stranger)
        self._next()

    def prove(self, peer: str) -> None:
        """Something genuine came from there."""
        self._proven.prove(peer)

    def is_known(self, peer: str) -> bool:
        """Whether something genuine came from there lately."""
        return peer in self._proven

    def _is_free(self, peer: str) -> bool:
        requests = self._requests
        if requests.all >= MOST_AT_ONCE:
            return False
        if self.is_known(peer):
            return requests.by_peer[peer] < OF_ONE_KNOWN
        return requests.of_strangers < OF_STRANGERS and requests.by_peer[peer] < OF_ONE_STRANGER

    def _place(self, peer: str) -> "Place":
        stranger = not self.is_known(peer)
        self._requests.add(peer, 1, stranger=stranger)
        return Place(self, peer, stranger=stranger)

    async def _wait(self, peer: str) -> "Place":
        if self._waits.all >= MOST_WAITING or self._waits.by_peer[peer] >= MOST_WAITING // 2:
            raise NotRead("busy", 503)
        turn: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = peer
        self._waits.add(peer, 1, stranger=False)
        try:
            async with asyncio.timeout(WAIT_S):
                return await turn
        except BaseException as gone:
            if turn.done() and not turn.cancelled():
                turn.result().leave()
            if isinstance(gone, TimeoutError):
                raise NotRead("busy", 503) from None
            raise
        finally:
            self._waiting.pop(turn, None)
            self._waits.add(peer, -1, stranger=False)

    def _next(self) -> None:
        """Let the first in who finds a place now."""
        for turn, peer in self._waiting.items():
            if not turn.done() and self._is_free(peer):
                turn.set_result(self._place(peer))
                return


class _Share:
    """A sum, and who has which part of it."""

    def __init__(self) -> None:
        self.all = 0
        self.of_strangers = 0
        self.by_peer: Counter[str] = Counter()

    def add(self, peer: str, count: int, *, stranger: bool) -> None:
        """More, or less."""
        self.all += count
        self.of_strangers += count if stranger else 0
        self.by_peer[peer] += count
        if self.by_peer[peer] <= 0:
            del self.by_peer[peer]


class Place:
    """One request's part of the room; a context that gives it back."""

    def __init__(self, room: HookRoom, peer: str, *, stranger: bool) -> None:
        self._room = room
        self._peer = peer
        self._stranger = stranger
        self._held = 0

    def __enter__(self) -> "Place":
        """Have it."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Give it back."""
        self.leave()

    def leave(self) -> None:
        """Give it back, once."""
        self._room.leave(self._peer, self._held, stranger=self._stranger)

    def hold(self, count: int) -> None:
        """So many bytes came. Raises `NotRead`."""
        self._room.hold(self._peer, count, stranger=self._stranger)
        self._held += count
