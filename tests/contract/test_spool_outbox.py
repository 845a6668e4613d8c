"""Contract of every spool: how far customers' endpoints have read the history, and what they did not take."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, MessageId, Tenant
from posthorse.mail.stream import SECOND
from posthorse.spool.outbox_port import EARLY, MOST_GIVEN_UP, EndpointState, Happening, Noted, Progress, SpoolOutbox
from posthorse.spool.sqlite import SqliteSpool
from tests.contract.spool_kit import DAY, HANDOVER, HOUR, HandClock, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

ACME = Tenant("acme")
HOOK = "shop"


def outbox(world: World) -> SpoolOutbox:
    """The side of the spool that is under test."""
    return world.spool.outbox


async def handed_over(world: World, *recipients: str, **fields: Any) -> MessageId:
    """A message that is handed over to its first recipient."""
    group = await world.admit_leased(*recipients, **fields)
    await world.release(group)
    await world.settle(group, HANDOVER)
    return group.message.id


async def everything(world: World, after: int, tenant: Tenant = MAIN_TENANT, facts: int = 3) -> Sequence[Happening]:
    """All that is told behind a place, read in small windows."""
    found: list[Happening] = []
    while True:
        page = await outbox(world).happenings(tenant, after, None, facts)
        found += page.happenings
        if page.read_to == after:
            return found
        assert after < page.read_to <= after + 1_000
        after = page.read_to


def told(happenings: Sequence[Happening]) -> list[tuple[MessageId, int, Carriage | None]]:
    """What was read, in short."""
    return [(one.message.id, one.fact.n, one.fact.new) for one in happenings]


async def state(world: World, tenant: Tenant = MAIN_TENANT) -> EndpointState:
    """How the endpoint stands."""
    found = await outbox(world).endpoint(tenant, HOOK)
    assert found is not None
    return found


def noted(seq: int, next_at: int | None, tries: int = 1, why: str = "500") -> Noted:
    """Something that was not taken."""
    return Noted(seq=seq, tries=tries, next_at=next_at, why=why)


async def record(world: World, **progress: Any) -> None:
    """Record the progress of the endpoint."""
    await outbox(world).record(Progress(tenant=MAIN_TENANT, name=HOOK, **progress))


def test_a_new_endpoint_begins_at_the_end(play: Play) -> None:
    """What happened before it was enrolled is not told; enrolling it again changes nothing."""

    async def story(world: World) -> None:
        await handed_over(world)
        first = await outbox(world).enroll(MAIN_TENANT, HOOK)
        later = await handed_over(world)
        again = await outbox(world).enroll(MAIN_TENANT, HOOK)
        assert again.read_to == first.read_to
        assert first.behind_since is None
        assert again.behind_since is not None
        assert told(await everything(world, again.read_to)) == [(later, 0, Carriage.HANDED_OVER)]

    play(story)


def test_what_is_read_has_its_message_and_recipient(play: Play) -> None:
    """A fact comes with what the customer must know of its message; steps on the way are left out."""

    async def story(world: World) -> None:
        await world.suppress("gone@example.com")
        attributes = {"configuration_set": "codes", "tag:campaign": "welcome"}
        message_id = await handed_over(world, "ann@example.com", "Gone@Example.com", attributes=attributes)
        found = await everything(world, 0)
        assert sorted(told(found), key=lambda one: one[1]) == [
            (message_id, 0, Carriage.HANDED_OVER),
            (message_id, 1, Carriage.SUPPRESSED),
        ]
        assert {one.address for one in found} == {"ann@example.com", "Gone@Example.com"}
        handover = next(one for one in found if one.fact.n == 0)
        assert handover.message.attributes == attributes
        assert handover.message == (await world.view(message_id)).message
        assert handover.fact in await world.spool.history(message_id)

    play(story)


def test_tenants_read_their_own(play: Play) -> None:
    """An endpoint of one tenant is never shown what happened to another's mail, nor told its messages again."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await outbox(world).enroll(ACME, HOOK)
        mine = await handed_over(world)
        theirs = await handed_over(world, tenant=ACME)
        assert [one.message.id for one in await everything(world, 0)] == [mine]
        assert [one.message.id for one in await everything(world, 0, ACME)] == [theirs]
        assert await outbox(world).replay_message(MAIN_TENANT, HOOK, theirs) == 0
        assert await outbox(world).replay_message(ACME, HOOK, theirs) == 1
        assert [(one.tenant, one.waiting) for one in await outbox(world).endpoints()] == [(ACME, 1), (MAIN_TENANT, 0)]

    play(story)


def test_a_page_ends_where_it_is_told_to(play: Play) -> None:
    """A window has at most so many facts, and none behind its end; an empty one stays where it began."""

    async def story(world: World) -> None:
        for _ in range(4):
            await handed_over(world)
        whole = await outbox(world).happenings(MAIN_TENANT, 0, None, 1_000)
        assert len(whole.happenings) == 4
        first = whole.happenings[0].fact.seq
        page = await outbox(world).happenings(MAIN_TENANT, 0, first, 1_000)
        assert [one.fact.seq for one in page.happenings] == [first]
        assert page.read_to == first
        assert (await outbox(world).happenings(MAIN_TENANT, whole.read_to, None, 5)).read_to == whole.read_to

    play(story)


def test_progress_is_one_step(play: Play) -> None:
    """The place moves on and what was not taken is noted together; a place never goes back."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await handed_over(world)
        await handed_over(world)
        found = await everything(world, 0)
        first, second = (one.fact.seq for one in found)
        now = world.clock.now()
        await record(world, read_to=second, noted=(noted(first, now + 5 * SECOND),))
        stands = await state(world)
        assert (stands.read_to, stands.waiting, stands.given_up) == (second, 1, 0)
        assert (stands.next_at, stands.last_why) == (now + 5 * SECOND, "500")
        assert stands.behind_since is None
        await record(world, read_to=first)
        assert (await state(world)).read_to == second
        assert await outbox(world).due_again(MAIN_TENANT, HOOK, 10) == []
        world.clock.forward(5)
        (again,) = await outbox(world).due_again(MAIN_TENANT, HOOK, 10)
        assert again.noted == noted(first, now + 5 * SECOND)
        assert again.noted_at == now
        assert again.happening == found[0]
        await record(world, taken=(first,))
        assert (await state(world)).waiting == 0

    play(story)


def test_what_is_due_longest_comes_first(play: Play) -> None:
    """Noted facts come by the time they are due; those that were given up never, but they are counted."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        for _ in range(3):
            await handed_over(world)
        first, second, third = (one.fact.seq for one in await everything(world, 0))
        now = world.clock.now()
        marks = (noted(first, now), noted(second, now - SECOND, 2), noted(third, None, 8, "gave up"))
        await record(world, read_to=third, noted=marks)
        found = await outbox(world).due_again(MAIN_TENANT, HOOK, 10)
        assert [one.noted.seq for one in found] == [second, first]
        assert [one.noted.seq for one in await outbox(world).due_again(MAIN_TENANT, HOOK, 1)] == [second]
        stands = await state(world)
        assert (stands.waiting, stands.given_up) == (2, 1)

    play(story)


def test_what_retention_dropped_is_noted_without_its_fact(play: Play) -> None:
    """A noted fact whose message is gone comes back empty, so that it can be let go."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await handed_over(world)
        (one,) = await everything(world, 0)
        await record(world, noted=(noted(one.fact.seq, world.clock.now()),))
        world.clock.forward(2 * HOUR)
        while await world.spool.purge(world.clock.now(), world.clock.now(), 100):
            pass
        (again,) = await outbox(world).due_again(MAIN_TENANT, HOOK, 10)
        assert again.happening is None
        assert (await outbox(world).enroll(MAIN_TENANT, "later")).read_to >= one.fact.seq

    play(story)


def test_a_replay_is_a_second_place(play: Play) -> None:
    """What happened since a time is told again up to where the first place stood, whatever happens meanwhile."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await handed_over(world)
        world.clock.forward(60)
        since = world.clock.now()
        again = await handed_over(world)
        world.clock.forward(60)
        await handed_over(world)
        read_to = (await everything(world, 0))[-1].fact.seq
        await record(world, read_to=read_to)
        facts = await outbox(world).replay_since(MAIN_TENANT, HOOK, since)
        stands = await state(world)
        assert stands.replay is not None
        start, end = stands.replay
        assert (facts, end, stands.read_to) == (end - start, read_to, read_to)
        page = await outbox(world).happenings(MAIN_TENANT, start, end, 1_000)
        assert page.happenings[0].message.id == again
        assert len(page.happenings) == 2
        await record(world, replayed=(start + 1, end))
        assert (await state(world)).replay == (start, end), "somebody moved it meanwhile"
        await record(world, replayed=(start, start + 1))
        assert (await state(world)).replay == (start + 1, end)
        assert await outbox(world).replay_since(MAIN_TENANT, HOOK, since + DAY) == 0
        assert await outbox(world).replay_since(MAIN_TENANT, HOOK, since + 30 * SECOND)
        assert (await state(world)).replay == (start + 1, end), "the earlier of two"
        await record(world, replayed=(start + 1, end))
        assert (await state(world)).replay is None
        assert await outbox(world).replay_since(MAIN_TENANT, "nobody", since) is None

    play(story)


def test_a_message_is_told_again(play: Play) -> None:
    """Every fact of one message is noted as due at once, whether it was taken or given up."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        message_id = await handed_over(world)
        (one,) = await everything(world, 0)
        await record(world, read_to=one.fact.seq, noted=(noted(one.fact.seq, None, 8),))
        assert await outbox(world).replay_message(MAIN_TENANT, HOOK, message_id) == 1
        (again,) = await outbox(world).due_again(MAIN_TENANT, HOOK, 10)
        assert (again.noted.tries, again.happening) == (0, one)
        assert await outbox(world).replay_message(MAIN_TENANT, "nobody", message_id) is None
        assert await outbox(world).replay_message(MAIN_TENANT, HOOK, MessageId(bytes(16))) == 0

    play(story)


def test_disabled_and_enabled_again(play: Play) -> None:
    """Why and where it was disabled is kept; enabling makes what waits due at once and forgets nothing."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await handed_over(world)
        (one,) = await everything(world, 0)
        later = world.clock.now() + HOUR
        await record(world, noted=(noted(one.fact.seq, later),), disabled="410", url="https://a.example/")
        stands = await state(world)
        assert (stands.disabled_why, stands.disabled_url) == ("410", "https://a.example/")
        assert stands.disabled_at == world.clock.now()
        assert await outbox(world).enable(MAIN_TENANT, HOOK)
        stands = await state(world)
        assert (stands.disabled_at, stands.disabled_why, stands.disabled_url) == (None, "", "")
        assert stands.next_at == world.clock.now()
        assert await outbox(world).disable(MAIN_TENANT, HOOK, "a person")
        assert (await state(world)).disabled_why == "a person"
        assert not await outbox(world).disable(MAIN_TENANT, "nobody", "why")
        assert not await outbox(world).enable(MAIN_TENANT, "nobody")

    play(story)


def test_forgotten_is_forgotten(play: Play) -> None:
    """Nothing of a forgotten endpoint stays, and progress that comes later brings nothing back."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await record(world, noted=(noted(1, world.clock.now()),))
        assert await outbox(world).forget(MAIN_TENANT, HOOK)
        await record(world, read_to=7, noted=(noted(1, world.clock.now()),))
        assert not await outbox(world).endpoints()
        assert await outbox(world).endpoint(MAIN_TENANT, HOOK) is None
        assert not await outbox(world).due_again(MAIN_TENANT, HOOK, 10)
        assert not await outbox(world).forget(MAIN_TENANT, HOOK)

    play(story)


def test_what_was_given_up_is_bounded(play: Play) -> None:
    """Only the newest facts that were given up are kept."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        many = tuple(noted(seq, None) for seq in range(1, MOST_GIVEN_UP + 4))
        await record(world, noted=(*many[:10], noted(MOST_GIVEN_UP + 9, world.clock.now())))
        await record(world, noted=many[10:])
        stands = await state(world)
        assert (stands.given_up, stands.waiting) == (MOST_GIVEN_UP, 1)

    play(story)


def test_what_waits_is_made_room_for(play: Play) -> None:
    """Beyond a bound, what was tried most and longest is given up; what is noted in the same step stays."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        now = world.clock.now()
        tries = {1: 0, 2: 3, 3: 3, 4: 7, 5: 1}
        await record(world, noted=tuple(noted(seq, now + HOUR, many) for seq, many in tries.items()))
        await record(world, most_waiting=5)
        assert ((await state(world)).waiting, (await state(world)).given_up) == (5, 0)
        await record(world, most_waiting=2, noted=(noted(4, now, 8), noted(6, None, 8)))
        stands = await state(world)
        assert (stands.waiting, stands.given_up) == (3, 3)
        await outbox(world).enable(MAIN_TENANT, HOOK)
        found = await outbox(world).due_again(MAIN_TENANT, HOOK, 10)
        assert sorted(one.noted.seq for one in found) == [1, 4, 5]

    play(story)


def test_what_was_given_up_early_says_so(play: Play) -> None:
    """Why it was not taken stays beside it."""

    async def story(world: World) -> None:
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await record(world, noted=(noted(1, world.clock.now()),))
        await record(world, most_waiting=0)
        assert (await state(world)).last_why == f"{EARLY}500"

    play(story)


def test_the_place_outlives_the_process(tmp_path: Path) -> None:
    """A SQLite spool that is opened again knows place, notes, replay and what is disabled."""

    async def story() -> None:
        path, clock = str(tmp_path / "spool.db"), HandClock()
        spool = await SqliteSpool.open(path, clock=clock, switch_interval_s=None)
        world = World(spool=spool, clock=clock)
        await outbox(world).enroll(MAIN_TENANT, HOOK)
        await handed_over(world)
        (one,) = await everything(world, 0)
        await record(world, read_to=one.fact.seq, noted=(noted(one.fact.seq, clock.now()),), disabled="410", url="x")
        await outbox(world).replay_since(MAIN_TENANT, HOOK, 0)
        before = await state(world)
        await spool.close()
        spool = await SqliteSpool.open(path, clock=clock, switch_interval_s=None)
        assert await state(World(spool=spool, clock=clock)) == before
        await spool.close()

    asyncio.run(story())
