"""The dispatcher with its couriers on a memory spool in virtual time: what it brings where, and what it returns."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from posthorse.dispatch.retry import RETRY_CAP_S
from posthorse.dispatch.route import Route
from posthorse.lab.world.ports import WorldRng
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId
from posthorse.mail.orders import EJECTED, FAILOVER, PAUSED, failover_value
from posthorse.mail.outcome import Deferral, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import RULES, Stream
from posthorse.providers.port import HandoverGroup, ReleaseGate
from posthorse.spool.desk_port import RecipientView
from tests.unit.dispatch.stand import (
    EXACT,
    A,
    B,
    Behaviour,
    C,
    Scripted,
    Seen,
    Stand,
    answers,
    breaks,
    hangs,
    play,
    refuses,
    splits,
    swallows,
    takes,
)


def test_accepted_mail_leaves_at_once_through_the_first_provider() -> None:
    """A message stored while a slot is free is handed over within milliseconds, without a lease transaction."""

    async def story(stand: Stand) -> None:
        leases = stand.spool.calls.get("lease", 0)
        (message,) = await stand.post()
        await asyncio.sleep(0.05)
        view = await stand.view(message)
        assert (view.carriage, view.provider) == (Carriage.HANDED_OVER, A)
        assert stand.spool.calls.get("lease", 0) == leases
        stand.assert_idle()

    play(story)


def test_a_fault_sends_the_mail_to_the_next_candidate() -> None:
    """What the first provider cannot take is handed over by the second within a second."""

    async def story(stand: Stand) -> None:
        stand["A"].always = refuses()
        (message,) = await stand.post()
        await asyncio.sleep(0.5)
        view = await stand.view(message)
        assert (view.carriage, view.provider, view.attempts) == (Carriage.HANDED_OVER, B, 2)
        stand.assert_idle()

    play(story)


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


def test_a_message_to_many_is_split_by_what_the_provider_takes() -> None:
    """A group is cut into as many attempts as the provider's limit of recipients asks for; each recipient is in one."""

    async def story(stand: Stand) -> None:
        stand["A"].capability = replace(EXACT, max_recipients=3)
        (message,) = await stand.post(recipients=8)
        await asyncio.sleep(0.5)
        assert sorted(len(seen.numbers) for seen in stand["A"].seen) == [2, 3, 3]
        assert sorted(n for seen in stand["A"].seen for n in seen.numbers) == list(range(8))
        assert {view.carriage for view in await stand.views(message)} == {Carriage.HANDED_OVER}
        stand.assert_idle()

    play(story)


def test_what_nobody_can_carry_is_rejected_with_the_reason() -> None:
    """Bytes over every provider's limit end as rejected at once."""

    async def story(stand: Stand) -> None:
        for provider in stand.providers.values():
            provider.capability = replace(EXACT, max_size_bytes=4)
        (message,) = await stand.post()
        await asyncio.sleep(0.1)
        assert (await stand.view(message)).carriage is Carriage.REJECTED
        assert not stand["A"].seen
        reasons = [fact.detail.get("reason", "") for fact in await stand.spool.history(message)]
        assert any("no provider can carry it" in str(reason) for reason in reasons)

    play(story)


def test_work_of_others_is_found_within_a_second_or_two() -> None:
    """Mail that another node accepted, or a lapsed lease left, is sent without anybody telling."""

    async def story(stand: Stand) -> None:
        (message,) = await stand.queue()
        await asyncio.sleep(1.5)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER

    play(story)


def test_scheduled_mail_leaves_when_it_is_due() -> None:
    """A message with a time of its own waits for it, and not much longer."""

    async def story(stand: Stand) -> None:
        due = stand.clock.now() + 60_000_000
        (message,) = await stand.post(not_before=due)
        await asyncio.sleep(59)
        assert (await stand.view(message)).carriage is Carriage.QUEUED
        await asyncio.sleep(2.5)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER

    play(story)


def test_a_lease_that_ran_short_in_the_queue_for_a_slot_is_given_back() -> None:
    """Whatever waited so long that its lease nearly ended is not attempted under it."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [*[swallows] * 4, *[hangs] * 4]
        await stand.post(Stream.BULK, count=12)
        await asyncio.sleep(100)
        stand["A"].always = takes()
        await asyncio.sleep(600)
        counts = await stand.carriages()
        assert counts[Carriage.IN_DOUBT] == 4
        assert counts[Carriage.HANDED_OVER] == 8
        attempts: dict[MessageId, list[Seen]] = {}
        for seen in stand["A"].seen:
            attempts.setdefault(seen.message.id, []).append(seen)
        for tries in attempts.values():
            assert sum(seen.released for seen in tries) == 1

    play(story, Scripted(A), slots=4)


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


def test_a_bug_in_a_plan_costs_its_group_a_lease_and_nobody_else_anything() -> None:
    """The receipt stands, the bug is told, the others leave; the group comes back when its lease lapsed."""

    async def story(stand: Stand) -> None:
        capability, stand["A"].capability = stand["A"].capability, None  # type: ignore[assignment]
        (message,) = await stand.post()
        assert [where for where, _ in stand.told.bugs] == ["plan"]
        stand["A"].capability = capability
        await stand.post(count=2)
        await asyncio.sleep(1)
        assert await stand.carriages() == {Carriage.LEASED: 1, Carriage.HANDED_OVER: 2}
        await asyncio.sleep(62)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER

    play(story)


def test_much_that_ran_out_at_once_is_swept_without_waiting_between() -> None:
    """Housekeeping goes on while the spool says that there is more."""

    async def story(stand: Stand) -> None:
        await stand.order({PAUSED: ""})
        await stand.queue(Stream.URGENT, count=2_000, deadline_us=1_000_000)
        await asyncio.sleep(3.5)
        assert await stand.carriages() == {Carriage.EXPIRED: 2_000}

    play(story)


def test_what_waited_too_long_for_a_slot_says_so() -> None:
    """A group whose lease nearly ended goes back, with its reason, and leaves under a new lease."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [hangs]
        _, second = await stand.post(count=2)
        await asyncio.sleep(47)
        view = await stand.view(second)
        assert (view.carriage, view.fence) == (Carriage.HANDED_OVER, 2)
        reasons = [fact.detail.get("reason") for fact in await stand.spool.history(second)]
        assert "its lease ran short while it waited for a slot" in reasons

    play(story, slots=1)


def test_nothing_starts_while_paused_not_even_what_waits_for_a_slot() -> None:
    """Stop-sending stops what is in hand too: it goes back to the queue and leaves after the order is lifted."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        await stand.post(count=6)
        await asyncio.sleep(0.5)
        await stand.order({PAUSED: ""})
        started = len(stand["A"].seen)
        await asyncio.sleep(30)
        assert len(stand["A"].seen) == started == 4
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4, Carriage.QUEUED: 2}
        assert not stand.dispatcher.supply.claims(Stream.URGENT)
        await stand.order({})
        await asyncio.sleep(3)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 6}

    play(story, slots=4)


def test_an_ejected_provider_gets_nothing_and_a_failover_target_everything() -> None:
    """People's orders decide where mail goes, until they are lifted."""

    async def story(stand: Stand) -> None:
        await stand.order({EJECTED + A: ""})
        await stand.post(count=3)
        await asyncio.sleep(0.1)
        assert [name for name, _, _ in stand.sent()] == [B] * 3
        await stand.order({FAILOVER: failover_value(C, [Stream.URGENT])})
        await stand.post(Stream.URGENT, count=2)
        await stand.post(Stream.BULK)
        await asyncio.sleep(0.1)
        assert sorted(name for name, _, _ in stand.sent()[3:]) == [A, C, C]
        assert {seen.message.stream for seen in stand["C"].seen} == {Stream.URGENT}

    play(story, Scripted(A), Scripted(B), Scripted(C))


def test_an_order_that_names_a_provider_nobody_knows_does_not_stop_the_mail() -> None:
    """An order may outlive the provider it names: it is then as if it had not been given."""

    async def story(stand: Stand) -> None:
        await stand.order({FAILOVER: "gone:", EJECTED + "lost": ""})
        assert stand.dispatcher.supply.claims(Stream.STANDARD)
        await stand.post(count=2)
        await stand.queue(count=2)
        await asyncio.sleep(3)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4}
        assert not stand.told.bugs

    play(story)


def test_an_order_that_is_not_followed_is_told_once() -> None:
    """Not every second while it stands, but again if it is given again."""

    async def story(stand: Stand) -> None:
        await stand.order({FAILOVER: "gone:"})
        await asyncio.sleep(10)
        assert stand.told.ignored == ["failover to gone: no such provider is configured"]
        await stand.order({FAILOVER: "gone:", PAUSED: ""})
        await stand.order({FAILOVER: "B:"})
        assert len(stand.told.ignored) == 1
        await stand.order({FAILOVER: "gone:"})
        assert len(stand.told.ignored) == 2

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


def test_an_unavailable_spool_stops_nothing_for_good() -> None:
    """While leases fail nothing is brought; when the spool is back all of it leaves."""

    async def story(stand: Stand) -> None:
        stand.spool.down |= {"lease", "sweep"}
        await stand.queue(count=20)
        await asyncio.sleep(20)
        assert not stand["A"].seen
        assert "lease" in stand.told.troubles
        stand.spool.down.clear()
        await asyncio.sleep(5)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 20}
        stand.assert_idle()

    play(story)


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


def test_a_trip_moves_what_waits_for_a_slot_to_the_next_provider() -> None:
    """When the standing falls, groups that wait for a slot there are planned anew at once."""

    async def story(stand: Stand) -> None:
        stand["A"].always = refuses(after_s=0.5)
        await stand.post(count=9)
        await asyncio.sleep(3)
        assert stand.told.changes
        assert await stand.carriages() == {Carriage.HANDED_OVER: 9}
        assert len(stand["A"].seen) <= 9

    play(story, slots=6)


def test_stopping_gives_back_what_waits_and_lets_attempts_finish() -> None:
    """Within the grace attempts end as usual; what had no slot is queued and due at once for another node."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(2.0)
        await stand.post(count=6)
        await asyncio.sleep(0.1)
        await stand.gateway.stop(5.0)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4, Carriage.QUEUED: 2}
        assert stand.loop.time() < 4
        due = [view.next_at for view in await stand.views() if view.carriage is Carriage.QUEUED]
        assert all(at is not None and at <= stand.clock.now() for at in due)
        assert all(provider.closed for provider in stand.providers.values())
        assert not stand.dispatcher.supply.claims(Stream.URGENT)
        stand.assert_idle()

    play(story, slots=4)


def test_beyond_the_grace_what_was_released_is_in_doubt_and_the_rest_queued() -> None:
    """Attempts that do not end are stopped: without a release they sent nothing, and no provider is blamed for it."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [swallows, hangs]
        await stand.post(count=2)
        await asyncio.sleep(0.1)
        before = stand.loop.time()
        await stand.gateway.stop(2.0)
        assert 2.0 <= stand.loop.time() - before < 3.0
        doubted, queued = sorted(await stand.views(), key=lambda view: view.carriage.value)
        assert (doubted.carriage, queued.carriage) == (Carriage.IN_DOUBT, Carriage.QUEUED)
        assert queued.tried == ()
        assert A in doubted.tried
        stand.assert_idle()

    play(story)


def test_stopping_without_grace_forgets_nothing() -> None:
    """Attempts that have not even begun to run are brought to an end too."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        for _ in range(3):
            result = await stand.spool.admit([replace(stand.new(), lease_for=stand.gateway._parts.node)])
            stand.dispatcher.take(result[0].lease)  # type: ignore[union-attr, arg-type]
        await stand.gateway.stop(0.0)
        assert Carriage.LEASED not in await stand.carriages()
        assert Carriage.RELEASED not in await stand.carriages()
        stand.assert_idle()

    play(story)


def test_stopping_ends_even_if_the_spool_is_gone() -> None:
    """A spool that takes no settlement any more cannot keep a node from stopping; its leases lapse."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(0.5)
        await stand.post(count=2)
        stand.spool.down.add("settle")
        await stand.gateway.stop(1.0)
        assert stand.loop.time() < 30

    play(story)


EVERYTHING: list[Behaviour] = [
    takes(),
    takes(0.3),
    takes(15.0),
    refuses(),
    refuses(Throttle(scope=Scope.ACCOUNT, retry_after_s=2)),
    answers(Deferral(scope=Scope.RECIPIENT)),
    answers(Rejection(scope=Scope.RECIPIENT)),
    answers(Unclear()),
    splits({"r1@example.net": Rejection(scope=Scope.RECIPIENT)}),
    swallows,
    hangs,
    breaks,
]


@pytest.mark.parametrize("seed", range(8))
def test_no_slot_is_leaked_and_no_group_lost_whatever_happens(seed: int) -> None:
    """With every behaviour of providers and spool mixed, in the end all slots are free and nothing is left in hand."""

    async def story(stand: Stand) -> None:
        dice = WorldRng(seed, "mixture")
        for provider in stand.providers.values():
            provider.script = [dice.choice(EVERYTHING) for _ in range(25)]
        for _ in range(25):
            await stand.post(dice.choice(list(Stream)), recipients=dice.randrange(1, 4))
            if dice.random() < 0.2:
                dice.choice([stand.spool.down, stand.spool.deaf]).add(dice.choice(["release", "settle", "lease"]))
            if dice.random() < 0.4:
                stand.spool.down.clear()
                stand.spool.deaf.clear()
            await asyncio.sleep(dice.random() * 3)
        stand.spool.down.clear()
        stand.spool.deaf.clear()
        await asyncio.sleep(1_000)
        rests = {Carriage.HANDED_OVER, Carriage.REJECTED, Carriage.IN_DOUBT, Carriage.QUEUED}
        for view in await stand.views():
            assert view.carriage in rests
            assert view.carriage is not Carriage.QUEUED or (view.next_at or 0) > stand.clock.now()
        assert [(way.busy, way.waiting) for way in stand.dispatcher.ways.values()] == [(0, 0)] * 2
        assert (stand.courier.flying, stand.dispatcher.hand.total) == (0, 0)
        assert {str(error) for _, error in stand.told.bugs} <= {"a bug of the way out"}
        assert_no_copy_too_many(stand, await stand.views())

    play(story, seed=seed, max_steps=2_000_000)


def assert_no_copy_too_many(stand: Stand, views: Sequence[RecipientView]) -> None:
    """What the providers took, against what each recipient's stream allows."""
    for view in views:
        taken = [
            seen
            for provider in stand.providers.values()
            for seen in provider.seen
            if seen.message.id == view.message.id and isinstance(seen.outcomes.get(view.n), Handover)
        ]
        assert len(taken) <= RULES[view.message.stream].copies_allowed
        if view.carriage is Carriage.HANDED_OVER:
            assert taken


def test_a_throttled_provider_gets_nothing_of_what_waits_for_it() -> None:
    """A freed slot does not help who was asked to slow down: the waiting group goes to the next candidate."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [answers(Throttle(scope=Scope.ACCOUNT, retry_after_s=60), after_s=1.0)]
        await stand.post(count=2)
        await asyncio.sleep(2)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 2}
        assert [len(stand[name].seen) for name in "AB"] == [1, 2]

    play(story, slots=1)


def test_what_waits_is_split_again_when_the_provider_takes_fewer_recipients() -> None:
    """A limit learnt from one attempt holds for the groups that waited meanwhile."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        await stand.post(count=2, recipients=6)
        await asyncio.sleep(0.5)
        stand["A"].capability = replace(EXACT, max_recipients=3)
        await asyncio.sleep(5)
        assert [len(seen.numbers) for seen in stand["A"].seen] == [6, 3, 3]

    play(story, slots=1)


def takes_at_most(provider: Scripted, most: int) -> Behaviour:
    """Answers 452 4.5.3 to every recipient beyond `most`, and has learnt that by then; the others are taken."""

    async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        numbers = [n for n, _ in group.recipients]
        if len(numbers) > most:
            provider.capability = replace(provider.capability, max_recipients=max(1, most))
        if most and not await gate(numbers[:most]):
            return {}
        taken: dict[int, Outcome] = dict.fromkeys(numbers[:most], Handover())
        return taken | dict.fromkeys(numbers[most:], Throttle(scope=Scope.MESSAGE))

    return behave


def test_one_too_many_for_a_provider_is_split_and_not_sent_elsewhere() -> None:
    """Those beyond the limit go to the same provider again, in groups that it takes."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes_at_most(stand["A"], 3)
        (message,) = await stand.post(recipients=8)
        await asyncio.sleep(1)
        assert {view.carriage for view in await stand.views(message)} == {Carriage.HANDED_OVER}
        assert [len(seen.numbers) for seen in stand["A"].seen] == [8, 3, 2]
        assert not stand["B"].seen
        stand.assert_idle()

    play(story)


def test_a_provider_that_finds_one_recipient_too_many_is_left() -> None:
    """An answer that splitting cannot change leads to the next provider, not to a busy loop."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes_at_most(stand["A"], 0)
        (message,) = await stand.post(recipients=2)
        await asyncio.sleep(1)
        assert {view.provider for view in await stand.views(message)} == {B}
        assert len(stand["A"].seen) == 1

    play(story)


@pytest.mark.parametrize(("stream", "looks"), [(Stream.URGENT, {0, 1}), (Stream.STANDARD, {1, 2})])
def test_mail_in_doubt_that_nobody_else_could_carry_rests(stream: Stream, looks: set[int]) -> None:
    """With a copy at the only provider of its route it is leased once, then at the cap of the schedule until late."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [swallows]
        (message,) = await stand.post(stream)
        await asyncio.sleep(100)
        assert (await stand.view(message)).carriage is Carriage.IN_DOUBT
        before = stand.spool.calls["lease"]
        await asyncio.sleep(2 * RETRY_CAP_S)
        assert stand.spool.calls["lease"] - before in looks
        assert len(stand["A"].seen) == 1
        assert (await stand.view(message)).carriage is Carriage.IN_DOUBT

    play(story, Scripted(A), max_steps=1_000_000)


def test_what_no_route_fits_any_more_waits_for_better_routes() -> None:
    """A reload that forgot a stream rejects nothing, in hand or queued; once it is mended the mail leaves."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        await stand.post(count=3)
        stand.gateway.reroute([Route(providers=(A,), stream=Stream.BULK)])
        await stand.post()
        await asyncio.sleep(100)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 1, Carriage.QUEUED: 3}
        stand.gateway.reroute([Route(providers=(A, B))])
        await asyncio.sleep(100)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4}

    play(story, slots=1)


@pytest.mark.parametrize("stream", [Stream.URGENT, Stream.STANDARD], ids=lambda stream: stream.value)
def test_after_half_an_hour_of_nobody_the_ejected_one_comes_back_at_its_first_probe(stream: Stream) -> None:
    """Its long pause is not waited out, and mail that was a probe in vain is not put off for long."""

    async def story(stand: Stand) -> None:
        stand["A"].always = stand["B"].always = refuses()
        await stand.queue(stream, count=100)
        await asyncio.sleep(1_800)
        assert stand.gateway.watcher.picture()[A].state is StandingState.EJECTED
        back_s = stand.loop.time()
        stand["A"].always = takes(0.1)
        await asyncio.sleep(30)
        sent = [at_s - back_s for _, at_s, _ in stand.sent()]
        assert sent[0] < 6
        assert len(sent) > 40

    play(story, max_steps=1_000_000)


def test_a_closed_domain_does_not_hold_up_other_domains() -> None:
    """Mail of an unverified domain goes to the next provider, mail of the others stays."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [refuses(Rejection(scope=Scope.SENDER_DOMAIN))]
        await stand.post(sender="ann@new.example")
        await asyncio.sleep(0.2)
        await stand.post(sender="ann@new.example")
        await stand.post()
        await asyncio.sleep(0.2)
        assert [seen.message.sender for seen in stand["A"].seen] == ["ann@new.example", "ann@example.com"]
        assert [seen.message.sender for seen in stand["B"].seen] == ["ann@new.example"] * 2

    play(story)
