"""The courier: from slot to settlement, with everything that can come between."""

import asyncio
from collections.abc import Mapping

import pytest

from posthorse.dispatch.dispatcher import Settings
from posthorse.dispatch.route import Route, Strategy
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import SECOND, Stream
from posthorse.providers.port import HandoverGroup, ReleaseGate
from posthorse.spool.desk_port import Decision, Hold, Selector, Suppression
from posthorse.spool.port import Settled
from tests.unit.dispatch.stand import (
    A,
    B,
    Scripted,
    Stand,
    answers,
    breaks,
    hangs,
    play,
    refuses,
    same,
    splits,
    swallows,
    takes,
)

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


# --- no answer ------------------------------------------------------------------------------------------------------


def test_urgent_mail_without_an_answer_goes_elsewhere_after_eight_seconds() -> None:
    """Parked after 8 s, in doubt, and sent through the other provider at once; never a third time."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(9)
        view = await stand.view(message)
        assert (view.carriage, view.provider, view.copies_released) == (Carriage.HANDED_OVER, B, 2)
        assert stand.told.parks == [A]
        (first, second) = stand.sent()
        assert 8.0 <= second[1] - first[1] < 8.6
        assert (stand.courier.parked, stand.courier.flying) == (1, 0)
        await asyncio.sleep(700)
        assert len(stand.sent()) == 2
        assert stand.courier.parked == 0

    play(story)


def test_standard_mail_without_an_answer_goes_elsewhere_after_ninety_seconds() -> None:
    """Its slot is free after 10 s; the second copy leaves 90 s after the first."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post()
        await asyncio.sleep(11)
        assert (await stand.view(message)).carriage is Carriage.IN_DOUBT
        assert stand.dispatcher.ways[A].busy == 0
        await asyncio.sleep(82)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER
        (first, second) = stand.sent()
        assert 90.0 <= second[1] - first[1] < 92.0

    play(story)


@pytest.mark.parametrize("stream", [Stream.ONCE, Stream.BULK])
def test_once_and_bulk_stay_in_doubt_until_a_person_decides(stream: Stream) -> None:
    """Never a second copy by itself; a person's `another copy` sends exactly one more."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post(stream)
        await asyncio.sleep(1_800)
        view = await stand.view(message)
        assert (view.carriage, view.next_at) == (Carriage.IN_DOUBT, None)
        assert len(stand.sent()) == 1
        stand["A"].always = takes()
        assert await stand.spool.decide(Selector(message_id=message), Decision.ANOTHER_COPY, "me", 1) == 1
        await asyncio.sleep(5)
        view = await stand.view(message)
        assert (view.carriage, view.copies_released, view.copies_allowed) == (Carriage.HANDED_OVER, 2, 2)
        assert len(stand.sent()) == 2

    play(story)


def test_a_late_yes_settles_the_doubt_and_no_second_copy_goes() -> None:
    """The parked attempt is answered after 30 s: handed over, and the standard 90 s come to nothing."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(30.0)
        (message,) = await stand.post()
        await asyncio.sleep(120)
        view = await stand.view(message)
        assert (view.carriage, view.copies_released) == (Carriage.HANDED_OVER, 1)
        assert len(stand.sent()) == 1
        assert [result for *_, result in stand.told.settlements] == [Settled.APPLIED, Settled.LATE_APPLIED]
        assert stand.courier.parked == 0
        stand.assert_idle()

    play(story)


def test_a_late_no_sends_the_mail_to_the_next_provider() -> None:
    """A certain no that comes late gives the copy back, also for `once`."""

    async def story(stand: Stand) -> None:
        stand["A"].always = answers(Fault(scope=Scope.PROVIDER), after_s=30.0)
        (message,) = await stand.post(Stream.ONCE)
        await asyncio.sleep(35)
        view = await stand.view(message)
        assert (view.carriage, view.provider, view.copies_released) == (Carriage.HANDED_OVER, B, 1)

    play(story)


def test_a_late_yes_after_the_second_copy_is_counted_as_a_duplicate() -> None:
    """Both copies were taken: handed over, and the duplicate is told."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(20.0)
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(25)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER
        assert [result for *_, result in stand.told.settlements] == [
            Settled.APPLIED,
            Settled.APPLIED,
            Settled.DUPLICATE,
        ]

    play(story)


def test_a_late_yes_while_the_second_copy_is_refused_ends_handed_over() -> None:
    """The first copy is known to be taken while the second is out; the second's refusal brings no third."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(10.0)
        stand["B"].always = answers(Fault(scope=Scope.PROVIDER), after_s=4.0)
        (message,) = await stand.post(Stream.URGENT)
        await asyncio.sleep(600)
        view = await stand.view(message)
        assert (view.carriage, view.copies_released) == (Carriage.HANDED_OVER, 1)
        assert [name for name, _, _ in stand.sent()] == [A, B]

    play(story)


def test_in_doubt_mail_is_never_sent_again_where_a_copy_may_be() -> None:
    """With one provider it stays in doubt; a second that defers or fails is asked again, the holder never."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        stand["B"].script = [
            refuses(),
            refuses(Deferral(scope=Scope.RECIPIENT)),
            refuses(Throttle(scope=Scope.ACCOUNT)),
        ]
        (message,) = await stand.post()
        await asyncio.sleep(4_000)
        view = await stand.view(message)
        assert (view.carriage, view.provider, view.copies_released) == (Carriage.HANDED_OVER, B, 2)
        assert len(stand["A"].seen) == 1
        assert len(stand["B"].seen) == 4

    play(story)


def test_a_dead_nodes_released_mail_is_not_sent_again_where_it_was() -> None:
    """A lease that lapses after its release leaves the provider's name: the second copy goes elsewhere."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        (message,) = await stand.post()
        await asyncio.sleep(1)
        for flight in list(stand.courier._flights.values()):  # the node forgets it, as if it had died
            flight.parked = True
            stand.courier._parked.append(flight)
            flight.way.busy -= 1
        await asyncio.sleep(120)
        view = await stand.view(message)
        assert (view.carriage, view.provider) == (Carriage.HANDED_OVER, B)
        assert len(stand["A"].seen) == 1
        (first, second) = stand.sent()
        assert 90.0 <= second[1] - first[1] < 92.0

    play(story)


def test_a_parked_attempt_frees_its_slot_for_the_next() -> None:
    """What waited for the slot starts at once, and the parked one no longer counts as waiting for an answer."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [swallows]
        _, second = await stand.post(Stream.BULK, count=2)
        await asyncio.sleep(10.4)
        assert (await stand.view(second)).carriage is Carriage.HANDED_OVER
        assert stand.courier.parked == 1
        assert stand.courier.released_ages_s(stand.dispatcher.ways[A]) == []

    play(story, Scripted(A), slots=1)


def test_an_attempt_is_cancelled_once_and_may_clean_up() -> None:
    """Closing a connection after the cancellation is not cancelled again at every tick."""
    cancelled = []

    async def story(stand: Stand) -> None:
        async def cleans_up(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            try:
                return await hangs(group, gate)
            except asyncio.CancelledError:
                cancelled.append(stand.loop.time())
                await asyncio.sleep(2.0)
                cancelled.append(stand.loop.time())
                raise

        stand["A"].script = [cleans_up]
        (message,) = await stand.post()
        await asyncio.sleep(50)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER

    play(story)
    began, ended = cancelled
    assert ended - began == 2.0


def test_an_attempt_that_never_gets_to_its_release_is_stopped() -> None:
    """After 45 s, and one for its recipient, it is cancelled, its slot is free, and the mail goes to the next one."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [hangs]
        (message,) = await stand.post()
        await asyncio.sleep(47)
        view = await stand.view(message)
        assert (view.carriage, view.provider) == (Carriage.HANDED_OVER, B)
        assert stand.told.attempts[0] == (A, Fault(scope=Scope.CHANNEL, reply=stand.told.attempts[0][1].reply))
        stand.assert_idle()

    play(story)


def test_our_own_slow_spool_is_not_the_providers_fault() -> None:
    """An attempt stopped while its mark was being committed speaks about us: same provider, standing untouched."""

    async def story(stand: Stand) -> None:
        stand.spool.slow["release"] = 100.0
        await stand.post()
        await asyncio.sleep(50)
        stand.spool.slow.clear()
        await asyncio.sleep(200)
        assert {outcome.scope for name, outcome in stand.told.attempts if isinstance(outcome, Fault)} == {Scope.US}
        assert not stand["B"].seen
        assert stand.told.changes == []
        assert await stand.carriages() == {Carriage.HANDED_OVER: 1}

    play(story)


def test_parked_attempts_are_bounded() -> None:
    """Beyond the limit the oldest is given up; its recipient stays in doubt."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        for _ in range(3):
            await stand.post(Stream.ONCE, count=2)
            await asyncio.sleep(20)
        assert stand.courier.parked == 2
        assert await stand.carriages() == {Carriage.IN_DOUBT: 6}
        assert stand["A"].at_once == 2

    play(story, Scripted(A), settings=Settings(parked=2))


def test_what_parked_attempts_keep_in_memory_is_bounded() -> None:
    """Large messages are given up earlier: together no more than 64 MiB, but always one."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        body = bytes(30 << 20)
        for kept in (1, 2, 2):
            await stand.post(Stream.ONCE, body=body)
            await asyncio.sleep(20)
            assert stand.courier.parked == stand["A"].at_once == kept
        await asyncio.sleep(600)
        assert stand.courier.parked == 0
        assert stand.courier._parked_bytes == 0

    play(story, Scripted(A, large=True))


def test_a_parked_attempt_is_given_up_after_ten_minutes() -> None:
    """The answer to the final dot may take ten minutes (RFC 5321 4.5.3.2.6), and no longer."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [takes(590.0), takes(610.0)]
        heard, unheard = await stand.post(Stream.ONCE, count=2)
        await asyncio.sleep(620)
        assert (await stand.view(heard)).carriage is Carriage.HANDED_OVER
        assert (await stand.view(unheard)).carriage is Carriage.IN_DOUBT
        assert stand.courier.parked == 0

    play(story)


def test_of_a_parked_group_those_left_out_of_the_release_are_tried_again() -> None:
    """Whoever was refused before the release was not sent, so the hanging answer does not hold it back."""

    async def story(stand: Stand) -> None:
        async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            await gate([0])
            return await swallows(group, gate)

        stand["A"].script = [behave]
        (message,) = await stand.post(Stream.ONCE, recipients=2)
        await asyncio.sleep(20)
        views = await stand.views(message)
        assert [view.carriage for view in views] == [Carriage.IN_DOUBT, Carriage.HANDED_OVER]

    play(story)


def test_a_stall_trips_long_before_the_answers_time_out() -> None:
    """Many released attempts and no answer at all: the provider is left within seconds, what waits goes elsewhere."""

    async def story(stand: Stand) -> None:
        await stand.post(count=3)
        await asyncio.sleep(1)
        stand["A"].always = swallows
        await stand.post(count=8)
        await asyncio.sleep(3)
        (change,) = stand.told.changes
        assert change[:2] == (A, StandingState.EJECTED)
        assert "no answer comes" in change[2]
        await stand.post(count=4)
        await asyncio.sleep(0.5)
        assert len(stand["B"].seen) == 4 + 2
        stand["A"].always = takes()

    play(story, slots=6)


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


def test_times_of_a_second_copy_count_from_the_release() -> None:
    """The due time in the spool is the release plus the rule of the stream, by the spool's clock."""

    async def story(stand: Stand) -> None:
        stand["A"].always = answers(Unclear())
        (message,) = await stand.post()
        await asyncio.sleep(1)
        view = await stand.view(message)
        marks = [fact.at for fact in await stand.spool.history(message) if fact.new is Carriage.RELEASED]
        assert view.next_at == marks[0] + 90 * SECOND

    play(story)


@pytest.mark.parametrize("call", ["sweep", "lease"])
def test_a_hung_spool_call_delays_no_parking(call: str) -> None:
    """While the supply waits for the spool, attempts without an answer are parked on time all the same."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        stand.spool.slow[call] = 300.0
        stand.dispatcher.due(Stream.BULK, 0)
        await asyncio.sleep(2)
        await stand.post(Stream.URGENT)
        await asyncio.sleep(7.9)
        assert (stand.told.parks, stand.dispatcher.ways[A].busy) == ([], 1)
        await asyncio.sleep(0.6)
        assert (stand.told.parks, stand.dispatcher.ways[A].busy) == ([A], 0)

    play(story)
