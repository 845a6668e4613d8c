"""Contract of every spool: notifications are kept once as they came, read until they are understood, and dropped."""

import asyncio

from posthorse.mail.carriage import Fate
from posthorse.mail.event import EventKind
from posthorse.mail.stream import SECOND
from posthorse.spool.inbox_port import Digestion, Learnt
from tests.contract.inbox_kit import OTHER, Feedback
from tests.contract.spool_kit import DAY, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]


def test_a_notification_is_kept_once(play: Play) -> None:
    """Twins in one batch, in fifty calls at once and later: one is kept; another provider's key is another."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        one, two = feedback.notification(1), feedback.notification(2)
        assert await inbox.take_in([]) == []
        assert await inbox.take_in([one, one]) == [True, False]
        assert await inbox.take_in([two, one, two]) == [True, False, False]
        answers = await asyncio.gather(*(inbox.take_in([feedback.notification(3)]) for _ in range(50)))
        assert sorted(kept for (kept,) in answers) == [False] * 49 + [True]
        assert await inbox.take_in([feedback.notification(1, provider=OTHER)]) == [True]
        assert len(await inbox.undigested(100)) == 4

    play(story)


def test_many_are_kept_in_one_call(play: Play) -> None:
    """Six hundred at once, two of them known: exactly those are told."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        await inbox.take_in([feedback.notification(1), feedback.notification(600)])
        answers = await inbox.take_in([feedback.notification(number) for number in range(1, 601)])
        assert [place for place, kept in enumerate(answers, 1) if not kept] == [1, 600]
        assert len(await inbox.undigested(1000)) == 600

    play(story)


def test_it_comes_back_as_it_came(play: Play) -> None:
    """Body, facts and key unchanged, oldest first, with the time it came; at most as many as asked for."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        first = feedback.notification(1, body=bytes(range(256)) * 40, facts={"timestamp": "7", "é": ""})
        second = feedback.notification(2, body=b"")
        came = world.clock.now()
        await inbox.take_in([first])
        world.clock.forward(1)
        await inbox.take_in([second])
        stored = await inbox.undigested(10)
        assert [one.notification for one in stored] == [first, second]
        assert [(one.received_at, one.tries) for one in stored] == [(came, 0), (came + SECOND, 0)]
        assert len(await inbox.undigested(1)) == 1

    play(story)


def test_large_bodies_are_read_a_few_at_a_time(play: Play) -> None:
    """However many wait, one question does not bring them all into memory; each gets its turn."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        await inbox.take_in([feedback.notification(number, body=b"x" * (3 << 20)) for number in range(1, 6)])
        seen = 0
        while found := await inbox.undigested(100):
            assert len(found) <= 5
            seen += len(found)
            await inbox.digest([Digestion(seq=one.seq, events=()) for one in found])
        assert seen == 5

    play(story)


def test_what_was_read_is_not_read_again(play: Play) -> None:
    """Marked in the transaction that applies its events; the same notification coming again is known."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        group = await feedback.handed_over()
        await inbox.take_in([feedback.notification(1), feedback.notification(2)])
        one, two = await inbox.undigested(10)
        answers = await inbox.digest(
            [
                Digestion(seq=one.seq, events=(feedback.event(group.message.id),)),
                Digestion(seq=two.seq, events=(), note="no JSON"),
            ]
        )
        assert [list(learnt) for learnt in answers] == [[Learnt.APPLIED], []]
        assert await inbox.undigested(10) == []
        assert await inbox.take_in([feedback.notification(1)]) == [False]
        assert await inbox.undigested(10) == []

    play(story)


def test_what_is_not_known_yet_is_offered_again(play: Play) -> None:
    """Only while an event is unknown, only if asked for, after the time asked for, and told how often it was tried."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        group = await world.admit_leased()
        event = feedback.event(group.message.id)
        await inbox.take_in([feedback.notification(1)])
        (one,) = await inbox.undigested(10)
        assert await inbox.digest([Digestion(seq=one.seq, events=(event,), again_us=30 * SECOND)]) == [[Learnt.UNKNOWN]]
        assert await inbox.undigested(10) == []
        world.clock.forward(31)
        (again,) = await inbox.undigested(10)
        assert (again.seq, again.tries, again.received_at) == (one.seq, 1, one.received_at)
        await world.release(group)
        assert await inbox.digest([Digestion(seq=one.seq, events=(event,), again_us=30 * SECOND)]) == [[Learnt.APPLIED]]
        world.clock.forward(31)
        assert await inbox.undigested(10) == []
        assert await feedback.fate(group.message.id) is Fate.DELIVERED

    play(story)


def test_what_stays_unknown_is_given_up(play: Play) -> None:
    """Without a time to be offered again it is read for good."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        await inbox.take_in([feedback.notification(1)])
        (one,) = await inbox.undigested(10)
        await inbox.digest([Digestion(seq=one.seq, events=(feedback.event(None, provider_message_id="x"),))])
        world.clock.forward(1e6)
        assert await inbox.undigested(10) == []

    play(story)


def test_what_could_not_be_read_waits_for_the_next_start(play: Play) -> None:
    """Its provider tells it again: known. It is offered again when asked for, and dropped as bodies are."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        group = await feedback.handed_over()
        await inbox.take_in([feedback.notification(number) for number in range(1, 4)])
        stored = await inbox.undigested(10)
        await inbox.digest([Digestion(seq=one.seq, events=(), note="no reader", unread=True) for one in stored])
        world.clock.forward(1e6)
        assert await inbox.undigested(10) == []
        assert await inbox.take_in([feedback.notification(1)]) == [False]
        assert [await inbox.offer_again(2) for _ in range(3)] == [2, 1, 0]
        again = await inbox.undigested(10)
        assert [(one.seq, one.tries) for one in again] == [(one.seq, 1) for one in stored]
        event = feedback.event(group.message.id)
        await inbox.digest([Digestion(seq=again[0].seq, events=(event,))])
        await inbox.digest([Digestion(seq=one.seq, events=(), note="no reader", unread=True) for one in again[1:]])
        assert await feedback.fate(group.message.id) is Fate.DELIVERED
        now = world.clock.now()
        assert await world.spool.purge(now, now - 30 * DAY, 10) == 3
        assert await inbox.offer_again(10) == 0

    play(story)


def test_many_events_of_one_notification_come_in_parts(play: Play) -> None:
    """It stays as it is until its last part; what an earlier part does not know has it offered again."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        group = await feedback.handed_over()
        known, unknown = feedback.event(group.message.id), feedback.event(None, provider_message_id="x")
        await inbox.take_in([feedback.notification(1)])
        (one,) = await inbox.undigested(10)
        part = Digestion(seq=one.seq, events=(unknown,), again_us=30 * SECOND, more_follows=True)
        assert await inbox.digest([part]) == [[Learnt.UNKNOWN]]
        assert await inbox.undigested(10) == [one]
        end = Digestion(seq=one.seq, events=(known,), again_us=30 * SECOND, unknown_before=True)
        assert await inbox.digest([end]) == [[Learnt.APPLIED]]
        assert await inbox.undigested(10) == []
        world.clock.forward(31)
        assert [again.tries for again in await inbox.undigested(10)] == [1]
        assert await inbox.digest([end]) == [[Learnt.REPEATED]]

    play(story)


def test_a_complaint_of_nobody_in_particular_suppresses_nobody(play: Play) -> None:
    """It stands in the history of the message; of a message to one alone it is that one's."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        several = await feedback.handed_over("ann@example.com", "bob@example.com")
        assert await feedback.learn(several.message.id, EventKind.COMPLAINED, recipient="") is Learnt.APPLIED
        assert await feedback.listed() == []
        assert [await feedback.fate(several.message.id, n) for n in (0, 1)] == [Fate.UNKNOWN] * 2
        assert len(await feedback.facts(several.message.id, "event")) == 1
        alone = await feedback.handed_over("eve@example.com")
        await feedback.learn(alone.message.id, EventKind.COMPLAINED, recipient="")
        assert [each.address for each in await feedback.listed()] == ["eve@example.com"]

    play(story)


def test_retention_drops_what_was_read(play: Play) -> None:
    """As bodies are; what waits to be read stays; a repetition that comes after that has no effect."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        group = await feedback.handed_over()
        bounce = feedback.event(group.message.id, EventKind.HARD_BOUNCED)
        await inbox.take_in([feedback.notification(number) for number in range(1, 6)])
        stored = await inbox.undigested(10)
        events = {stored[0].seq: (bounce,)}
        await inbox.digest([Digestion(seq=one.seq, events=events.get(one.seq, ())) for one in stored[:4]])
        now = world.clock.now()
        assert await world.spool.purge(now, now - 30 * DAY, 3) == 0
        world.clock.forward(1)
        assert await world.spool.purge(now + 1, now - 30 * DAY, 3) == 3
        assert await world.spool.purge(now + 1, now - 30 * DAY, 3) == 1
        assert await world.spool.purge(now + 1, now - 30 * DAY, 3) == 0
        assert [one.seq for one in await inbox.undigested(10)] == [stored[4].seq]
        assert await inbox.take_in([feedback.notification(1)]) == [True]
        assert await feedback.tell(bounce) == [Learnt.REPEATED]

    play(story)


def test_events_are_known_for_seven_days_and_as_long_as_their_message(play: Play) -> None:
    """However short retention is, a repetition within a week is told; names of dropped messages go with them."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        short = await feedback.handed_over(name="short")
        event = feedback.event(short.message.id)
        await feedback.tell(event)
        world.clock.forward(3600)
        now = world.clock.now()
        assert await world.spool.purge(now, now, 10) == 1
        assert await feedback.tell(event) == [Learnt.REPEATED]
        assert await feedback.tell(feedback.event(None, provider_message_id="short")) == [Learnt.UNKNOWN]
        kept = await feedback.handed_over(name="kept")
        late = feedback.event(None, provider_message_id="kept")
        await feedback.tell(late)
        world.clock.forward(8 * 86_400)
        now = world.clock.now()
        assert await world.spool.purge(now - 30 * DAY, now - 30 * DAY, 10) == 0
        assert await feedback.tell(late) == [Learnt.REPEATED]
        assert await world.spool.purge(now - 30 * DAY, now - 7 * DAY, 10) == 2
        assert await feedback.tell(event) == [Learnt.UNKNOWN]
        assert kept.message.id

    play(story)
