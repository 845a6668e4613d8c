"""The dispatcher with its couriers on a memory spool in virtual time: what leaves, when, and that nothing is lost."""

import asyncio
from collections.abc import Sequence

import pytest

from posthorse.lab.world.ports import WorldRng
from posthorse.mail.carriage import Carriage
from posthorse.mail.outcome import Deferral, Handover, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import RULES, Stream
from posthorse.spool.desk_port import RecipientView
from tests.thorough import first_quick
from tests.unit.dispatch.scripted import Behaviour, answers, breaks, hangs, refuses, splits, swallows, takes
from tests.unit.dispatch.stand import A, B, Stand, play


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


@pytest.mark.parametrize("seed", first_quick(1, range(8)))
def test_no_slot_is_leaked_and_no_group_lost_whatever_happens(seed: int) -> None:
    """With every behaviour of providers and spool mixed, in the end all slots are free and nothing is left in hand."""

    async def story(stand: Stand) -> None:
        dice = WorldRng(seed, "mixture")
        for provider in stand.providers.values():
            provider.script = [dice.choice(EVERYTHING) for _ in range(25)]
        for _ in range(25):
            await stand.post(dice.choice(list(Stream)), recipients=dice.randrange(1, 4))
            if dice.random() < 0.2:
                dice.choice([stand.spool.down, stand.spool.deaf]).add(
                    dice.choice(["release", "settle", "lease", "renew"])
                )
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


@pytest.mark.thorough
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
