"""The forwarder in its dispatcher: groups that wait for a slot, are cut, given back or given up."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from posthorse.dispatch.retry import RETRY_CAP_S
from posthorse.dispatch.route import Route
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId
from posthorse.mail.outcome import Handover, Outcome, Scope, Throttle
from posthorse.mail.stream import Stream
from posthorse.providers.port import HandoverGroup, ReleaseGate
from tests.unit.dispatch.scripted import EXACT, Behaviour, Scripted, Seen, answers, hangs, refuses, swallows, takes
from tests.unit.dispatch.stand import A, B, Stand, play


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


@pytest.mark.thorough
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
