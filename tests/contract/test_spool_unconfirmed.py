"""Contract of every spool: what is handed over and not confirmed is found, counted, and no more than that."""

from posthorse.mail.event import EventKind
from posthorse.mail.ids import MAIN_TENANT, ProviderName, Tenant
from posthorse.spool.desk_port import Decision, Selector, Unconfirmed
from tests.contract.inbox_kit import OTHER, Feedback
from tests.contract.spool_kit import RELAY, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

SILENT = ProviderName("silent")


def test_only_what_its_provider_should_have_told_of_is_not_confirmed(play: Play) -> None:
    """By providers that tell, for longer than given, with an unknown fate; newest message first; counted the same."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        old = await feedback.handed_over("ann@example.com", "bob@other.example")
        told = await feedback.handed_over()
        elsewhere = await feedback.handed_over(provider=OTHER)
        await feedback.handed_over(provider=SILENT)
        await world.admit()
        await world.in_doubt()
        await feedback.learn(told.message.id, EventKind.SOFT_BOUNCED)
        await feedback.learn(elsewhere.message.id, EventKind.DEFERRED, provider=OTHER)
        before = world.clock.now() + 1
        world.clock.forward(300)
        young = await feedback.handed_over()
        which = Unconfirmed(providers=frozenset({RELAY, OTHER}), before=before)
        found = await world.spool.select(Selector(unconfirmed=which), 10)
        assert [(view.message.id, view.n) for view in found] == [
            (elsewhere.message.id, 0),
            (old.message.id, 0),
            (old.message.id, 1),
        ]
        assert await world.spool.count_unconfirmed(which) == {RELAY: 2, OTHER: 1}
        later = Unconfirmed(providers=frozenset({RELAY}), before=world.clock.now() + 1)
        assert (await world.spool.select(Selector(unconfirmed=later), 1))[0].message.id == young.message.id
        assert await world.spool.count_unconfirmed(later) == {RELAY: 3}

    play(story)


def test_it_goes_together_with_every_other_restriction(play: Play) -> None:
    """Message, tenant, domain and page narrow it; no provider at all is nothing."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        one = await feedback.handed_over("ann@example.com", "bob@other.example")
        two = await feedback.handed_over()
        which = Unconfirmed(providers=frozenset({RELAY}), before=world.clock.now() + 1)

        async def found(**fields: object) -> list[tuple[bytes, int]]:
            selector = Selector(**{"unconfirmed": which, **fields})  # type: ignore[arg-type]
            return [(view.message.id, view.n) for view in await world.spool.select(selector, 10)]

        assert await found(message_id=one.message.id) == [(one.message.id, 0), (one.message.id, 1)]
        assert await found(recipient_domain="Other.example") == [(one.message.id, 1)]
        assert await found(before_id=two.message.id) == [(one.message.id, 0), (one.message.id, 1)]
        assert len(await found(tenant=MAIN_TENANT)) == 3
        assert await found(tenant=Tenant("acme")) == []
        assert await found(unconfirmed=Unconfirmed(providers=frozenset(), before=which.before)) == []

    play(story)


def test_a_late_yes_counts_for_who_gave_it(play: Play) -> None:
    """Of two providers that were given a copy the one that took it is asked to confirm."""

    async def story(world: World) -> None:
        feedback = Feedback(world)
        first, second = await feedback.two_copies()
        await world.settle(second, None, provider=OTHER)
        world.clock.forward(60)
        await world.spool.sweep(10)
        await feedback.learn(first.message.id, EventKind.TAKEN)
        which = Unconfirmed(providers=frozenset({RELAY, OTHER}), before=world.clock.now() + 1)
        assert await world.spool.count_unconfirmed(which) == {RELAY: 1, OTHER: 0}
        await world.spool.decide(Selector(), Decision.CANCEL, "ann", 10)
        assert await world.spool.count_unconfirmed(which) == {RELAY: 1, OTHER: 0}

    play(story)
