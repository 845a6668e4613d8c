"""Keeping together: what arrives while the spool commits shares its next transaction."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from posthorse.feedback.keeping import Keeping
from posthorse.spool.inbox_port import Digestion, Learning, Notification, StoredNotification
from posthorse.spool.port import SpoolUnavailable
from tests.unit.feedback.kit import RELAY

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class SlowInbox:
    """An inbox whose transactions end when a test says so."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.turn = asyncio.Event()
        self.failing = False

    async def take_in(self, batch: Sequence[Notification]) -> Sequence[bool]:
        """One transaction."""
        self.batches.append([one.body for one in batch])
        await self.turn.wait()
        if self.failing:
            raise SpoolUnavailable("disk full")
        return [one.body != b"old" for one in batch]

    async def undigested(self, limit: int) -> Sequence[StoredNotification]:
        """Nothing."""
        return []

    async def offer_again(self, limit: int) -> int:
        """None."""
        return 0

    async def digest(self, batch: Sequence[Digestion]) -> Sequence[Sequence[Learning]]:
        """Nothing."""
        return []


def notification(body: bytes) -> Notification:
    """One notification."""
    return Notification(provider=RELAY, key=body.ljust(16)[:16], body=body)


async def turns(count: int = 3) -> None:
    """Let others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_arrives_meanwhile_goes_together(run: Run) -> None:
    """The first at once and alone, all others in one transaction after it; each gets its own answer."""

    async def story() -> None:
        inbox = SlowInbox()
        keeping = Keeping(inbox)
        first = asyncio.ensure_future(keeping.keep(notification(b"0")))
        await turns()
        others = [asyncio.ensure_future(keeping.keep(notification(body))) for body in (b"1", b"old", b"2")]
        await turns()
        assert inbox.batches == [[b"0"]]
        inbox.turn.set()
        assert await first is True
        assert await asyncio.gather(*others) == [True, False, True]
        assert inbox.batches == [[b"0"], [b"1", b"old", b"2"]]

    run(story())


def test_when_the_spool_fails_all_who_were_in_it_are_told(run: Run) -> None:
    """And whoever comes after it is tried anew."""

    async def story() -> None:
        inbox = SlowInbox()
        keeping = Keeping(inbox)
        inbox.failing = True
        inbox.turn.set()
        for answer in await asyncio.gather(
            *(keeping.keep(notification(bytes([n]))) for n in range(3)), return_exceptions=True
        ):
            assert isinstance(answer, SpoolUnavailable)
        inbox.failing = False
        assert await keeping.keep(notification(b"after")) is True

    run(story())


def test_who_gave_up_waiting_costs_nobody_anything(run: Run) -> None:
    """The transaction goes on for the others."""

    async def story() -> None:
        inbox = SlowInbox()
        keeping = Keeping(inbox)
        waiting = [asyncio.ensure_future(keeping.keep(notification(bytes([n])))) for n in range(3)]
        await turns()
        waiting[1].cancel()
        inbox.turn.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        assert await waiting[0] is await waiting[2] is True

    run(story())


def test_a_transaction_holds_a_bounded_number(run: Run) -> None:
    """Six hundred at once go in three."""

    async def story() -> None:
        inbox = SlowInbox()
        inbox.turn.set()
        keeping = Keeping(inbox)
        answers = await asyncio.gather(*(keeping.keep(notification(b"%d" % n)) for n in range(600)))
        assert answers == [True] * 600
        assert [len(batch) for batch in inbox.batches] == [256, 256, 88]

    run(story())
