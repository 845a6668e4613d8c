"""Contract of every spool: what providers tell. Whose word counts, for whom, how often, and the fate it tells of."""

import asyncio

import pytest

from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.event import EventKind
from posthorse.mail.ids import MessageId
from posthorse.mail.outcome import Handover
from posthorse.spool.desk_port import Selector
from posthorse.spool.inbox_port import Digestion, Learnt
from tests.contract.inbox_kit import OTHER, Feedback
from tests.contract.spool_kit import RELAY, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

APPLIED, REPEATED, UNKNOWN = Learnt.APPLIED, Learnt.REPEATED, Learnt.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "fate"),
    [
        (EventKind.TAKEN, Fate.UNKNOWN),
        (EventKind.DEFERRED, Fate.UNKNOWN),
        (EventKind.DELIVERED, Fate.DELIVERED),
        (EventKind.OPENED, Fate.DELIVERED),
        (EventKind.SOFT_BOUNCED, Fate.BOUNCED),
        (EventKind.HARD_BOUNCED, Fate.BOUNCED),
        (EventKind.DROPPED, Fate.BOUNCED),
        (EventKind.COMPLAINED, Fate.COMPLAINED),
    ],
)
def test_what_is_told_of_handed_over_mail_is_its_fate(play: Play, kind: EventKind, fate: Fate) -> None:
    """The event stands in the history with the provider's words, and the fate is what the kind proves at least."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over()
        event = feedback.event(group.message.id, kind, detail={"words": "250 ok", "provider": "x", "fence": "99"})
        assert await feedback.tell(event) == [APPLIED]
        assert await feedback.fate(group.message.id) is fate
        (fact,) = await feedback.facts(group.message.id, "event")
        assert (fact.n, fact.provider, fact.new) == (0, RELAY, None)
        assert fact.detail == {
            "event": kind.value,
            "key": event.key,
            "told_at": event.at,
            "said_words": "250 ok",
            "said_provider": "x",
            "said_fence": "99",
        }
        raised = await feedback.facts(group.message.id, "fate")
        told = [(one.detail["old"], one.detail["new"], one.provider) for one in raised]
        assert told == ([("unknown", fate.value, RELAY)] if fate is not Fate.UNKNOWN else [])
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER

    play(story)


def test_an_event_is_applied_once_however_often_it_comes(play: Play) -> None:
    """The same event in fifty calls at once, in one call twice, and later again: one effect (B82)."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over()
        event = feedback.event(group.message.id, EventKind.HARD_BOUNCED)
        answers = await asyncio.gather(*(feedback.tell(event) for _ in range(50)))
        assert sorted(str(learnt) for (learnt,) in answers) == [str(APPLIED), *[str(REPEATED)] * 49]
        other = feedback.event(group.message.id, EventKind.DELIVERED)
        assert await feedback.tell(other, other, event) == [APPLIED, REPEATED, REPEATED]
        assert await feedback.kinds(group.message.id) == ["event", "fate", "event"]
        assert len(await feedback.listed()) == 1

    play(story)


def test_the_same_key_of_another_provider_is_another_event(play: Play) -> None:
    """Keys tell repetitions within one provider."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        here, there = await feedback.handed_over(), await feedback.handed_over(provider=OTHER)
        assert await feedback.learn(here.message.id, key="1") is APPLIED
        assert await feedback.learn(there.message.id, key="1", provider=OTHER) is APPLIED

    play(story)


@pytest.mark.parametrize(
    ("order", "fate"),
    [
        ((EventKind.DELIVERED, EventKind.HARD_BOUNCED), Fate.BOUNCED),
        ((EventKind.HARD_BOUNCED, EventKind.DELIVERED), Fate.BOUNCED),
        ((EventKind.COMPLAINED, EventKind.DELIVERED, EventKind.HARD_BOUNCED), Fate.COMPLAINED),
        ((EventKind.OPENED, EventKind.TAKEN, EventKind.DEFERRED), Fate.DELIVERED),
    ],
)
def test_the_highest_fate_stays(play: Play, order: tuple[EventKind, ...], fate: Fate) -> None:
    """A bounce after delivery, a delivery after a bounce, times in 2099 or 1970: the order decides nothing (B92)."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over()
        for kind, at in zip(order, (4_070_908_800_000_000, 0, 1), strict=False):
            assert await feedback.learn(group.message.id, kind, at=at) is APPLIED
        assert await feedback.fate(group.message.id) is fate

    play(story)


def test_a_word_about_mail_it_was_never_given_counts_for_nothing(play: Play) -> None:
    """Unknown message, another provider's mail, mail that never left, no such recipient: nothing moves (B91)."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over()
        waiting = await world.admit()
        leased = await world.admit_leased()
        bounce = EventKind.HARD_BOUNCED
        before = await world.spool.events_since(0, 1000)
        assert await feedback.learn(MessageId(b"?" * 16), bounce) is UNKNOWN
        assert await feedback.learn(group.message.id, bounce, provider=OTHER) is UNKNOWN
        assert await feedback.learn(group.message.id, bounce, recipient="eve@example.com") is UNKNOWN
        assert await feedback.learn(group.message.id, bounce, provider=OTHER, recipient="") is UNKNOWN
        assert await feedback.learn(waiting.id, bounce) is UNKNOWN
        assert await feedback.learn(leased.message.id, bounce) is UNKNOWN
        assert await feedback.tell(feedback.event(None, bounce, provider_message_id="never given")) == [UNKNOWN]
        assert await feedback.listed() == []
        assert await world.spool.events_since(0, 1000) == before
        assert await feedback.fate(group.message.id) is Fate.UNKNOWN

    play(story)


def test_ten_thousand_forged_bounces_suppress_nobody(play: Play) -> None:
    """A body full of invented mail is read to its end and leaves nothing behind (B91)."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        forged = [
            feedback.event(
                MessageId(number.to_bytes(16, "big")), EventKind.HARD_BOUNCED, recipient=f"u{number}@x.example"
            )
            for number in range(10_000)
        ]
        assert set(await feedback.tell(*forged)) == {UNKNOWN}
        assert await feedback.listed() == []

    play(story)


def test_an_unknown_event_counts_once_its_mail_is_known(play: Play) -> None:
    """Told before our own release was durable, it may be told again: the first time left no trace."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.admit_leased()
        event = feedback.event(group.message.id)
        assert await feedback.tell(event) == [UNKNOWN]
        await world.release(group)
        assert await feedback.tell(event) == [APPLIED]
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER

    play(story)


def test_mail_is_found_by_the_providers_id(play: Play) -> None:
    """Without our own id the id from the handover serves, also of an answer that came late or was only recorded."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        straight = await feedback.handed_over(name="id-1")
        late = await world.in_doubt()
        await world.settle(late, Handover(provider_message_id="id-2"))
        recorded = await world.admit_leased()
        await world.release(recorded)
        await feedback.learn(recorded.message.id, EventKind.TAKEN)
        await world.settle(recorded, Handover(provider_message_id="id-3"))
        for group, name in ((straight, "id-1"), (late, "id-2"), (recorded, "id-3")):
            assert await feedback.tell(feedback.event(None, provider_message_id=name)) == [APPLIED]
            assert await feedback.fate(group.message.id) is Fate.DELIVERED
        alien = feedback.event(None, provider_message_id="id-1", provider=OTHER)
        assert await feedback.tell(alien) == [UNKNOWN]

    play(story)


def test_recipients_are_found_without_regard_to_case(play: Play) -> None:
    """Each of a message's recipients has a fate of its own; an exact match goes before a loose one."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over("Ann@Example.com", "ann@example.com", "Bob@example.com")
        message_id = group.message.id
        await feedback.learn(message_id, EventKind.COMPLAINED, recipient="ann@example.com")
        await feedback.learn(message_id, EventKind.DELIVERED, recipient="ANN@EXAMPLE.COM")
        await feedback.learn(message_id, EventKind.SOFT_BOUNCED, recipient="bob@EXAMPLE.com")
        fates = [await feedback.fate(message_id, n) for n in range(3)]
        assert fates == [Fate.DELIVERED, Fate.COMPLAINED, Fate.BOUNCED]

    play(story)


def test_an_event_without_a_recipient_is_about_the_only_one(play: Play) -> None:
    """With several it is told of the message, and is nobody's fate; it is still told once."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        single = await feedback.handed_over()
        assert await feedback.learn(single.message.id, EventKind.OPENED, recipient="") is APPLIED
        assert await feedback.fate(single.message.id) is Fate.DELIVERED
        several = await feedback.handed_over("ann@example.com", "bob@example.com")
        event = feedback.event(several.message.id, EventKind.OPENED, recipient="")
        assert await feedback.tell(event) == [APPLIED]
        assert await feedback.tell(event) == [REPEATED]
        assert {await feedback.fate(several.message.id, n) for n in range(2)} == {Fate.UNKNOWN}
        (fact,) = await feedback.facts(several.message.id, "event")
        assert (fact.n, fact.detail["event"]) == (-1, "opened")

    play(story)


def test_a_large_message_is_learnt_of_in_one_call(play: Play) -> None:
    """A thousand recipients, a thousand events in one notification: each finds its own."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await world.admit_leased(*(f"u{n}@example.com" for n in range(1000)))
        await world.release(group)
        events = [feedback.event(group.message.id, recipient=f"U{n}@example.com") for n in range(1000)]
        (learnt,) = await world.spool.inbox.digest([Digestion(seq=0, events=tuple(events))])
        assert set(learnt) == {APPLIED}
        views = await world.spool.select(Selector(message_id=group.message.id), 2000)
        assert {(view.carriage, view.fate) for view in views} == {(Carriage.HANDED_OVER, Fate.DELIVERED)}

    play(story)
