"""Bytes in hand: the budget by itself, and that all of dispatch keeps to it."""

import asyncio
from collections.abc import Mapping

import pytest

from posthorse.dispatch.dispatcher import Settings
from posthorse.dispatch.in_hand import InHand
from posthorse.mail.carriage import Carriage
from posthorse.mail.orders import EJECTED, PAUSED
from posthorse.mail.outcome import Outcome
from posthorse.mail.stream import Stream
from posthorse.providers.port import HandoverGroup, ReleaseGate
from tests.unit.dispatch.scripted import Scripted, swallows, takes
from tests.unit.dispatch.stand import A, B, Stand, play

MIB = 1 << 20
BODY = bytes(12 * MIB)
BUDGET = Settings(in_hand_bytes=40 * MIB)


def test_a_stream_shares_the_budget_with_those_served_before_it() -> None:
    """What ranks lower counts for nothing, so large newsletters never hold up a password reset."""
    hand = InHand(100)
    hand.add(Stream.BULK, 70)
    hand.add(Stream.STANDARD, 20)
    assert [hand.left(stream) for stream in Stream] == [100, 80, 80, 10]
    assert all(hand.has_room(stream) for stream in Stream)
    assert [hand.has_room(stream, 15) for stream in Stream] == [True, True, True, False]
    hand.add(Stream.BULK, 50)
    assert (hand.left(Stream.BULK), hand.total) == (-40, 140)
    assert [hand.has_room(stream) for stream in Stream] == [True, True, True, False]
    hand.drop(Stream.BULK, 120)
    hand.drop(Stream.STANDARD, 20)
    assert [hand.left(stream) for stream in Stream] == [100] * 4


class Watched(Scripted):
    """A provider that notes the most bytes in hand while it takes its time."""

    def __init__(self, after_s: float = 1.0) -> None:
        super().__init__(A, large=True)
        self.always = self._take
        self.after_s = after_s
        self.stand: Stand | None = None
        self.most = 0

    async def _take(self, group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        if self.stand is not None:
            self.most = max(self.most, self.stand.dispatcher.hand.total)
        return await takes(self.after_s)(group, gate)


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted now", "leased"])
def test_large_mail_is_bounded_by_its_bytes_and_flows_on(accepted: bool) -> None:
    """However many slots are free, no more than the budget and one message is in hand; no poll is waited for."""
    provider = Watched()

    async def story(stand: Stand) -> None:
        provider.stand = stand
        if accepted:
            stand.spool.delay_s = 0.01
            await asyncio.gather(*[stand.post(Stream.BULK, body=BODY) for _ in range(12)])
        else:
            await stand.queue(Stream.BULK, count=12, body=BODY)
            stand.dispatcher.due(Stream.BULK, 0)
        await asyncio.sleep(4.2)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 12}
        assert provider.most_at_once in (3, 4)
        assert 36 * MIB <= provider.most <= 52 * MIB
        stand.assert_idle()

    play(story, provider, slots=20, settings=BUDGET)


def test_a_large_message_that_did_not_fit_waits_for_no_poll() -> None:
    """A lease that stopped before it, with little in it, is followed by the next one."""

    async def story(stand: Stand) -> None:
        for size in (1, 12 * MIB) * 4:
            await stand.queue(Stream.BULK, body=bytes(size))
            await asyncio.sleep(0.001)
        stand.dispatcher.due(Stream.BULK, 0)
        await asyncio.sleep(0.5)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 8}

    play(story, Scripted(A, large=True), slots=4, settings=Settings(in_hand_bytes=10 * MIB))


def test_one_message_over_the_budget_is_carried() -> None:
    """A budget smaller than a message lets them through one at a time."""
    provider = Watched(0.1)

    async def story(stand: Stand) -> None:
        await stand.queue(Stream.STANDARD, count=5, body=BODY)
        await stand.post(count=2, body=BODY)
        await asyncio.sleep(3)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 7}
        assert provider.most_at_once == 1

    play(story, provider, slots=20, settings=Settings(in_hand_bytes=1))


def test_urgent_mail_does_not_wait_for_large_bulk_mail() -> None:
    """With the budget spent by what ranks lower, urgent mail still comes leased and leaves at once."""

    async def story(stand: Stand) -> None:
        await stand.queue(Stream.BULK, count=10, body=BODY)
        await asyncio.sleep(1.5)
        assert not stand.dispatcher.supply.claims(Stream.BULK)
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(0.05)
        assert stand["A"].seen[-1].message.id == message

    play(story, Watched(20.0), slots=20, settings=BUDGET)


def test_whatever_leaves_the_hand_makes_room() -> None:
    """Waiting for a slot, planned anew, parked, given back: nothing is counted when all is done."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [swallows, swallows]
        body = bytes(MIB // 2)
        await stand.post(Stream.BULK, count=9, body=body)
        assert stand.dispatcher.hand.total == 3 * MIB  # two flying, the rest of the room waiting
        await stand.order({EJECTED + A: ""})
        await stand.order({PAUSED: ""})
        assert stand.dispatcher.hand.total == 2 * MIB  # two at A, two at B; what waited was given back
        await asyncio.sleep(30)
        assert stand.courier.parked == 2
        assert stand.dispatcher.hand.total == 0
        await stand.order({})
        await asyncio.sleep(30)
        assert await stand.carriages() == {Carriage.IN_DOUBT: 2, Carriage.HANDED_OVER: 7}
        stand.assert_idle()

    play(story, Scripted(A), Scripted(B), slots=2)


def test_what_could_not_be_stored_is_not_counted() -> None:
    """A claim that came to nothing gives its bytes back."""

    async def story(stand: Stand) -> None:
        stand.spool.down.add("admit")
        results = await asyncio.gather(*[stand.post(body=BODY) for _ in range(9)], return_exceptions=True)
        assert all(isinstance(result, Exception) for result in results)
        stand.assert_idle()

    play(story, Scripted(A, large=True), settings=BUDGET)
