"""Contract of every spool: answers. Present, late, repeated, from the dead; each counts at most once."""

import asyncio
from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.ids import AttemptId, MessageId, ProviderName
from posthorse.mail.outcome import Deferral, Fault, Outcome, Rejection, Reply, Scope, Throttle
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import Selector
from posthorse.spool.port import Refusal, ReleaseRefused, Settled
from posthorse.spool.story import replay
from tests.contract.spool_kit import FAULT, HANDOVER, NODE, UNCLEAR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

NO: list[Outcome] = [
    Deferral(scope=Scope.RECIPIENT),
    Fault(scope=Scope.PROVIDER),
    Throttle(scope=Scope.ACCOUNT, retry_after_s=3.0),
    Rejection(scope=Scope.ACCOUNT),
]


def test_a_handover_ends_the_duty(play: Play) -> None:
    """Released and answered with yes: handed over, with the reply in history and the copy counted."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.release(group)
        tried = (ProviderName("relay"),)
        assert await world.settle(group, HANDOVER, tried=tried, started_at=5, reason="first choice") is Settled.APPLIED
        view = await world.view(group.message.id)
        assert (view.carriage, view.fate, view.attempts, view.copies_released) == (
            Carriage.HANDED_OVER,
            Fate.UNKNOWN,
            1,
            1,
        )
        assert (view.lease_until, view.next_at, view.tried) == (None, None, tried)
        detail = (await world.told(group.message.id))[-1].detail
        assert {key: detail[key] for key in ("outcome", "code", "text", "provider_message_id", "chosen")} == {
            "outcome": "handover",
            "code": 250,
            "text": "2.0.0 Ok: queued as 4Xyz",
            "provider_message_id": "4Xyz",
            "chosen": "first choice",
        }

    play(story)


@pytest.mark.parametrize("outcome", NO, ids=lambda outcome: type(outcome).__name__)
def test_a_certain_no_goes_back_to_the_queue(play: Play, outcome: Outcome) -> None:
    """After release and before it, an answer that proves nothing went returns the mail at the asked time."""

    async def story(world: World) -> None:
        at = world.clock.now() + 5 * SECOND
        for released in (False, True):
            group = await world.admit_leased()
            if released:
                await world.release(group)
            assert await world.settle(group, outcome, released=released, next_at=at) is Settled.APPLIED
            view = await world.view(group.message.id)
            assert (view.carriage, view.next_at, view.attempts, view.copies_released) == (Carriage.QUEUED, at, 1, 0)

    play(story)


def test_a_final_rejection_ends_the_duty(play: Play) -> None:
    """A rejection that no other candidate would answer otherwise ends as rejected, before or after release."""

    async def story(world: World) -> None:
        for released in (False, True):
            group = await world.admit_leased()
            if released:
                await world.release(group)
            rejection = Rejection(scope=Scope.RECIPIENT, reply=Reply(code=550, enhanced="5.1.1", text="no such user"))
            await world.settle(group, rejection, released=released, final=True)
            assert await world.carriage(group.message.id) is Carriage.REJECTED
            assert (await world.told(group.message.id))[-1].detail["enhanced"] == "5.1.1"

    play(story)


def test_what_nobody_was_asked_about_is_no_attempt(play: Play) -> None:
    """Given up before a provider was asked: the count stays, and history tells the reason as such."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        given_up = replace(
            world.settlement(group, Rejection(scope=Scope.MESSAGE), final=True),
            provider=ProviderName(""),
            attempt=AttemptId(b""),
            reason="no provider can carry it",
        )
        await world.spool.settle([given_up])
        view = await world.view(group.message.id)
        assert (view.carriage, view.attempts) == (Carriage.REJECTED, 0)
        facts = await world.told(group.message.id)
        assert facts[-1].detail["reason"] == "no provider can carry it"
        assert replay(facts).attempts == 0

    play(story)


def test_unclear_is_in_doubt_and_never_gives_the_copy_back(play: Play) -> None:
    """Released and no complete answer: in doubt, with the copy counted as out."""

    async def story(world: World) -> None:
        at = world.clock.now() + 90 * SECOND
        doubt = await world.in_doubt(next_at=at)
        view = await world.view(doubt.message.id)
        assert (view.carriage, view.copies_released, view.next_at) == (Carriage.IN_DOUBT, 1, at)

    play(story)


def test_outcomes_are_per_recipient(play: Play) -> None:
    """One attempt of a group may end differently for each recipient, in one call."""

    async def story(world: World) -> None:
        group = await world.admit_leased("a@example.com", "b@example.com", "c@example.com", "d@example.com")
        await world.release(group)
        rejection = Rejection(scope=Scope.RECIPIENT)
        results = await world.spool.settle(
            [
                world.settlement(group, HANDOVER, n=0),
                world.settlement(group, replace(rejection), n=1, final=True),
                world.settlement(group, Deferral(scope=Scope.RECIPIENT), n=2, next_at=world.clock.now()),
                world.settlement(group, UNCLEAR, n=3),
            ]
        )
        assert results == [Settled.APPLIED] * 4
        assert [await world.carriage(group.message.id, n) for n in range(4)] == [
            Carriage.HANDED_OVER,
            Carriage.REJECTED,
            Carriage.QUEUED,
            Carriage.IN_DOUBT,
        ]

    play(story)


def test_a_lapsed_release_is_in_doubt(play: Play) -> None:
    """I2: a holder that died after its release leaves doubt, never a resend; one that died before left nothing."""

    async def story(world: World) -> None:
        released = await world.admit_leased(copies_allowed=1)
        await world.release(released, answer_by_us=10 * SECOND)
        world.clock.forward(9)
        assert (await world.spool.sweep(10)).lapsed_in_doubt == 0
        world.clock.forward(1)
        assert (await world.spool.sweep(10)).lapsed_in_doubt == 1
        assert await world.carriage(released.message.id) is Carriage.IN_DOUBT
        assert await world.lease() == []

    play(story)


def test_a_late_yes_settles_the_doubt(play: Play) -> None:
    """The parked answer of the first attempt arrives: handed over, and it counts once."""

    async def story(world: World) -> None:
        doubt = await world.in_doubt(next_at=world.clock.now() + 90 * SECOND)
        assert await world.settle(doubt, HANDOVER) is Settled.LATE_APPLIED
        view = await world.view(doubt.message.id)
        assert (view.carriage, view.next_at) == (Carriage.HANDED_OVER, None)
        assert await world.settle(doubt, HANDOVER) is Settled.RECORDED

    play(story)


def test_a_late_yes_stops_a_newer_unreleased_attempt(play: Play) -> None:
    """I4: the copy being prepared elsewhere is stopped at its release, since the first one was taken."""

    async def story(world: World) -> None:
        doubt = await world.in_doubt(next_at=world.clock.now())
        (second,) = await world.lease()
        assert await world.settle(doubt, HANDOVER) is Settled.LATE_APPLIED
        assert await world.carriage(doubt.message.id) is Carriage.HANDED_OVER
        assert await world.try_release(second) == ReleaseRefused(reasons={0: Refusal.STALE})
        assert await world.settle(second, None, released=False) is Settled.RECORDED

    play(story)


def test_a_late_yes_beside_a_released_copy_is_a_duplicate_once_that_is_taken(play: Play) -> None:
    """I4: it never moves the newer attempt; the duplicate is counted when the other copy is taken, too, and once."""

    async def story(world: World) -> None:
        doubt = await world.in_doubt(next_at=world.clock.now())
        (second,) = await world.lease()
        await world.release(second)
        assert await world.settle(doubt, HANDOVER) is Settled.LATE_APPLIED
        assert await world.carriage(doubt.message.id) is Carriage.RELEASED
        assert await world.settle(second, HANDOVER) is Settled.SECOND_COPY
        assert await world.settle(doubt, HANDOVER) is Settled.RECORDED
        kinds = [fact.kind for fact in await world.told(doubt.message.id)]
        assert kinds.count("duplicate") == 1

    play(story)


def test_a_late_no_gives_the_copy_back(play: Play) -> None:
    """A late refusal proves that nothing is out: back to the queue, at once, with a whole budget."""

    async def story(world: World) -> None:
        doubt = await world.in_doubt(copies_allowed=1)
        assert await world.settle(doubt, FAULT) is Settled.LATE_APPLIED
        view = await world.view(doubt.message.id)
        assert (view.carriage, view.copies_released, view.next_at) == (Carriage.QUEUED, 0, world.clock.now())
        assert await world.settle(doubt, FAULT) is Settled.RECORDED
        assert (await world.view(doubt.message.id)).copies_released == 0
        (again,) = await world.lease()
        await world.release(again)

    play(story)


def test_a_late_no_for_one_of_two_copies_leaves_the_doubt(play: Play) -> None:
    """With another copy still unanswered the mail stays in doubt."""

    async def story(world: World) -> None:
        first = await world.in_doubt(next_at=world.clock.now())
        (second,) = await world.lease()
        await world.release(second)
        await world.settle(second, UNCLEAR)
        assert await world.settle(first, FAULT) is Settled.LATE_APPLIED
        view = await world.view(first.message.id)
        assert (view.carriage, view.copies_released) == (Carriage.IN_DOUBT, 1)
        assert await world.settle(second, HANDOVER) is Settled.LATE_APPLIED
        assert await world.carriage(first.message.id) is Carriage.HANDED_OVER

    play(story)


def test_a_zombie_changes_nothing(play: Play) -> None:
    """A holder that was paused past its unreleased lease and wakes up is only recorded."""

    async def story(world: World) -> None:
        zombie = await world.admit_leased()
        world.clock.forward(3600)
        await world.spool.sweep(10)
        (group,) = await world.lease()
        await world.release(group)
        for outcome in (HANDOVER, FAULT, None):
            assert await world.settle(zombie, outcome) is Settled.RECORDED
        view = await world.view(zombie.message.id)
        assert (view.carriage, view.copies_released, view.fence) == (Carriage.RELEASED, 1, 2)
        assert await world.settle(group, HANDOVER) is Settled.APPLIED

    play(story)


def test_the_answer_after_a_lapse_counts(play: Play) -> None:
    """A released attempt whose lease lapsed still settles its doubt when the answer comes."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.release(group)
        world.clock.forward(3600)
        await world.spool.sweep(10)
        assert await world.settle(group, HANDOVER) is Settled.LATE_APPLIED
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER

    play(story)


def test_a_repeated_settlement_is_recorded_only(play: Play) -> None:
    """Settling again after an answer that was lost on the way changes nothing, in one call or the next."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.release(group)
        settlement = world.settlement(group, HANDOVER)
        assert await world.spool.settle([settlement, settlement]) == [Settled.APPLIED, Settled.RECORDED]
        assert await world.spool.settle([settlement]) == [Settled.RECORDED]
        assert (await world.view(group.message.id)).attempts == 1

    play(story)


def test_mixed_settlements_at_once_keep_their_answers(play: Play) -> None:
    """Straight and crooked settlements that share a transaction each get their own result, in order."""

    async def story(world: World) -> None:
        groups = [await world.admit_leased(f"u{i}@example.com") for i in range(12)]
        for group in groups:
            await world.release(group)
        stale = await world.admit_leased()
        calls = [
            world.spool.settle([world.settlement(g, HANDOVER if i % 3 else UNCLEAR)]) for i, g in enumerate(groups)
        ]
        calls.append(world.spool.settle([world.settlement(stale, HANDOVER, fence=9)]))
        answers = await asyncio.gather(*calls)
        assert answers == [[Settled.APPLIED]] * 12 + [[Settled.RECORDED]]
        assert [await world.carriage(g.message.id) for g in groups] == [
            Carriage.HANDED_OVER if i % 3 else Carriage.IN_DOUBT for i in range(12)
        ]

    play(story)


def test_settling_the_unknown_is_harmless(play: Play) -> None:
    """An answer about a message that is not here is counted, not an error."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        assert await world.settle(group, HANDOVER, message_id=MessageId(world.new_id())) is Settled.RECORDED
        assert await world.settle(group, HANDOVER, released=False) is Settled.APPLIED

    play(story)


def test_withdrawn_mail_that_comes_back_ends(play: Play) -> None:
    """I3: superseded while released, then refused for certain: it ends as superseded and is never sent again."""

    async def story(world: World) -> None:
        group = await world.admit_leased(supersede_key="code")
        await world.release(group)
        await world.admit(supersede_key="code")
        await world.settle(group, FAULT, next_at=world.clock.now())
        assert await world.carriage(group.message.id) is Carriage.SUPERSEDED
        assert (await world.moves(group.message.id))[-2:] == ["released>queued:answer", "queued>superseded:supersede"]
        taken = await world.admit_leased(supersede_key="other")
        await world.release(taken)
        await world.admit(supersede_key="other")
        await world.settle(taken, HANDOVER)
        assert await world.carriage(taken.message.id) is Carriage.HANDED_OVER

    play(story)


def test_expiry_ends_what_waits_and_nothing_else(play: Play) -> None:
    """I2: the sweep expires queued mail past its deadline, never what is in doubt, out or handed over."""

    async def story(world: World) -> None:
        queued = await world.admit(deadline_us=30 * SECOND, not_before=world.clock.now() + 3600 * SECOND)
        parked = await world.admit_leased(deadline_us=30 * SECOND)
        await world.settle(parked, None, released=False)
        doubt = await world.in_doubt(deadline_us=30 * SECOND)
        out = await world.admit_leased(deadline_us=30 * SECOND)
        await world.release(out, answer_by_us=3600 * SECOND)
        leased = await world.admit_leased(deadline_us=30 * SECOND)
        world.clock.forward(30)
        report = await world.spool.sweep(100)
        assert report.expired == 2
        groups = (parked, doubt, out, leased)
        assert [await world.carriage(g.message.id) for g in groups] == [
            Carriage.EXPIRED,
            Carriage.IN_DOUBT,
            Carriage.RELEASED,
            Carriage.LEASED,
        ]
        assert await world.carriage(queued.id) is Carriage.EXPIRED

    play(story)


def test_the_sweep_is_bounded_and_says_so(play: Play) -> None:
    """At most `limit` of each kind move in one pass; `more` asks for the next."""

    async def story(world: World) -> None:
        await world.spool.admit([world.message(lease_for=NODE) for _ in range(5)])
        await world.spool.admit([world.message(deadline_us=SECOND) for _ in range(3)])
        world.clock.forward(3600)
        first = await world.spool.sweep(4)
        assert (first.lapsed_unreleased, first.expired, first.more) == (4, 3, True)
        second = await world.spool.sweep(4)
        assert (second.lapsed_unreleased, second.expired, second.more) == (1, 0, False)

    play(story)


def test_the_latest_provider_is_shown(play: Play) -> None:
    """An operator sees where the latest released attempt went."""

    async def story(world: World) -> None:
        await world.in_doubt(next_at=world.clock.now())
        (second,) = await world.lease()
        await world.release(second, provider=ProviderName("other"))
        (view,) = await world.spool.select(Selector(), 10)
        assert view.provider == "other"

    play(story)
