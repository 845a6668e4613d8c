"""Contract of every spool: notifications can be looked at, as they came, with what became of reading them."""

from posthorse.mail.carriage import Carriage
from posthorse.mail.event import EventKind
from posthorse.mail.stream import SECOND
from posthorse.spool.inbox_port import UNKNOWN_MAIL, Digestion
from posthorse.spool.kept_port import KeptState
from tests.contract.inbox_kit import OTHER, Feedback
from tests.contract.spool_kit import RELAY, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]


async def four(world: World) -> list[int]:
    """Four notifications: one read, one that tells of unknown mail, one unreadable, one that waits; their numbers."""
    feedback, inbox = Feedback(world), world.spool.inbox
    group = await feedback.handed_over()
    stranger = feedback.event(None, provider_message_id="nobody knows")
    await inbox.take_in([feedback.notification(n) for n in (1, 2)])
    await inbox.take_in([feedback.notification(3, body=b"\xff\x00", facts={"query": "a=b"}), feedback.notification(4)])
    numbers = [one.seq for one in await inbox.undigested(10)]
    await inbox.digest(
        [
            Digestion(seq=numbers[0], events=(feedback.event(group.message.id, EventKind.DELIVERED),)),
            Digestion(seq=numbers[1], events=(stranger,), again_us=60 * SECOND),
            Digestion(seq=numbers[2], events=(), note="no JSON"),
        ]
    )
    return numbers


def test_each_shows_what_became_of_it(play: Play) -> None:
    """Newest first, with state, note and when it is read again; each state by itself, and all but the read counted."""

    async def story(world: World) -> None:
        numbers, kept = await four(world), world.spool.kept
        now = world.clock.now()
        found = await kept.newest(None, None, None, 10)
        assert [(each.seq, each.state, each.note, each.tries, each.next_at) for each in reversed(found)] == [
            (numbers[0], KeptState.READ, "", 1, None),
            (numbers[1], KeptState.UNKNOWN, UNKNOWN_MAIL, 1, now + 60 * SECOND),
            (numbers[2], KeptState.UNREADABLE, "no JSON", 1, None),
            (numbers[3], KeptState.WAITING, "", 0, now),
        ]
        for place, state in enumerate((KeptState.READ, KeptState.UNKNOWN, KeptState.UNREADABLE, KeptState.WAITING)):
            assert [each.seq for each in await kept.newest(state, None, None, 10)] == [numbers[place]]
        assert [each.seq for each in await kept.newest(None, RELAY, numbers[2], 1)] == [numbers[1]]
        assert await kept.newest(None, OTHER, None, 10) == []
        assert await kept.count() == {KeptState.WAITING: 1, KeptState.UNKNOWN: 1, KeptState.UNREADABLE: 1}

    play(story)


def test_one_comes_with_its_bytes(play: Play) -> None:
    """Whatever they are, with what else came; one that is not here is none."""

    async def story(world: World) -> None:
        numbers, kept = await four(world), world.spool.kept
        found = await kept.one(numbers[2])
        assert found is not None
        assert (found[0].size_bytes, found[1].body, found[1].facts) == (2, b"\xff\x00", {"query": "a=b"})
        assert await kept.one(numbers[3] + 1) is None

    play(story)


def test_what_became_known_is_read(play: Play) -> None:
    """An event that came before its mail leaves no note once it applied."""

    async def story(world: World) -> None:
        feedback, inbox = Feedback(world), world.spool.inbox
        await inbox.take_in([feedback.notification(1)])
        (one,) = await inbox.undigested(10)
        group = await world.admit_leased()
        event = feedback.event(group.message.id)
        await inbox.digest([Digestion(seq=one.seq, events=(event,), again_us=1)])
        assert (await world.spool.kept.count())[KeptState.UNKNOWN] == 1
        await world.release(group)
        await inbox.digest([Digestion(seq=one.seq, events=(event,), again_us=1)])
        assert (await world.spool.kept.count())[KeptState.UNKNOWN] == 0
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER
        (fact,) = await feedback.facts(group.message.id, "event")
        assert fact.detail["notification"] == one.seq

    play(story)
