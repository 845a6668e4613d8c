"""Contract of every spool: a lease is renewed while its attempt goes on. Nobody else gets the mail meanwhile."""

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId
from posthorse.spool.clerk import LEASE_US
from posthorse.spool.port import LeasedGroup, Refusal, ReleaseRefused, Renewal, Renewed
from posthorse.spool.story import replay
from tests.contract.spool_kit import HANDOVER, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]


def renewal(group: LeasedGroup) -> Renewal:
    """For all recipients of a group."""
    return Renewal(message_id=group.message.id, recipients=tuple((one.n, one.fence) for one in group.recipients))


async def renew(world: World, group: LeasedGroup) -> Renewed:
    """Ask for one group."""
    (renewed,) = await world.spool.renew([renewal(group)])
    return renewed


def test_a_renewed_lease_outlives_its_first_end_and_is_released_as_ever(play: Play) -> None:
    """Each time it lasts as long again; what never is renewed any more lapses."""

    async def story(world: World) -> None:
        group, idle = await world.admit_leased(), await world.admit_leased()
        for _ in range(5):
            world.clock.forward(50)
            assert await renew(world, group) == Renewed(until=world.clock.now() + LEASE_US)
            await world.spool.sweep(10)
        assert await world.carriage(idle.message.id) is Carriage.QUEUED
        view = await world.view(group.message.id)
        assert (view.carriage, view.fence, view.lease_until) == (Carriage.LEASED, 1, world.clock.now() + LEASE_US)
        world.clock.forward(59)
        await world.release(group)
        await world.settle(group, HANDOVER)
        assert await world.carriage(group.message.id) is Carriage.HANDED_OVER

    play(story)


def test_who_lost_its_lease_gets_none_back(play: Play) -> None:
    """I4: once it lapsed, a renewal extends nothing, neither for a waiting row nor for the next holder's."""

    async def story(world: World) -> None:
        old = await world.admit_leased()
        world.clock.forward(61)
        await world.spool.sweep(10)
        waiting = await world.view(old.message.id)
        assert (await renew(world, old)).stale == (0,)
        assert await world.view(old.message.id) == waiting
        (new,) = await world.lease()
        world.clock.forward(30)
        before = await world.view(old.message.id)
        assert (await renew(world, old)).stale == (0,)
        assert await world.view(old.message.id) == before
        assert await world.try_release(old) == ReleaseRefused(reasons={0: Refusal.STALE})
        assert (await renew(world, new)).stale == ()

    play(story)


def test_a_lease_that_ran_out_unnoticed_is_still_its_holders(play: Play) -> None:
    """As for a release, only the sweep ends a lease: until then nobody else can have it."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        world.clock.forward(100)
        assert await world.lease() == []
        assert (await renew(world, group)).stale == ()
        await world.spool.sweep(10)
        await world.release(group)

    play(story)


def test_what_is_released_is_not_renewed(play: Play) -> None:
    """After the mark the time to answer counts, and nothing stretches it."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.release(group)
        before = await world.view(group.message.id)
        assert (await renew(world, group)).stale == (0,)
        assert await world.view(group.message.id) == before
        world.clock.forward(11)
        await world.spool.sweep(10)
        assert await world.carriage(group.message.id) is Carriage.IN_DOUBT
        assert (await renew(world, group)).stale == (0,)

    play(story)


def test_each_recipient_is_renewed_for_itself(play: Play) -> None:
    """One that was given back, and one nobody knows, are named; the others go on."""

    async def story(world: World) -> None:
        group = await world.admit_leased("ann@example.com", "bob@example.com", "eve@example.com")
        await world.settle(group, None, released=False, n=1, next_at=world.clock.now())
        world.clock.forward(50)
        unknown = Renewal(message_id=MessageId(world.new_id()), recipients=((0, 1),))
        until = world.clock.now() + LEASE_US
        assert list(await world.spool.renew([unknown, renewal(group), renewal(group)])) == [
            Renewed(until=until, stale=(0,)),
            Renewed(until=until, stale=(1,)),
            Renewed(until=until, stale=(1,)),
        ]
        ends = [(await world.view(group.message.id, n)).lease_until for n in range(3)]
        assert ends == [until, None, until]
        assert await world.spool.renew([]) == []

    play(story)


def test_history_tells_of_a_renewal(play: Play) -> None:
    """The row can still be recomputed from its facts."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        world.clock.forward(50)
        await renew(world, group)
        facts = await world.told(group.message.id)
        assert [fact.kind for fact in facts] == ["accepted", "renewed"]
        assert replay(facts).lease_until == world.clock.now() + LEASE_US

    play(story)
