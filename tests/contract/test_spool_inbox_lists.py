"""Contract of every spool: bounces and complaints put addresses on the suppression list."""

from posthorse.mail.carriage import Carriage
from posthorse.mail.event import EventKind
from posthorse.mail.ids import MAIN_TENANT, Tenant
from posthorse.spool.inbox_port import Learnt
from tests.contract.inbox_kit import Feedback
from tests.contract.spool_kit import DAY, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

APPLIED, REPEATED, UNKNOWN = Learnt.APPLIED, Learnt.REPEATED, Learnt.UNKNOWN


def test_a_hard_bounce_and_a_complaint_suppress_with_their_source(play: Play) -> None:
    """Who said so, which event, about which message; other kinds suppress nobody; the list counts from then on."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over("Ann@Example.com")
        waiting = await world.admit("ann@example.com")
        for kind in (EventKind.SOFT_BOUNCED, EventKind.DROPPED, EventKind.UNSUBSCRIBED, EventKind.DELIVERED):
            await feedback.learn(group.message.id, kind)
        assert await feedback.listed() == []
        await feedback.learn(group.message.id, EventKind.HARD_BOUNCED, key="the-bounce")
        (entry,) = await feedback.listed()
        assert (entry.tenant, entry.address, entry.reason) == (MAIN_TENANT, "ann@example.com", "hard_bounce")
        assert (entry.source, entry.event_key) == ("provider:relay", "the-bounce")
        assert (entry.message_id, entry.created_at, entry.expires_at) == (group.message.id, world.clock.now(), None)
        assert await world.lease() == []
        assert await world.carriage(waiting.id) is Carriage.SUPPRESSED
        assert (await world.admit("ann@example.com")).suppressed == 1
        assert (await world.admit("ann@example.com", tenant=Tenant("acme"))).suppressed == 0

    play(story)


def test_the_weightier_entry_stays(play: Play) -> None:
    """A complaint replaces a bounce and not the other way; a person's word stays, unless it was for a time only."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over("a@x.example", "b@x.example", "c@x.example", "d@x.example")
        message_id, now = group.message.id, world.clock.now()
        await world.suppress("c@x.example")
        await world.suppress("d@x.example", expires_at=now + DAY)
        for address in "abcd":
            first, second = EventKind.HARD_BOUNCED, EventKind.COMPLAINED
            if address == "b":
                first, second = second, first
            await feedback.learn(message_id, first, recipient=f"{address}@x.example")
            await feedback.learn(message_id, second, recipient=f"{address}@x.example")
        listed = {entry.address[0]: (entry.reason, entry.source) for entry in await feedback.listed()}
        assert listed == {
            "a": ("complaint", "provider:relay"),
            "b": ("complaint", "provider:relay"),
            "c": ("hard bounce", "operator:ann"),
            "d": ("complaint", "provider:relay"),
        }

    play(story)


def test_what_a_person_lifts_stays_lifted_until_something_new_is_told(play: Play) -> None:
    """The same bounce told again does not put the address back; another bounce does."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        group = await feedback.handed_over()
        bounce = feedback.event(group.message.id, EventKind.HARD_BOUNCED)
        await feedback.tell(bounce)
        assert await world.spool.unsuppress(MAIN_TENANT, "ann@example.com")
        assert await feedback.tell(bounce) == [REPEATED]
        assert await feedback.listed() == []
        await feedback.learn(group.message.id, EventKind.HARD_BOUNCED)
        assert len(await feedback.listed()) == 1

    play(story)
