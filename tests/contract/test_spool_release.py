"""Contract of every spool: the compare-and-set before the last bytes. It is the only way a copy gets out."""

import asyncio

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import AttemptId, MessageId, ProviderName
from posthorse.mail.outcome import Deferral, Scope
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Decision, Selector
from posthorse.spool.port import Refusal, Released, ReleaseMark, ReleaseRefused, SpoolMisuse
from tests.contract.spool_kit import HANDOVER, HOUR, UNCLEAR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]


def test_a_release_is_written_before_it_is_allowed(play: Play) -> None:
    """The mark counts a copy, names provider and attempt, and extends the lease to the time of the answer."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        attempt = AttemptId(world.new_id())
        verdict = await world.try_release(group, attempt=attempt, answer_by_us=7 * SECOND)
        assert verdict == Released(at=world.clock.now())
        view = await world.view(group.message.id)
        assert (view.carriage, view.copies_released, view.provider) == (Carriage.RELEASED, 1, "relay")
        assert view.lease_until == world.clock.now() + 7 * SECOND
        fact = (await world.told(group.message.id))[-1]
        assert (fact.provider, fact.attempt, fact.fence) == ("relay", attempt, 1)

    play(story)


def test_a_stale_fence_releases_nothing(play: Play) -> None:
    """I4: who lost the lease cannot release, and takes nothing from who has it now."""

    async def story(world: World) -> None:
        old = await world.admit_leased()
        world.clock.forward(3600)
        await world.spool.sweep(10)
        (new,) = await world.lease()
        assert await world.try_release(old) == ReleaseRefused(reasons={0: Refusal.STALE})
        assert await world.carriage(old.message.id) is Carriage.LEASED
        await world.release(new)

    play(story)


def test_a_mark_counts_once(play: Play) -> None:
    """The same mark again, or of an unknown message, is stale."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.release(group)
        assert await world.try_release(group) == ReleaseRefused(reasons={0: Refusal.STALE})
        unknown = world.mark(group, message_id=MessageId(world.new_id()))
        assert await world.spool.release([unknown]) == [ReleaseRefused(reasons={0: Refusal.STALE})]
        assert (await world.view(group.message.id)).copies_released == 1

    play(story)


def test_twin_marks_at_once_let_one_copy_out(play: Play) -> None:
    """Two marks for one lease, in one call or at the same time: one is allowed."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        verdicts = list(await world.spool.release([world.mark(group), world.mark(group)]))
        assert [type(verdict) for verdict in verdicts] == [Released, ReleaseRefused]
        other = await world.admit_leased()
        many = await asyncio.gather(*(world.try_release(other) for _ in range(10)))
        assert sum(isinstance(verdict, Released) for verdict in many) == 1
        assert (await world.view(other.message.id)).copies_released == 1

    play(story)


def test_a_suppressed_address_is_not_released(play: Play) -> None:
    """I7: the list is asked in the compare-and-set itself, not only at the door."""

    async def story(world: World) -> None:
        group = await world.admit_leased("Ann@Example.com")
        await world.suppress("ann@example.com")
        assert await world.try_release(group) == ReleaseRefused(reasons={0: Refusal.SUPPRESSED})
        assert await world.carriage(group.message.id) is Carriage.SUPPRESSED

    play(story)


def test_a_suppression_that_ran_out_stops_nothing(play: Play) -> None:
    """An entry counts until its end and not longer, also in the compare-and-set."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.suppress("ann@example.com", expires_at=world.clock.now() + SECOND)
        world.clock.forward(1)
        await world.release(group)

    play(story)


def test_superseded_and_cancelled_mail_is_not_released(play: Play) -> None:
    """I3: what was withdrawn after its lease is refused at release."""

    async def story(world: World) -> None:
        superseded = await world.admit_leased(supersede_key="code")
        await world.admit(supersede_key="code")
        assert isinstance(await world.try_release(superseded), ReleaseRefused)
        assert await world.carriage(superseded.message.id) is Carriage.SUPERSEDED
        cancelled = await world.admit_leased()
        await world.spool.decide(Selector(message_id=cancelled.message.id), Decision.CANCEL, "ann", 10)
        assert isinstance(await world.try_release(cancelled), ReleaseRefused)
        assert await world.carriage(cancelled.message.id) is Carriage.CANCELLED

    play(story)


def test_withdrawn_mail_leased_from_doubt_is_not_released(play: Play) -> None:
    """I3: a withdrawal while a second copy is being prepared stops that copy and leaves the doubt."""

    async def story(world: World) -> None:
        doubt = await world.in_doubt(supersede_key="code", next_at=world.clock.now())
        (group,) = await world.lease()
        await world.admit(supersede_key="code")
        assert await world.try_release(group) == ReleaseRefused(reasons={0: Refusal.WITHDRAWN})
        view = await world.view(doubt.message.id)
        assert (view.carriage, view.copies_released, view.next_at) == (Carriage.IN_DOUBT, 1, None)

    play(story)


def test_late_mail_is_not_released(play: Play) -> None:
    """I3: past the deadline nothing goes, by the spool's clock."""

    async def story(world: World) -> None:
        group = await world.admit_leased(deadline_us=30 * SECOND)
        world.clock.forward(30)
        assert await world.try_release(group) == ReleaseRefused(reasons={0: Refusal.EXPIRED})
        assert await world.carriage(group.message.id) is Carriage.EXPIRED

    play(story)


def test_held_mail_is_not_released(play: Play) -> None:
    """A hold set after the lease stops the mail before its release; lifted, it goes."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        hold = await world.hold(recipient_domain="example.com")
        assert await world.try_release(group) == ReleaseRefused(reasons={0: Refusal.HELD})
        assert await world.carriage(group.message.id) is Carriage.QUEUED
        assert await world.lease() == []
        await world.spool.unhold(hold.id)
        (again,) = await world.lease()
        await world.release(again)

    play(story)


@pytest.mark.parametrize("stream", [Stream.ONCE, Stream.BULK])
def test_once_and_bulk_have_one_copy_out(play: Play, stream: Stream) -> None:
    """I6: after an unclear first copy no second one gets out without a person."""

    async def story(world: World) -> None:
        doubt = await world.in_doubt(stream=stream, copies_allowed=1, next_at=world.clock.now())
        assert await world.lease(stream=stream) == []
        assert isinstance(await world.try_release(doubt), ReleaseRefused)
        only = Selector(message_id=doubt.message.id)
        assert await world.spool.decide(only, Decision.RETRY_NOW, "ann", 10) in (0, 1)
        assert await world.lease(stream=stream) == []
        assert await world.spool.decide(only, Decision.ANOTHER_COPY, "ann", 10) == 1
        (group,) = await world.lease(stream=stream)
        await world.release(group)
        await world.settle(group, UNCLEAR, next_at=world.clock.now())
        assert await world.lease(stream=stream) == []
        assert (await world.view(doubt.message.id)).copies_released == 2

    play(story)


def test_the_budget_is_checked_at_release(play: Play) -> None:
    """A late answer cannot be used to sneak a copy past the budget: the compare-and-set counts."""

    async def story(world: World) -> None:
        await world.in_doubt(copies_allowed=2, next_at=world.clock.now())
        (second,) = await world.lease()
        await world.release(second)
        await world.settle(second, UNCLEAR, next_at=world.clock.now())
        view = await world.view(second.message.id)
        assert (view.carriage, view.copies_released, view.next_at) == (Carriage.IN_DOUBT, 2, None)
        assert await world.lease() == []

    play(story)


def test_a_certain_no_gives_the_copy_back(play: Play) -> None:
    """A complete refusal after release proves that no copy is out: the budget is whole again."""

    async def story(world: World) -> None:
        group = await world.admit_leased(copies_allowed=1)
        for _ in range(3):
            await world.release(group)
            deferral = Deferral(scope=Scope.OPERATOR)
            await world.settle(group, deferral, next_at=world.clock.now())
            assert (await world.view(group.message.id)).copies_released == 0
            (group,) = await world.lease()
        assert group.recipients[0].attempts == 3

    play(story)


def test_a_mark_is_all_or_nothing(play: Play) -> None:
    """One refused recipient stops the whole mark; the refused one moves on, the others stay leased to the caller."""

    async def story(world: World) -> None:
        group = await world.admit_leased("ann@example.com", "bob@example.com", "eve@example.com")
        await world.suppress("bob@example.com")
        assert await world.try_release(group) == ReleaseRefused(reasons={1: Refusal.SUPPRESSED})
        assert [await world.carriage(group.message.id, n) for n in range(3)] == [
            Carriage.LEASED,
            Carriage.SUPPRESSED,
            Carriage.LEASED,
        ]
        rest = tuple((r.n, r.fence) for r in group.recipients if r.n != 1)
        await world.release(group, recipients=rest)
        assert await world.carriage(group.message.id, 2) is Carriage.RELEASED

    play(story)


def test_marks_of_one_batch_are_independent(play: Play) -> None:
    """A refused mark does not touch its neighbours, in one call or in concurrent ones."""

    async def story(world: World) -> None:
        groups = [await world.admit_leased(f"u{i}@example.com") for i in range(8)]
        await world.suppress("u3@example.com")
        verdicts = list(await world.spool.release([world.mark(group) for group in groups[:5]]))
        verdicts += await asyncio.gather(*(world.try_release(group) for group in (*groups[5:], groups[0])))
        refused = [place for place, verdict in enumerate(verdicts) if isinstance(verdict, ReleaseRefused)]
        assert refused == [3, 8]
        assert [(await world.view(g.message.id)).copies_released for g in groups] == [1, 1, 1, 0, 1, 1, 1, 1]

    play(story)


def test_a_mark_without_recipients_is_a_bug(play: Play) -> None:
    """Asking to release nobody is refused as misuse, and its neighbours are answered."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        empty = ReleaseMark(
            message_id=group.message.id,
            attempt=AttemptId(b"1" * 16),
            provider=ProviderName("relay"),
            recipients=(),
            answer_by_us=SECOND,
        )
        answers = await asyncio.gather(
            world.spool.release([empty]), world.spool.release([world.mark(group)]), return_exceptions=True
        )
        assert isinstance(answers[0], SpoolMisuse)
        assert answers[1] == [Released(at=world.clock.now())]

    play(story)


def test_the_clock_of_the_spool_judges(play: Play) -> None:
    """A clock set back an hour between claim and release neither loses nor doubles the mail."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        world.clock.forward(-HOUR / SECOND)
        await world.release(group)
        await world.settle(group, HANDOVER)
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER

    play(story)
