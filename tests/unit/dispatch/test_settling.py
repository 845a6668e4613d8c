"""The settler: settlements become durable in groups, in order, whatever the spool does meanwhile."""

import asyncio
from collections.abc import Sequence

from posthorse.dispatch.settling import BATCH, FULL, Settler
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.ports import WorldClock
from posthorse.mail.ids import MAIN_TENANT, MessageId
from posthorse.mail.message import Message
from posthorse.mail.outcome import Handover
from posthorse.mail.stream import Stream
from posthorse.spool.port import Settled, Settlement, SpoolUnavailable
from tests.unit.dispatch.stand import MoodySpool, Told

MESSAGE = Message(
    id=MessageId(bytes(16)),
    tenant=MAIN_TENANT,
    stream=Stream.BULK,
    sender="",
    size_bytes=1,
    accepted_at=0,
    expires_at=1,
)


class Counting(MoodySpool):
    """Takes every settlement and remembers the batches."""

    def __init__(self, loop: WorldLoop) -> None:
        super().__init__(WorldClock(loop))
        self.batches: list[int] = []
        self.settled: list[int] = []
        self.failing = 0

    async def settle(self, batch: Sequence[Settlement]) -> Sequence[Settled]:
        """As the port says."""
        await asyncio.sleep(0.01)
        if self.failing:
            self.failing -= 1
            raise SpoolUnavailable
        if any(self.poison(one) for one in batch):
            raise ZeroDivisionError("poison")
        self.batches.append(len(batch))
        self.settled += [one.n for one in batch]
        return [Settled.APPLIED] * len(batch)


def due(n: int, next_at: int | None = None) -> Settlement:
    """A settlement."""
    return Settlement(message_id=MESSAGE.id, n=n, fence=1, outcome=Handover(), next_at=next_at)


def test_what_comes_together_is_settled_together_and_in_order() -> None:
    """One transaction for what waits, a bounded number at a time; while it runs the next group gathers."""

    async def main(loop: WorldLoop) -> None:
        spool, told = Counting(loop), Told()
        settler = Settler(spool, told, lambda stream, at: None)
        for n in range(BATCH + 10):
            settler.add(MESSAGE, due(n))
        await asyncio.sleep(0.005)
        settler.add(MESSAGE, due(9_999))
        await settler.drain(10)
        assert spool.batches == [BATCH, 11]
        assert spool.settled == [*range(BATCH + 10), 9_999]
        assert [n for _, n, *_ in told.settlements] == spool.settled

    run_world(main, 1)


def test_what_may_be_leased_again_is_told_once_durable() -> None:
    """Never before the transaction, and only what has a time."""

    async def main(loop: WorldLoop) -> None:
        heard: list[tuple[Stream, int]] = []
        settler = Settler(Counting(loop), Told(), lambda stream, at: heard.append((stream, at)))
        settler.add(MESSAGE, due(0, next_at=5))
        settler.add(MESSAGE, due(1))
        await asyncio.sleep(0.005)
        assert heard == []
        await settler.drain(10)
        assert heard == [(Stream.BULK, 5)]

    run_world(main, 1)


def test_an_unavailable_spool_is_asked_again_with_growing_pauses() -> None:
    """Nothing is lost or settled twice, and five seconds is the longest pause."""

    async def main(loop: WorldLoop) -> None:
        spool, told = Counting(loop), Told()
        spool.failing = 9
        settler = Settler(spool, told, lambda stream, at: None)
        settler.add(MESSAGE, due(0))
        await settler.drain(100)
        assert spool.settled == [0]
        assert told.troubles == ["settle"] * 9
        assert 0.1 + 0.2 + 0.5 + 1 + 2 + 4 * 5 <= loop.time() < 24.5

    run_world(main, 1)


def test_it_is_full_at_its_bound() -> None:
    """Beyond the bound the dispatcher starts nothing new."""

    async def main(loop: WorldLoop) -> None:
        spool = Counting(loop)
        spool.failing = 1_000
        settler = Settler(spool, Told(), lambda stream, at: None)
        for n in range(FULL):
            assert not settler.full
            settler.add(MESSAGE, due(n))
        assert settler.full
        spool.failing = 0
        await settler.drain(100)
        assert not settler.full

    run_world(main, 1)


def test_poison_is_let_go_and_all_others_are_settled() -> None:
    """Whatever the place of the settlements that no spool takes, each is told as a bug and no other waits for it."""

    async def main(loop: WorldLoop) -> None:
        spool, told = Counting(loop), Told()
        bad = {0, 77, 78, 299}
        spool.poison = lambda one: one.n in bad
        settler = Settler(spool, told, lambda stream, at: None)
        for n in range(300):
            settler.add(MESSAGE, due(n))
        await settler.drain(60)
        assert sorted(spool.settled) == sorted(set(range(300)) - bad)
        assert [str(error) for _, error in told.bugs] == ["poison"] * 4

    run_world(main, 1)


def test_draining_ends_in_time_even_if_the_spool_never_comes_back() -> None:
    """What is left lapses with its lease; nothing of the settler runs on."""

    async def main(loop: WorldLoop) -> None:
        spool = Counting(loop)
        spool.failing = 10**9
        settler = Settler(spool, Told(), lambda stream, at: None)
        settler.add(MESSAGE, due(0))
        await settler.drain(3.0)
        assert loop.time() == 3.0
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    run_world(main, 1)


def test_draining_nothing_takes_no_time() -> None:
    """With nothing queued it returns at once."""

    async def main(loop: WorldLoop) -> None:
        await Settler(Counting(loop), Told(), lambda stream, at: None).drain(5.0)
        assert loop.time() == 0.0

    run_world(main, 1)
