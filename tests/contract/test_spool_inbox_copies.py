"""Contract of every spool: what a provider's word does to copies. Doubts that end, leases that stop, duplicates."""

import pytest

from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.event import EventKind
from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Fault, Rejection, Scope
from posthorse.spool.desk_port import Decision, Selector
from posthorse.spool.inbox_port import Learnt
from posthorse.spool.port import Settled
from tests.contract.inbox_kit import DUPLICATE, OTHER, Feedback
from tests.contract.spool_kit import DAY, FAULT, HANDOVER, RELAY, UNCLEAR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

APPLIED, REPEATED, UNKNOWN = Learnt.APPLIED, Learnt.REPEATED, Learnt.UNKNOWN


def test_it_may_come_before_the_answer(play: Play) -> None:
    """Released mail of which its provider tells is handed over; the answer that follows is recorded, no duplicate."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.admit_leased()
        await world.release(group)
        assert await feedback.learn(group.message.id) is APPLIED
        view = await world.view(group.message.id)
        assert (view.carriage, view.fate, view.attempts) == (Carriage.HANDED_OVER, Fate.DELIVERED, 1)
        assert (view.lease_until, view.next_at, view.tried, view.copies_released) == (None, None, (RELAY,), 1)
        assert await world.moves(group.message.id) == [
            "queued>leased:lease",
            "leased>released:release",
            "released>handed_over:event",
        ]
        assert await world.settle(group, HANDOVER) is Settled.AFTER_EVENT
        for outcome in (HANDOVER, UNCLEAR, FAULT):
            assert await world.settle(group, outcome) is Settled.RECORDED
        assert await feedback.kinds(group.message.id) == ["event", "fate", "after_event", *["late_answer"] * 3]
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER
        world.clock.forward(3600)
        await world.spool.sweep(100)
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER

    play(story)


def test_it_settles_a_doubt(play: Play) -> None:
    """In doubt becomes handed over, with no further copy; the late answer is recorded, no duplicate."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.in_doubt(next_at=world.clock.now())
        assert await feedback.learn(group.message.id, EventKind.DEFERRED) is APPLIED
        view = await world.view(group.message.id)
        assert (view.carriage, view.fate, view.copies_released) == (Carriage.HANDED_OVER, Fate.UNKNOWN, 1)
        assert await world.lease() == []
        assert await world.settle(group, HANDOVER) is Settled.RECORDED
        assert await feedback.learn(group.message.id, EventKind.DELIVERED) is APPLIED

    play(story)


def test_a_lapsed_release_is_settled_too(play: Play) -> None:
    """A courier that died after the release left a doubt that names no provider; history does."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.admit_leased()
        await world.release(group)
        world.clock.forward(3600)
        await world.spool.sweep(100)
        assert await world.carriage(group.message.id) is Carriage.IN_DOUBT
        assert await feedback.learn(group.message.id, provider=OTHER) is UNKNOWN
        assert await feedback.learn(group.message.id) is APPLIED
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER

    play(story)


def test_it_stops_a_newer_lease(play: Play) -> None:
    """Leased again after a doubt: the newer lease is fenced off before it sends."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        await world.in_doubt(next_at=world.clock.now())
        (again,) = await world.lease()
        assert await feedback.learn(again.message.id) is APPLIED
        assert await world.carriage(again.message.id) is Carriage.HANDED_OVER
        verdict = await world.try_release(again)
        assert verdict.reasons == {0: verdict.reasons[0]}  # type: ignore[union-attr]
        assert await world.settle(again, FAULT, released=False) is Settled.RECORDED
        assert (await world.view(again.message.id)).fence > again.recipients[0].fence

    play(story)


def test_who_was_tried_and_given_nothing_is_not_believed(play: Play) -> None:
    """In doubt at the relay, then a try elsewhere that ends before its release: its word counts for nothing."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        await world.in_doubt(next_at=world.clock.now())
        (again,) = await world.lease()
        assert await world.settle(again, FAULT, provider=OTHER, released=False) is Settled.APPLIED
        assert await world.carriage(again.message.id) is Carriage.IN_DOUBT
        assert await feedback.learn(again.message.id, EventKind.COMPLAINED, provider=OTHER) is UNKNOWN
        assert await world.carriage(again.message.id) is Carriage.IN_DOUBT
        assert await feedback.listed() == []

    play(story)


def test_of_two_copies_each_provider_answers_for_its_own(play: Play) -> None:
    """One in doubt at the relay, one under way elsewhere: the relay's word ends its doubt, and proves one copy only."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        first, second = await feedback.two_copies()
        message_id = first.message.id
        assert await feedback.learn(message_id) is APPLIED
        assert await world.carriage(message_id) is Carriage.RELEASED
        assert await feedback.learn(message_id, EventKind.OPENED) is APPLIED
        assert await world.settle(first, HANDOVER) is Settled.RECORDED
        assert await world.settle(second, FAULT, provider=OTHER) is Settled.APPLIED
        view = await world.view(message_id)
        assert (view.carriage, view.copies_released, view.provider) == (Carriage.HANDED_OVER, 1, RELAY)
        assert await feedback.kinds(message_id) == ["event", "fate", "event", "late_answer"]

    play(story)


def test_the_word_of_the_present_provider_leaves_the_older_doubt(play: Play) -> None:
    """The copy under way is handed over; the older one stays doubtful, so its late yes is a duplicate."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        first, second = await feedback.two_copies()
        message_id = first.message.id
        assert await feedback.learn(message_id, provider=OTHER) is APPLIED
        assert await world.carriage(message_id) is Carriage.HANDED_OVER
        assert await world.settle(second, HANDOVER, provider=OTHER) is Settled.AFTER_EVENT
        assert await world.settle(first, HANDOVER) is Settled.DUPLICATE
        assert await feedback.learn(message_id) is APPLIED

    play(story)


@pytest.mark.parametrize("kind", [EventKind.DELIVERED, EventKind.SOFT_BOUNCED])
def test_a_second_copy_is_counted_once(play: Play, kind: EventKind) -> None:
    """Handed over elsewhere, and the provider in doubt tells of it: one duplicate, whatever it tells after that."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        first, second = await feedback.two_copies()
        await world.settle(second, HANDOVER, provider=OTHER, tried=(RELAY, OTHER))
        assert await feedback.learn(first.message.id, kind) is DUPLICATE
        assert await feedback.learn(first.message.id, EventKind.OPENED) is APPLIED
        assert await world.settle(first, HANDOVER) is Settled.RECORDED
        assert await feedback.learn(first.message.id, provider=OTHER) is APPLIED
        assert (await feedback.kinds(first.message.id)).count("duplicate") == 1
        assert (await world.view(first.message.id)).copies_released == 2

    play(story)


def test_withdrawn_mail_in_doubt_is_settled(play: Play) -> None:
    """Superseded while a copy was out: the event says that it left after all."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.in_doubt(supersede_key="code")
        await world.admit(supersede_key="code")
        assert await feedback.learn(group.message.id) is APPLIED
        view = await world.view(group.message.id)
        assert (view.carriage, view.withdrawn) == (Carriage.HANDED_OVER, "superseded")

    play(story)


def test_after_a_persons_decision_it_is_recorded_or_takes_the_mail_back(play: Play) -> None:
    """Cancelled stays so, with its fate; taken as handed over is no duplicate; taken as never sent is stopped."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        for decision, end in (
            (Decision.CANCEL, Carriage.CANCELLED),
            (Decision.WAS_HANDED_OVER, Carriage.HANDED_OVER),
            (Decision.WAS_NOT_SENT, Carriage.HANDED_OVER),
        ):
            group = await world.in_doubt()
            await world.spool.decide(Selector(message_id=group.message.id), decision, "ann", 10)
            assert await feedback.learn(group.message.id) is APPLIED
            view = await world.view(group.message.id)
            assert (view.carriage, view.fate) == (end, Fate.DELIVERED)
            assert await world.settle(group, HANDOVER) is Settled.RECORDED

    play(story)


@pytest.mark.parametrize("end", [Carriage.REJECTED, Carriage.EXPIRED, Carriage.SUPPRESSED])
def test_where_duty_ended_without_a_copy_it_is_only_recorded(play: Play, end: Carriage) -> None:
    """A provider that said no, and yet tells of the mail, is heard; nothing moves."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.admit_leased(deadline_us=DAY)
        await world.release(group)
        if end is Carriage.REJECTED:
            await world.settle(group, Rejection(scope=Scope.RECIPIENT), final=True)
        else:
            await world.settle(group, Fault(scope=Scope.PROVIDER), next_at=world.clock.now())
        if end is Carriage.SUPPRESSED:
            await world.suppress("ann@example.com")
            await world.lease()
        if end is Carriage.EXPIRED:
            world.clock.forward(90_000)
            await world.spool.sweep(10)
        assert await world.carriage(group.message.id) is end
        assert await feedback.learn(group.message.id) is APPLIED
        assert await world.carriage(group.message.id) is end

    play(story)


def test_waiting_mail_that_its_provider_has_after_all_is_not_sent_again(play: Play) -> None:
    """A provider said no and then tells of the mail: it has it, so nobody else gets it."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.admit_leased()
        await world.release(group)
        await world.settle(group, FAULT, next_at=world.clock.now())
        assert await feedback.learn(group.message.id) is APPLIED
        view = await world.view(group.message.id)
        assert (view.carriage, view.copies_released) == (Carriage.HANDED_OVER, 1)
        assert await world.lease() == []

    play(story)


def test_after_a_restore_every_providers_word_counts(play: Play) -> None:
    """The restored copy does not know whom the mail was given to after it was made."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        admitted = await world.admit()
        await world.spool.doubt_all("ann")
        assert await feedback.learn(admitted.id, provider=OTHER) is APPLIED
        view = await world.view(admitted.id)
        assert (view.carriage, view.fate, view.provider) == (Carriage.HANDED_OVER, Fate.DELIVERED, OTHER)

    play(story)


def test_one_batch_may_settle_and_tell_of_the_same_mail(play: Play) -> None:
    """Events of one notification build on one another, as if each had come alone."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        first, second = await feedback.two_copies()
        message_id = first.message.id
        learnt = await feedback.tell(
            feedback.event(message_id, EventKind.TAKEN, provider=OTHER),
            feedback.event(message_id, EventKind.TAKEN),
            feedback.event(message_id, EventKind.DELIVERED),
            feedback.event(message_id, EventKind.DELIVERED, provider=OTHER),
            feedback.event(message_id, EventKind.DELIVERED, provider=ProviderName("stranger")),
        )
        assert learnt == [APPLIED, DUPLICATE, APPLIED, APPLIED, UNKNOWN]
        assert await feedback.fate(message_id) is Fate.DELIVERED
        assert await world.settle(first, HANDOVER) is Settled.RECORDED
        assert await world.settle(second, HANDOVER, provider=OTHER) is Settled.AFTER_EVENT

    play(story)
