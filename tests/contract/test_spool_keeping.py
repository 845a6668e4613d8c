"""Contract of every spool: what is kept and for how long. Lists, orders, keys, events, retention, restore."""

from dataclasses import replace

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, Tenant
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Control, Decision, Selector, StoredKey
from posthorse.spool.port import HistoryRow, Refusal, ReleaseRefused, Settled
from tests.contract.spool_kit import DAY, HANDOVER, HOUR, NODE, UNCLEAR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

EVERYTHING = Selector()


def test_lists_are_kept_by_tenant(play: Play) -> None:
    """Suppressions are listed by address, replaced, removed; addresses in lower case."""

    async def story(world: World) -> None:
        await world.suppress("Bob@Example.com", reason="old")
        await world.suppress("bob@example.com", reason="new")
        await world.suppress("ann@example.com", tenant=Tenant("acme"))
        everyone = await world.spool.suppressions(None, "", 10)
        assert [(entry.address, entry.tenant, entry.reason) for entry in everyone] == [
            ("ann@example.com", "acme", "hard bounce"),
            ("bob@example.com", "main", "new"),
        ]
        assert [e.address for e in await world.spool.suppressions(Tenant("main"), "", 10)] == ["bob@example.com"]
        assert list(await world.spool.suppressions(None, "ann@example.com", 1)) == [everyone[1]]
        assert await world.spool.unsuppress(Tenant("main"), "BOB@example.com") is True
        assert await world.spool.unsuppress(Tenant("main"), "bob@example.com") is False
        assert (await world.admit("bob@example.com")).suppressed == 0

    play(story)


def test_orders_stand_until_lifted_or_run_out(play: Play) -> None:
    """A standing order replaces the one with its key and ends at its time or when lifted."""

    async def story(world: World) -> None:
        paused = Control(key="paused", value="", by="ann", at=world.clock.now())
        failover = Control(key="failover", value="relay", by="ann", at=1, until=world.clock.now() + HOUR)
        await world.spool.order(replace(paused, value="old"))
        await world.spool.order(paused)
        await world.spool.order(failover)
        assert list(await world.spool.orders()) == [failover, paused]
        world.clock.forward(3600)
        assert list(await world.spool.orders()) == [paused]
        assert await world.spool.lift("paused") is True
        assert await world.spool.lift("paused") is False
        assert list(await world.spool.orders()) == []

    play(story)


def test_keys_are_kept(play: Play) -> None:
    """Access keys come back as stored; the same id replaces."""

    async def story(world: World) -> None:
        key = StoredKey(id="AKIA1", tenant=Tenant("main"), sealed_secret=b"\x00\xff", created_at=1, note="shop")
        await world.spool.put_key(key)
        revoked = replace(key, revoked_at=9)
        await world.spool.put_key(replace(key, id="AKIA0"))
        await world.spool.put_key(revoked)
        assert list(await world.spool.keys()) == [replace(key, id="AKIA0"), revoked]

    play(story)


def test_events_come_in_order_and_in_pages(play: Play) -> None:
    """History after a number, oldest first, never the same twice, with its tenant."""

    async def story(world: World) -> None:
        group = await world.admit_leased(tenant=Tenant("acme"))
        await world.release(group)
        await world.settle(group, HANDOVER)
        await world.admit()
        seen: list[HistoryRow] = []
        seq = 0
        while events := await world.spool.events_since(seq, 2):
            seen += events
            seq = events[-1].seq
        assert [(event.kind, event.new, event.tenant) for event in seen] == [
            ("accepted", Carriage.LEASED, "acme"),
            ("moved", Carriage.RELEASED, "acme"),
            ("moved", Carriage.HANDED_OVER, "acme"),
            ("accepted", Carriage.QUEUED, "main"),
        ]
        assert [event.seq for event in seen] == sorted({event.seq for event in seen})
        assert await world.spool.history(group.message.id) == seen[:3]

    play(story)


def test_retention_drops_what_rested_long_enough(play: Play) -> None:
    """Bodies go first, rows and history later; what is live, in doubt or recent stays whole."""

    async def story(world: World) -> None:
        async def ended(*recipients: str) -> MessageId:
            group = await world.admit_leased(*recipients)
            await world.release(group)
            for recipient in group.recipients:
                await world.settle(group, HANDOVER, n=recipient.n)
            return group.message.id

        old = await ended()
        half = await world.admit_leased("a@example.com", "b@example.com")
        await world.release(half)
        await world.settle(half, HANDOVER, n=0)
        await world.settle(half, UNCLEAR, n=1)
        queued = await world.admit()
        world.clock.forward(8 * 24 * 3600)
        recent = await ended()
        now = world.clock.now()
        assert await world.spool.purge(now - 7 * DAY, now - 30 * DAY, 100) == 1
        assert await world.spool.body(old) is None
        assert len(await world.spool.history(old)) == 3
        assert await world.spool.purge(now - 7 * DAY, now - 30 * DAY, 100) == 0
        world.clock.forward(23 * 24 * 3600)
        now = world.clock.now()
        assert await world.spool.purge(now - 7 * DAY, now - 30 * DAY, 100) == 2
        assert list(await world.spool.history(old)) == []
        assert await world.spool.select(Selector(message_id=old), 1) == []
        assert await world.spool.body(recent) is None
        for kept in (half.message.id, queued.id):
            assert await world.spool.body(kept) is not None
            assert await world.spool.history(kept)
        counts = (await world.spool.counts()).by_carriage
        assert counts[Stream.STANDARD, Carriage.HANDED_OVER] == 2

    play(story)


def test_retention_is_bounded(play: Play) -> None:
    """At most `limit` messages are touched in one call; repeated calls come to an end."""

    async def story(world: World) -> None:
        await world.spool.admit([world.message(deadline_us=0) for _ in range(25)])
        await world.spool.sweep(100)
        world.clock.forward(3600)
        await world.admit()
        touched = []
        while count := await world.spool.purge(world.clock.now(), 0, 10):
            touched.append(count)
        assert touched == [10, 10, 5]
        await world.spool.purge(world.clock.now(), world.clock.now(), 1000)
        assert len(await world.spool.select(EVERYTHING, 100)) == 1
        last = (await world.spool.events_since(0, 100))[-1].seq
        await world.admit()
        assert [event.seq > last for event in await world.spool.events_since(last, 100)] == [True]

    play(story)


def test_history_numbers_are_never_used_again(play: Play) -> None:
    """A follower that remembers a number misses nothing after retention dropped everything."""

    async def story(world: World) -> None:
        await world.admit(deadline_us=0)
        await world.spool.sweep(10)
        last = (await world.spool.events_since(0, 10))[-1].seq
        world.clock.forward(10)
        await world.spool.purge(world.clock.now(), world.clock.now(), 10)
        await world.admit()
        assert len(await world.spool.events_since(last, 10)) == 1

    play(story)


def test_after_a_restore_everything_open_is_in_doubt(play: Play) -> None:
    """What was not final may have been sent since the copy was taken: in doubt, budget spent, old leases void."""

    async def story(world: World) -> None:
        queued = await world.admit()
        leased = await world.admit_leased()
        out = await world.admit_leased()
        await world.release(out)
        doubt = await world.in_doubt(next_at=world.clock.now())
        done = await world.admit_leased()
        await world.release(done)
        await world.settle(done, HANDOVER)
        assert await world.spool.doubt_all("restore") == 4
        world.clock.forward(60)
        assert await world.lease() == []
        assert await world.spool.next_due() is None
        for message_id in (queued.id, leased.message.id, out.message.id, doubt.message.id):
            view = await world.view(message_id)
            assert (view.carriage, view.copies_released >= view.copies_allowed) == (Carriage.IN_DOUBT, True)
        assert await world.carriage(done.message.id) is Carriage.HANDED_OVER
        assert await world.try_release(leased) == ReleaseRefused(reasons={0: Refusal.STALE})
        assert await world.settle(out, HANDOVER) in (Settled.RECORDED, Settled.LATE_APPLIED)
        assert await world.spool.decide(Selector(message_id=queued.id), Decision.WAS_NOT_SENT, "ann", 1) == 1
        (group,) = await world.lease(node=NODE)
        await world.release(group)

    play(story)


def test_tenants_are_apart(play: Play) -> None:
    """Keys, lists, supersession and selection of one tenant never reach another's mail."""

    async def story(world: World) -> None:
        mine = await world.admit(supersede_key="k", idempotency_key="i", fingerprint=b"f")
        await world.suppress("ann@example.com", tenant=Tenant("acme"))
        theirs = await world.admit(
            "bob@example.com", tenant=Tenant("acme"), supersede_key="k", idempotency_key="i", fingerprint=b"f"
        )
        assert await world.spool.decide(Selector(tenant=Tenant("acme")), Decision.CANCEL, "ann", 10) == 1
        assert await world.carriage(mine.id) is Carriage.QUEUED
        assert await world.carriage(theirs.id) is Carriage.CANCELLED
        group = (await world.lease())[0]
        await world.release(group)

    play(story)
