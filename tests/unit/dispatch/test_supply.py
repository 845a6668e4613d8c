"""The supply in its dispatcher: what is brought from the spool, when, in which order, and at what cost."""

import asyncio

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.orders import PAUSED
from posthorse.mail.outcome import Rejection, Scope
from posthorse.mail.stream import Stream
from tests.unit.dispatch.scripted import Scripted, hangs, refuses, takes
from tests.unit.dispatch.stand import A, Stand, play


def test_queued_mail_is_brought_in_batches() -> None:
    """A backlog is leased for many slots at a time, and every message of it is handed over once."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(0.01)
        ids = await stand.queue(count=200)
        await asyncio.sleep(30)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 200}
        assert sorted(seen.message.id for seen in stand["A"].seen) == sorted(ids)
        assert stand["A"].most_at_once == 8
        assert stand["A"].seen[-1].at_s - stand["A"].seen[0].at_s < 1.0, "no slot waits for a tick or a poll"
        assert stand.spool.calls["lease"] < 200 / 2 + 40
        stand.assert_idle()

    play(story, slots=8)


def test_claims_only_while_nobody_of_its_rank_waits() -> None:
    """With no room, or a backlog of its rank or above, new mail comes unleased and waits its turn."""

    async def story(stand: Stand) -> None:
        assert all(stand.dispatcher.supply.claims(stream) for stream in Stream)
        stand["A"].always = stand["B"].always = hangs
        await stand.queue(Stream.STANDARD, count=100)
        await asyncio.sleep(1.5)
        assert stand.dispatcher.supply.claims(Stream.URGENT) is False  # no room: every slot and place is taken
        stand["A"].always = takes()

    play(story)


def test_known_work_of_its_rank_or_above_goes_before_new_mail() -> None:
    """What is due already is not overtaken by what is accepted now; what ranks lower does not count."""

    async def story(stand: Stand) -> None:
        stand.dispatcher.due(Stream.STANDARD, stand.clock.now())
        claims = {stream: stand.dispatcher.supply.claims(stream) for stream in Stream}
        assert claims == {Stream.URGENT: True, Stream.STANDARD: False, Stream.ONCE: False, Stream.BULK: False}
        await asyncio.sleep(0.1)
        assert all(stand.dispatcher.supply.claims(stream) for stream in Stream)

    play(story)


def test_whoever_tells_of_due_mail_wakes_the_dispatcher() -> None:
    """It leaves within milliseconds, not at the next look."""

    async def story(stand: Stand) -> None:
        (message,) = await stand.queue()
        stand.dispatcher.due(Stream.STANDARD, 0)
        await asyncio.sleep(0.02)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER

    play(story)


def test_a_backlog_of_bulk_does_not_hold_up_urgent_mail() -> None:
    """Urgent mail overtakes everything that waits for a slot, and is next when one is free."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        await stand.queue(Stream.BULK, count=60)
        await asyncio.sleep(3.2)
        stored_at = stand.loop.time()
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(4)
        (at_s,) = [seen.at_s for seen in stand["A"].seen if seen.message.id == message]
        assert at_s - stored_at < 2.1
        assert (await stand.carriages())[Carriage.QUEUED] > 20

    play(story, slots=4)


def test_streams_are_served_in_their_order() -> None:
    """With one slot and mail of every stream queued, it leaves by rank."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        await stand.order({PAUSED: ""})
        for stream in (Stream.BULK, Stream.ONCE, Stream.STANDARD, Stream.URGENT):
            await stand.queue(stream, count=5)
        await stand.order({})
        await asyncio.sleep(40)
        order = [seen.message.stream for seen in stand["A"].seen]
        assert order == [
            stream for stream in (Stream.URGENT, Stream.STANDARD, Stream.ONCE, Stream.BULK) for _ in range(5)
        ]

    play(story, Scripted(A), slots=1)


def test_work_of_others_is_found_within_a_second_or_two() -> None:
    """Mail that another node accepted, or a lapsed lease left, is sent without anybody telling."""

    async def story(stand: Stand) -> None:
        (message,) = await stand.queue()
        await asyncio.sleep(1.5)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER

    play(story)


def test_large_mail_waits_for_no_poll() -> None:
    """A lease that stopped at its limit of bytes is followed by the next one at once."""

    async def story(stand: Stand) -> None:
        body = bytes(12 << 20)
        await stand.queue(Stream.BULK, count=12, body=body)
        stand.dispatcher.due(Stream.BULK, 0)
        await asyncio.sleep(0.9)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 12}

    play(story, Scripted(A, large=True), slots=8)


def test_mail_of_a_domain_nobody_accepts_waits_without_being_leased_over_and_over() -> None:
    """Closed for a while at all providers, it is looked at again when that may have changed."""

    async def story(stand: Stand) -> None:
        for provider in stand.providers.values():
            provider.always = refuses(Rejection(scope=Scope.SENDER_DOMAIN))
        await stand.post(sender="ann@new.example", count=20)
        await asyncio.sleep(100)
        assert await stand.carriages() == {Carriage.QUEUED: 20}
        before = stand.spool.calls["lease"]
        await asyncio.sleep(100)
        assert stand.spool.calls["lease"] == before
        for provider in stand.providers.values():
            provider.always = takes()
        await asyncio.sleep(500)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 20}

    play(story)


def test_much_that_ran_out_at_once_is_swept_without_waiting_between() -> None:
    """Housekeeping goes on while the spool says that there is more."""

    async def story(stand: Stand) -> None:
        await stand.order({PAUSED: ""})
        await stand.queue(Stream.URGENT, count=2_000, deadline_us=1_000_000)
        await asyncio.sleep(3.5)
        assert await stand.carriages() == {Carriage.EXPIRED: 2_000}

    play(story)


def test_a_hopeless_backlog_costs_no_busy_loop() -> None:
    """With every slot hanging and mail waiting, the dispatcher sleeps between its looks."""

    async def story(stand: Stand) -> int:
        stand["A"].always = hangs
        await stand.queue(count=50)
        await asyncio.sleep(5)
        before = stand.loop.steps
        await asyncio.sleep(20)
        return stand.loop.steps - before

    assert play(story, Scripted(A)) < 1_000


def test_settlements_that_pile_up_cost_no_busy_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """While so many settlements wait that nothing new may start, the dispatcher sleeps, and goes on afterwards."""
    monkeypatch.setattr("posthorse.dispatch.settling.FULL", 3)

    async def story(stand: Stand) -> int:
        stand.spool.down.add("settle")
        await stand.queue(count=50)
        await asyncio.sleep(5)
        assert len(stand["A"].seen) < 20
        before = stand.loop.steps
        await asyncio.sleep(20)
        steps = stand.loop.steps - before
        stand.spool.down.clear()
        await asyncio.sleep(30)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 50}
        return steps

    assert play(story, Scripted(A)) < 1_500


def test_a_lease_that_was_taken_and_not_heard_of_comes_back() -> None:
    """Leases the spool gave while the answer was lost lapse, and their mail leaves then."""

    async def story(stand: Stand) -> None:
        stand.spool.deaf.add("lease")
        await stand.queue(count=5)
        await asyncio.sleep(3)
        stand.spool.deaf.clear()
        await asyncio.sleep(70)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 5}

    play(story)


def test_the_newest_urgent_mail_goes_first_once_the_oldest_is_late() -> None:
    """After a jam of over 30 s the newest codes leave first, and every fourth lease still takes the oldest."""

    async def story(stand: Stand) -> None:
        await stand.order({PAUSED: ""})
        old = await stand.queue(Stream.URGENT, count=40)
        await asyncio.sleep(40)
        new = await stand.queue(Stream.URGENT, count=10)
        stand["A"].always = takes(1.0)
        await stand.order({})
        await asyncio.sleep(100)
        order = [seen.message.id for seen in stand["A"].seen]
        assert len(order) == 50
        places = [order.index(message) for message in new]
        assert max(places) < 30
        assert order.index(old[12]) < 40
        assert any(request.newest_first for request in stand.spool.asked)

    play(story, Scripted(A), slots=2)
