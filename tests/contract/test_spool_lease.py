"""Contract of every spool: claiming work. Order, bounds, groups, fences, and what ends instead of being given out."""

import asyncio
from typing import Any

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import NodeId, ProviderName
from posthorse.mail.outcome import Fault, Rejection, Scope
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Decision, Selector
from tests.contract.spool_kit import FAULT, HANDOVER, HOUR, NODE, UNCLEAR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]


def test_the_longest_due_comes_first(play: Play) -> None:
    """Work is given by due time, then by order of acceptance."""

    async def story(world: World) -> None:
        now = world.clock.now()
        late = await world.admit(not_before=now + 3 * SECOND)
        early = await world.admit(not_before=now + SECOND)
        twin = await world.admit(not_before=now + SECOND)
        world.clock.forward(10)
        groups = [*await world.lease(limit=1), *await world.lease()]
        assert [group.message.id for group in groups] == [early.id, twin.id, late.id]

    play(story)


def test_each_says_since_when_it_is_due(play: Play) -> None:
    """Queued, given back or in doubt, on the straight path or beside it; what comes leased was never due."""

    async def story(world: World) -> None:
        fresh = await world.admit_leased()
        assert [one.due_at for one in fresh.recipients] == [0]
        due_at = world.clock.now() + SECOND
        await world.admit(not_before=due_at)
        await world.in_doubt(next_at=due_at)
        world.clock.forward(10)
        assert [one.due_at for group in await world.lease() for one in group.recipients] == [due_at, due_at]
        await world.admit()
        late = await world.admit(deadline_us=SECOND)
        admitted_at = world.clock.now()
        world.clock.forward(5)
        assert [one.due_at for group in await world.lease() for one in group.recipients] == [admitted_at]
        assert await world.carriage(late.id) is Carriage.EXPIRED

    play(story)


def test_the_newest_comes_first_when_asked(play: Play) -> None:
    """`newest_first` orders by acceptance, newest first, among what is due, whether queued or in doubt."""

    async def story(world: World) -> None:
        old = [await world.admit() for _ in range(5)]
        doubt = await world.in_doubt(next_at=world.clock.now())
        new = await world.admit("ann@example.com", "bob@example.com")
        await world.admit(not_before=world.clock.now() + HOUR)
        world.clock.forward(1)
        groups = await world.lease(newest_first=True, limit=3)
        assert [(g.message.id, [r.n for r in g.recipients]) for g in groups] == [
            (new.id, [0, 1]),
            (doubt.message.id, [0]),
        ]
        assert [group.message.id for group in await world.lease(newest_first=True, limit=1)] == [old[4].id]
        rest = await world.lease(newest_first=True)
        assert [group.message.id for group in rest] == [admitted.id for admitted in reversed(old[:4])]

    play(story)


def test_only_the_asked_stream_and_whole_messages_up_to_the_limit(play: Play) -> None:
    """A lease takes from one stream, and no further message once it has as many recipients as asked for."""

    async def story(world: World) -> None:
        for stream in Stream:
            await world.admit("a@example.com", "b@example.com", stream=stream)
            await world.admit("c@example.com", stream=stream)
        for count in (2, 1):
            groups = await world.lease(stream=Stream.BULK, limit=1)
            assert [(g.message.stream, len(g.recipients)) for g in groups] == [(Stream.BULK, count)]
        assert sum(len(g.recipients) for g in await world.lease(stream=Stream.ONCE)) == 3

    play(story)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_message_is_never_cut(play: Play, *, newest_first: bool) -> None:
    """Whatever the bounds, all due recipients of a message come at once, however the due times of several mingle."""

    async def story(world: World) -> None:
        names = [f"r{n}@example.com" for n in range(3)]
        groups = [await world.admit_leased(*names, body=b"x" * 1000) for _ in range(4)]
        for n in range(3):  # one recipient of each message after the other
            for group in groups:
                await world.settle(group, None, released=False, n=n, next_at=world.clock.now())
            world.clock.forward(1)
        asked: list[tuple[dict[str, Any], int]] = [({"limit": 1}, 1), ({"limit": 4}, 2), ({"max_bytes": 1500}, 1)]
        for bounds, count in asked:
            leased = await world.lease(newest_first=newest_first, **bounds)
            assert [(len(g.recipients), g.others) for g in leased] == [(3, 0)] * count

    play(story)


def test_a_group_tells_how_many_others_have_not_ended(play: Play) -> None:
    """Held, later, in another hand, in another group and in doubt count; what was handed over, rejected, suppressed or
    cancelled does not.
    """

    async def story(world: World) -> None:
        names = [f"r{n}@example.com" for n in range(9)]
        await world.hold(recipient_domain="held.example")
        await world.suppress("gone@example.com")
        first = await world.admit_leased(*names, "x@held.example", "gone@example.com")
        assert (len(first.recipients), first.others) == (9, 1)
        now = world.clock.now()
        await world.release(first, recipients=tuple((r.n, r.fence) for r in first.recipients if r.n in (0, 1)))
        await world.settle(first, HANDOVER, n=0)
        await world.settle(first, UNCLEAR, n=1)
        await world.settle(first, Rejection(scope=Scope.MESSAGE), released=False, n=2, final=True)
        for n in (3, 4, 5):
            tried = (ProviderName("first"),) if n == 5 else ()
            await world.settle(first, None, released=False, n=n, next_at=now, tried=tried)
        await world.settle(first, None, released=False, n=6, next_at=now + HOUR)
        await world.spool.decide(Selector(message_id=first.message.id, n=7), Decision.CANCEL, "ann", 1)
        live = 7  # n 1, 3 to 6 and 8, and the held one
        assert [(len(g.recipients), g.others) for g in await world.lease()] == [(2, live - 2), (1, live - 1)]

    play(story)


def test_bodies_together_stay_below_the_bound(play: Play) -> None:
    """Messages are added until their bodies exceed `max_bytes`; at least one is given however large."""

    async def story(world: World) -> None:
        for _ in range(3):
            await world.admit("a@example.com", "b@example.com", body=b"x" * 1000)
        assert [len(g.recipients) for g in await world.lease(max_bytes=2000)] == [2, 2]
        assert [len(g.recipients) for g in await world.lease(max_bytes=10)] == [2]
        assert await world.lease() == []

    play(story)


def test_groups_share_message_and_history(play: Play) -> None:
    """Recipients of one message with the same past come as one group, with the bytes; another past is another group."""

    async def story(world: World) -> None:
        group = await world.admit_leased("a@example.com", "b@example.com", "c@example.com", body=b"bytes")
        tried = (ProviderName("first"),)
        now = world.clock.now()
        await world.settle(group, FAULT, released=False, n=0, tried=tried, next_at=now)
        await world.settle(group, FAULT, released=False, n=1, tried=tried, next_at=now)
        await world.settle(group, None, released=False, n=2, next_at=now)
        groups = await world.lease()
        assert {(tuple(r.n for r in g.recipients), g.recipients[0].tried) for g in groups} == {
            ((0, 1), tried),
            ((2,), ()),
        }
        assert [g.body for g in groups] == [b"bytes", b"bytes"]
        assert {r.attempts for g in groups for r in g.recipients if r.n < 2} == {1}

    play(story)


def test_fences_only_rise(play: Play) -> None:
    """I4: every lease of a recipient has a higher fence than the one before."""

    async def story(world: World) -> None:
        admitted = await world.admit()
        fences = []
        for _ in range(3):
            (group,) = await world.lease()
            fences.append(group.recipients[0].fence)
            await world.settle(group, None, released=False, next_at=world.clock.now())
        assert fences == [1, 2, 3]
        assert (await world.view(admitted.id)).attempts == 0

    play(story)


def test_one_recipient_has_one_lease(play: Play) -> None:
    """I4: however many ask at once, every recipient is given to exactly one of them."""

    async def story(world: World) -> None:
        await world.spool.admit([world.message() for _ in range(60)])
        answers = await asyncio.gather(*(world.lease(node=NodeId(f"n{i}"), limit=7) for i in range(20)))
        given = [group.message.id for groups in answers for group in groups]
        assert len(given) == len(set(given)) == 60

    play(story)


def test_doubt_with_budget_is_leased_again_when_due(play: Play) -> None:
    """In doubt with a copy left is work at its time and comes back as doubt when it finds no candidate."""

    async def story(world: World) -> None:
        due = world.clock.now() + 8 * SECOND
        doubt = await world.in_doubt(next_at=due)
        assert await world.lease() == []
        world.clock.forward(8)
        (group,) = await world.lease()
        (recipient,) = group.recipients
        assert (recipient.leased_from, recipient.copies_released, recipient.fence) == (Carriage.IN_DOUBT, 1, 2)
        await world.settle(group, None, released=False, next_at=due + HOUR)
        view = await world.view(doubt.message.id)
        assert (view.carriage, view.next_at) == (Carriage.IN_DOUBT, due + HOUR)

    play(story)


def test_doubt_without_budget_is_never_leased(play: Play) -> None:
    """I6: `once` and `bulk` in doubt have no second copy, whatever next time was asked for."""

    async def story(world: World) -> None:
        for stream in (Stream.ONCE, Stream.BULK):
            doubt = await world.in_doubt(stream=stream, copies_allowed=1, next_at=world.clock.now())
            world.clock.forward(3600)
            assert await world.lease(stream=stream) == []
            assert (await world.view(doubt.message.id)).next_at is None
        assert await world.spool.next_due() is None

    play(story)


def test_late_mail_expires_instead(play: Play) -> None:
    """What is past its deadline when found ends as expired; in doubt it stays in doubt and is not due any more."""

    async def story(world: World) -> None:
        queued = await world.admit(deadline_us=HOUR)
        doubt = await world.in_doubt(deadline_us=HOUR, next_at=world.clock.now())
        world.clock.forward(3600)
        assert await world.lease() == []
        assert await world.carriage(queued.id) is Carriage.EXPIRED
        view = await world.view(doubt.message.id)
        assert (view.carriage, view.next_at) == (Carriage.IN_DOUBT, None)

    play(story)


def test_late_mail_does_not_hide_what_is_in_time(play: Play) -> None:
    """A lease whose limit is filled by late mail looks further."""

    async def story(world: World) -> None:
        await world.spool.admit([world.message(deadline_us=SECOND) for _ in range(5)])
        good = await world.admit(not_before=world.clock.now() + SECOND)
        world.clock.forward(2)
        assert [group.message.id for group in await world.lease(limit=2)] == [good.id]

    play(story)


def test_listed_addresses_end_instead(play: Play) -> None:
    """I7: an address listed while its mail waited ends as suppressed; in doubt it gets no further copy."""

    async def story(world: World) -> None:
        queued = await world.admit("ann@example.com", "bob@example.com")
        doubt = await world.in_doubt("ann@example.com", next_at=world.clock.now())
        await world.suppress("ann@example.com")
        (group,) = await world.lease()
        assert [recipient.address for recipient in group.recipients] == ["bob@example.com"]
        assert await world.carriage(queued.id, 0) is Carriage.SUPPRESSED
        view = await world.view(doubt.message.id)
        assert (view.carriage, view.next_at) == (Carriage.IN_DOUBT, None)

    play(story)


def test_a_lapsed_lease_makes_room_for_the_next(play: Play) -> None:
    """The lease of a dead holder runs out; swept, its mail is leased again under a higher fence."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        world.clock.forward(3600)
        assert await world.lease() == []
        report = await world.spool.sweep(100)
        assert (report.lapsed_unreleased, report.lapsed_in_doubt, report.more) == (1, 0, False)
        (again,) = await world.lease()
        assert again.recipients[0].fence == group.recipients[0].fence + 1

    play(story)


def test_finished_mail_is_never_work(play: Play) -> None:
    """I3: nothing that reached an end of duty is ever leased again."""

    async def story(world: World) -> None:
        done = await world.admit_leased()
        await world.release(done)
        await world.settle(done, HANDOVER)
        refused = await world.admit_leased()
        refusal = Fault(scope=Scope.MESSAGE)
        await world.settle(refused, refusal, released=False, final=True)
        assert await world.carriage(refused.message.id) is Carriage.REJECTED
        await world.in_doubt(copies_allowed=1)
        world.clock.forward(30 * 24 * 3600)
        for stream in Stream:
            assert await world.lease(stream=stream, node=NODE) == []
        assert await world.spool.next_due() is None
        assert (await world.spool.sweep(10)).expired == 0

    play(story)


def test_next_due_is_the_earliest_of_all_streams(play: Play) -> None:
    """The next due time counts what waits, not what is held, leased or done."""

    async def story(world: World) -> None:
        assert await world.spool.next_due() is None
        now = world.clock.now()
        await world.admit(stream=Stream.BULK, not_before=now + 3 * HOUR)
        await world.admit(stream=Stream.URGENT, not_before=now + 2 * HOUR)
        await world.in_doubt(next_at=now + HOUR)
        held = await world.admit(not_before=now + SECOND, sender="x@held.example")
        await world.hold(sender_domain="held.example")
        assert (await world.view(held.id)).hold is not None
        assert await world.spool.next_due() == now + HOUR

    play(story)


def test_an_unclear_answer_without_release_sent_nothing(play: Play) -> None:
    """Without its own release mark an attempt sent nothing, whatever its outcome claims."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.settle(group, UNCLEAR, released=False, next_at=world.clock.now())
        view = await world.view(group.message.id)
        assert (view.carriage, view.copies_released) == (Carriage.QUEUED, 0)

    play(story)
