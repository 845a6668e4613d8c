"""The courier: from slot to settlement, with everything that can come between."""

import asyncio
from collections.abc import Mapping

import pytest

from posthorse.dispatch.route import Route, Strategy
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.providers.port import HandoverGroup, ReleaseGate
from posthorse.spool.desk_port import Decision, Hold, Selector, Suppression
from posthorse.spool.port import Settled
from tests.unit.dispatch.scripted import answers, breaks, refuses, same, splits, takes
from tests.unit.dispatch.stand import A, B, Stand, play

NO_SUCH_USER = Rejection(scope=Scope.RECIPIENT)
FULL_MAILBOX = Deferral(scope=Scope.RECIPIENT)


def test_the_last_bytes_wait_for_the_release_mark() -> None:
    """The gate opens only once the mark is durable, and the mark counts the copy before the provider may take it."""
    at_gate: list[tuple[bool, Carriage, int]] = []

    async def story(stand: Stand) -> None:
        stand.spool.delay_s = 0.5

        async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            began_s = stand.loop.time()
            verdict = await gate([0])
            assert stand.loop.time() - began_s >= 0.5
            view = await stand.view(group.message.id)
            at_gate.append((verdict, view.carriage, view.copies_released))
            return same(group, Handover())

        stand["A"].always = behave
        await stand.post()
        await asyncio.sleep(3)

    play(story)
    assert at_gate == [(True, Carriage.RELEASED, 1)]


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        (Rejection(scope=Scope.RECIPIENT), Carriage.REJECTED),
        (Rejection(scope=Scope.MESSAGE), Carriage.REJECTED),
        (Rejection(scope=Scope.ACCOUNT), Carriage.HANDED_OVER),
        (Rejection(scope=Scope.SENDER_DOMAIN), Carriage.HANDED_OVER),
        (Rejection(scope=Scope.OPERATOR), Carriage.HANDED_OVER),
        (Fault(scope=Scope.PROVIDER), Carriage.HANDED_OVER),
        (Throttle(scope=Scope.ACCOUNT, retry_after_s=30), Carriage.HANDED_OVER),
        (Deferral(scope=Scope.CHANNEL), Carriage.HANDED_OVER),
        (Deferral(scope=Scope.RECIPIENT), Carriage.QUEUED),
        (Deferral(scope=Scope.MESSAGE), Carriage.QUEUED),
        (Unclear(), Carriage.IN_DOUBT),
    ],
)
@pytest.mark.parametrize("released", [True, False])
def test_each_outcome_of_the_first_provider_decides_the_next_step(
    outcome: Outcome, after: Carriage, released: bool
) -> None:
    """What speaks of the mail ends or waits, what speaks of the provider fails over at once, unclear is doubt."""
    if isinstance(outcome, Unclear) and not released:
        return

    async def story(stand: Stand) -> None:
        stand["A"].always = answers(outcome) if released else refuses(outcome)
        (message,) = await stand.post()
        await asyncio.sleep(0.5)
        view = await stand.view(message)
        assert view.carriage is after
        assert view.copies_released == (after in (Carriage.HANDED_OVER, Carriage.IN_DOUBT))
        assert len(stand["B"].seen) == (after is Carriage.HANDED_OVER)
        stand.assert_idle()

    play(story)


def test_of_a_group_each_recipient_gets_its_own_end() -> None:
    """One refused, one deferred, one taken: three ends, and only the deferred one is tried again, alone."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [splits({"r0@example.net": NO_SUCH_USER, "r1@example.net": FULL_MAILBOX})]
        (message,) = await stand.post(recipients=3)
        await asyncio.sleep(1)
        views = await stand.views(message)
        assert [view.carriage for view in views] == [Carriage.REJECTED, Carriage.QUEUED, Carriage.HANDED_OVER]
        await asyncio.sleep(300)
        assert (await stand.views(message))[1].carriage is Carriage.HANDED_OVER
        assert [seen.numbers for seen in stand["A"].seen] == [(0, 1, 2), (1,)]
        stand.assert_idle()

    play(story)


@pytest.mark.thorough
def test_those_put_off_together_go_together_the_next_time() -> None:
    """Deferred in one attempt, they are due at one instant and are one group again, at one provider."""

    async def story(stand: Stand) -> None:
        full = dict.fromkeys([f"r{n}@example.net" for n in range(1, 6)], FULL_MAILBOX)
        for name in ("A", "B"):
            stand[name].script = [splits(full)]
        (message,) = await stand.post(recipients=6)
        await asyncio.sleep(1)
        views = await stand.views(message)
        assert [view.carriage for view in views] == [Carriage.HANDED_OVER, *([Carriage.QUEUED] * 5)]
        assert len({view.next_at for view in views[1:]}) == 1
        await asyncio.sleep(3_600)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 6}
        seen = [seen for name in ("A", "B") for seen in stand[name].seen]
        assert {one.numbers for one in seen} == {(0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5)}
        stand.assert_idle()

    play(story, routes=[Route(providers=(A, B), strategy=Strategy.WEIGHTED)])


def test_a_recipient_the_provider_forgot_is_in_doubt_if_released() -> None:
    """A report without an outcome for a released recipient proves nothing about it."""

    async def story(stand: Stand) -> None:
        async def forgets(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            await gate([0, 1])
            return {0: Handover()}

        stand["A"].always = forgets
        (message,) = await stand.post(Stream.ONCE, recipients=2)
        await asyncio.sleep(1)
        assert [view.carriage for view in await stand.views(message)] == [Carriage.HANDED_OVER, Carriage.IN_DOUBT]

    play(story)


def test_one_refused_release_stops_the_group_and_the_others_go_again() -> None:
    """All recipients of a mark or none: the suppressed one ends, the others leave in the next attempt, once."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [refuses(Fault(scope=Scope.CHANNEL), after_s=1.0)]
        (message,) = await stand.post(recipients=3)
        await asyncio.sleep(0.5)
        bad = Suppression(tenant=MAIN_TENANT, address="r1@example.net", reason="x", source="operator:x", created_at=0)
        await stand.spool.suppress(bad)
        await asyncio.sleep(3)
        views = await stand.views(message)
        assert [view.carriage for view in views] == [Carriage.HANDED_OVER, Carriage.SUPPRESSED, Carriage.HANDED_OVER]
        assert [view.copies_released for view in views] == [1, 0, 1]
        assert len(stand.sent()) == 1
        stand.assert_idle()

    play(story)


def test_a_refusal_at_the_release_itself_gives_the_rest_back() -> None:
    """The list is looked at again when the mark commits, after the attempt began."""

    async def story(stand: Stand) -> None:
        async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            await asyncio.sleep(1)
            return same(group, Handover()) if await gate([n for n, _ in group.recipients]) else {}

        stand["A"].always = behave
        (message,) = await stand.post(recipients=3)
        await asyncio.sleep(0.5)
        bad = Suppression(tenant=MAIN_TENANT, address="r1@example.net", reason="x", source="operator:x", created_at=0)
        await stand.spool.suppress(bad)
        await asyncio.sleep(5)
        views = await stand.views(message)
        assert [view.carriage for view in views] == [Carriage.HANDED_OVER, Carriage.SUPPRESSED, Carriage.HANDED_OVER]
        assert [seen.released for seen in stand["A"].seen] == [False, True]
        assert [view.attempts for view in views] == [1, 0, 1]
        stand.assert_idle()

    play(story)


@pytest.mark.parametrize("how", ["hold", "cancel"])
def test_what_a_person_stops_under_way_is_not_sent(how: str) -> None:
    """A hold or a cancellation that comes before the release wins."""

    async def story(stand: Stand) -> None:
        async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            await asyncio.sleep(1)
            return same(group, Handover()) if await gate([0]) else {}

        stand["A"].always = behave
        (message,) = await stand.post()
        await asyncio.sleep(0.5)
        about = Selector(message_id=message)
        if how == "hold":
            await stand.spool.hold(Hold(selector=about, reason="look at it", by="me"))
        else:
            await stand.spool.decide(about, Decision.CANCEL, "me", 10)
        await asyncio.sleep(10)
        assert not stand.sent()
        assert (await stand.view(message)).carriage is (Carriage.QUEUED if how == "hold" else Carriage.CANCELLED)
        assert len(stand["A"].seen) == 1
        stand.assert_idle()

    play(story)


def test_no_mark_no_mail() -> None:
    """While marks cannot be made durable nothing is sent and nobody is blamed; afterwards it leaves once."""

    async def story(stand: Stand) -> None:
        stand.spool.down.add("release")
        (message,) = await stand.post()
        await asyncio.sleep(20)
        assert not stand.sent()
        assert stand.told.troubles
        assert stand.told.changes == []
        stand.spool.down.clear()
        await asyncio.sleep(5)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER
        assert [name for name, _, _ in stand.sent()] == [A]
        stand.assert_idle()

    play(story)


def test_a_mark_that_was_made_and_not_heard_of_gives_its_copy_back() -> None:
    """The commit happened, its answer was lost: nothing was sent, so even `once` goes again, exactly once."""

    async def story(stand: Stand) -> None:
        stand.spool.deaf.add("release")
        (message,) = await stand.post(Stream.ONCE)
        await asyncio.sleep(0.5)
        stand.spool.deaf.clear()
        await asyncio.sleep(5)
        view = await stand.view(message)
        assert (view.carriage, view.copies_released) == (Carriage.HANDED_OVER, 1)
        assert len(stand.sent()) == 1

    play(story)


@pytest.mark.parametrize("mood", ["down", "deaf"])
def test_settlements_are_kept_until_the_spool_takes_them(mood: str) -> None:
    """Slots go on while settlements wait; each is applied once, whether or not the spool had heard it before."""

    async def story(stand: Stand) -> None:
        getattr(stand.spool, mood).add("settle")
        await stand.post(count=10)
        await asyncio.sleep(3)
        assert len(stand["A"].seen) == 10
        assert stand.courier.flying == 0
        getattr(stand.spool, mood).clear()
        await asyncio.sleep(10)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 10}
        results = [result for _, _, _, _, result in stand.told.settlements]
        assert results == [Settled.APPLIED if mood == "down" else Settled.RECORDED] * 10
        stand.assert_idle()

    play(story)


def test_one_settlement_that_is_a_bug_does_not_hold_up_the_others() -> None:
    """It is told, let go and lapses into doubt; all others are settled at once."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(0.5)
        ids = await stand.post(Stream.ONCE, count=4)
        stand.spool.poison = lambda settlement: settlement.message_id == ids[2]
        await asyncio.sleep(2)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 3, Carriage.RELEASED: 1}
        assert [where for where, _ in stand.told.bugs] == ["settle"]
        await asyncio.sleep(30)
        assert (await stand.view(ids[2])).carriage is Carriage.IN_DOUBT

    play(story)


def test_a_bug_of_a_way_out_costs_one_attempt() -> None:
    """An exception is told, the mail goes to the next candidate."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [breaks]
        (message,) = await stand.post()
        await asyncio.sleep(1)
        view = await stand.view(message)
        assert (view.carriage, view.provider) == (Carriage.HANDED_OVER, B)
        assert [type(error) for _, error in stand.told.bugs] == [ZeroDivisionError]

    play(story)


def test_a_refused_release_uses_up_no_trial() -> None:
    """Attempts that end without a word about the provider give their place among the trials back."""

    async def story(stand: Stand) -> None:
        stand["A"].always = refuses()
        await stand.post(count=6)
        await asyncio.sleep(1)
        assert stand.told.changes[0][:2] == (A, StandingState.EJECTED)
        await asyncio.sleep(40)
        stand["A"].always = takes()
        stand.spool.down.add("release")
        for _ in range(8):
            await stand.post(count=1)
            await asyncio.sleep(2)
        stand.spool.down.clear()
        await stand.post(count=20)
        await asyncio.sleep(30)
        assert (A, StandingState.STRAINED, "it ramps back") in stand.told.changes

    play(story)
