"""Contract of every spool: what a person asks and decides. Views, counts, holds, lists, retention, restore."""

from dataclasses import replace

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, Tenant
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Control, Decision, Selector, StoredKey
from posthorse.spool.port import HistoryRow, Refusal, ReleaseRefused, Settled
from tests.contract.spool_kit import DAY, FAULT, HANDOVER, HOUR, NODE, UNCLEAR, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]

EVERYTHING = Selector()


def test_select_shows_the_newest_first_and_pages(play: Play) -> None:
    """Matching recipients come newest message first, and `before_id` goes on to older ones."""

    async def story(world: World) -> None:
        ids = [(await world.admit(f"u{i}@example.com", "x@example.com")).id for i in range(4)]
        views = await world.spool.select(EVERYTHING, 3)
        assert [(view.message.id, view.n) for view in views] == [(ids[3], 0), (ids[3], 1), (ids[2], 0)]
        page = await world.spool.select(Selector(before_id=ids[2]), 10)
        assert [view.message.id for view in page] == [ids[1], ids[1], ids[0], ids[0]]

    play(story)


def test_every_field_of_a_selector_restricts(play: Play) -> None:
    """Tenant, message, number, carriage, stream, sender domain and recipient domain each narrow the answer."""

    async def story(world: World) -> None:
        plain = await world.admit("ann@example.com", "bob@Other.example")
        acme = await world.admit(tenant=Tenant("acme"), stream=Stream.BULK, sender="news@MAIL.acme.example")
        doubt = await world.in_doubt("eve@xn--bcher-kva.example")
        uni = await world.admit("eve@BÜCHER.example", sender="")
        for selector, expected in (
            (Selector(tenant=Tenant("acme")), [acme.id]),
            (Selector(message_id=plain.id), [plain.id, plain.id]),
            (Selector(message_id=plain.id, n=1), [plain.id]),
            (Selector(carriage=Carriage.IN_DOUBT), [doubt.message.id]),
            (Selector(carriage=Carriage.REJECTED), []),
            (Selector(stream=Stream.BULK), [acme.id]),
            (Selector(sender_domain="mail.acme.example"), [acme.id]),
            (Selector(recipient_domain="other.example"), [plain.id]),
            (Selector(recipient_domain="her.example"), []),
            (Selector(recipient_domain="bücher.example"), [uni.id]),
            (Selector(tenant=Tenant("acme"), carriage=Carriage.QUEUED), [acme.id]),
            (Selector(stream=Stream.STANDARD, carriage=Carriage.QUEUED), [uni.id, plain.id, plain.id]),
        ):
            found = [view.message.id for view in await world.spool.select(selector, 10)]
            assert found == expected, selector

    play(story)


def test_counts_follow_every_move(play: Play) -> None:
    """Counts by stream and carriage are exact while mail moves through all its states."""

    async def story(world: World) -> None:
        async def counted() -> dict[tuple[Stream, Carriage], int]:
            return dict((await world.spool.counts()).by_carriage)

        assert await counted() == {}
        await world.admit(stream=Stream.BULK)
        leased = await world.admit_leased("a@example.com", "b@example.com")
        assert await counted() == {(Stream.BULK, Carriage.QUEUED): 1, (Stream.STANDARD, Carriage.LEASED): 2}
        await world.release(leased)
        await world.settle(leased, HANDOVER, n=0)
        await world.settle(leased, UNCLEAR, n=1)
        assert await counted() == {
            (Stream.BULK, Carriage.QUEUED): 1,
            (Stream.STANDARD, Carriage.HANDED_OVER): 1,
            (Stream.STANDARD, Carriage.IN_DOUBT): 1,
        }
        await world.lease(stream=Stream.BULK)
        await world.spool.decide(Selector(carriage=Carriage.IN_DOUBT), Decision.WAS_NOT_SENT, "ann", 10)
        assert await counted() == {
            (Stream.BULK, Carriage.LEASED): 1,
            (Stream.STANDARD, Carriage.HANDED_OVER): 1,
            (Stream.STANDARD, Carriage.QUEUED): 1,
        }

    play(story)


def test_the_oldest_waiting_is_due_and_not_held(play: Play) -> None:
    """The age of the queue counts what could go now: not what is held, in doubt, or scheduled for later."""

    async def story(world: World) -> None:
        await world.admit(sender="x@held.example")
        await world.hold(sender_domain="held.example")
        await world.in_doubt(next_at=world.clock.now())
        await world.admit(not_before=world.clock.now() + HOUR)
        world.clock.forward(60)
        oldest = await world.admit()
        at = (await world.view(oldest.id)).message.accepted_at
        world.clock.forward(60)
        await world.admit()
        await world.admit(stream=Stream.URGENT)
        waiting = (await world.spool.counts()).oldest_waiting
        assert waiting == {Stream.STANDARD: at, Stream.URGENT: world.clock.now()}

    play(story)


def test_cancel_ends_what_waits_and_stops_what_is_out(play: Play) -> None:
    """Cancelled: queued and leased end; released is marked, so that a refusal ends it; in doubt ends as decided."""

    async def story(world: World) -> None:
        queued = await world.admit()
        leased = await world.admit_leased()
        out = await world.admit_leased()
        await world.release(out)
        doubt = await world.in_doubt()
        done = await world.admit_leased()
        await world.release(done)
        await world.settle(done, HANDOVER)
        assert await world.spool.decide(EVERYTHING, Decision.CANCEL, "ann", 100) == 4
        ended = (queued.id, leased.message.id, doubt.message.id)
        assert [await world.carriage(message_id) for message_id in ended] == [Carriage.CANCELLED] * 3
        assert await world.carriage(done.message.id) is Carriage.HANDED_OVER
        await world.settle(out, FAULT, next_at=world.clock.now())
        assert await world.carriage(out.message.id) is Carriage.CANCELLED
        assert await world.spool.decide(EVERYTHING, Decision.CANCEL, "ann", 100) == 0

    play(story)


def test_decisions_are_audited(play: Play) -> None:
    """History names the decision and who made it."""

    async def story(world: World) -> None:
        admitted = await world.admit()
        await world.spool.decide(Selector(message_id=admitted.id), Decision.CANCEL, "ann", 10)
        fact = (await world.told(admitted.id))[-1]
        assert (fact.kind, fact.new, fact.detail["decision"], fact.detail["by"]) == (
            "decided",
            Carriage.CANCELLED,
            "cancel",
            "ann",
        )

    play(story)


def test_retry_now_makes_due_with_a_new_round(play: Play) -> None:
    """Waiting mail becomes due at once and forgets which providers were tried."""

    async def story(world: World) -> None:
        group = await world.admit_leased()
        await world.settle(group, FAULT, released=False, tried=("relay",), next_at=world.clock.now() + HOUR)
        assert await world.lease() == []
        assert await world.spool.decide(EVERYTHING, Decision.RETRY_NOW, "ann", 10) == 1
        (again,) = await world.lease()
        assert again.recipients[0].tried == ()

    play(story)


def test_a_person_settles_a_doubt(play: Play) -> None:
    """Taken as handed over it ends; taken as not sent it is queued again with its copies given back."""

    async def story(world: World) -> None:
        first = await world.in_doubt(copies_allowed=1)
        second = await world.in_doubt(copies_allowed=1)
        only = Selector(message_id=first.message.id)
        assert await world.spool.decide(only, Decision.WAS_HANDED_OVER, "ann", 10) == 1
        only = Selector(message_id=second.message.id)
        assert await world.spool.decide(only, Decision.WAS_NOT_SENT, "ann", 10) == 1
        assert await world.carriage(first.message.id) is Carriage.HANDED_OVER
        (group,) = await world.lease()
        await world.release(group)
        assert (await world.view(second.message.id)).copies_released == 1

    play(story)


def test_decisions_stop_at_their_limit(play: Play) -> None:
    """Newest first, at most `limit` recipients move; the rest waits for the next call. Large ones go page by page."""

    async def story(world: World) -> None:
        batch = [world.message() for _ in range(700)]
        await world.spool.admit(batch)
        assert await world.spool.decide(EVERYTHING, Decision.CANCEL, "ann", 20) == 20
        assert await world.carriage(batch[-1].id) is Carriage.CANCELLED
        assert await world.carriage(batch[0].id) is Carriage.QUEUED
        assert await world.spool.decide(EVERYTHING, Decision.CANCEL, "ann", 10_000) == 680
        counts = await world.spool.counts()
        assert counts.by_carriage == {(Stream.STANDARD, Carriage.CANCELLED): 700}

    play(story)


def test_holds_stop_and_free(play: Play) -> None:
    """A hold takes what waits now and what comes later; lifted, exactly what it held goes on."""

    async def story(world: World) -> None:
        waiting = await world.admit("ann@example.com", "bob@other.example")
        await world.spool.admit([world.message() for _ in range(300)])
        hold = await world.hold(recipient_domain="example.com")
        assert (hold.id > 0, hold.created_at) == (True, world.clock.now())
        later = await world.admit("eve@example.com")
        assert [view.hold for view in await world.spool.select(Selector(message_id=waiting.id), 2)] == [hold.id, None]
        groups = await world.lease(limit=1000)
        assert [[r.address for r in group.recipients] for group in groups] == [["bob@other.example"]]
        assert list(await world.spool.holds()) == [hold]
        assert await world.spool.unhold(hold.id) == 302
        assert list(await world.spool.holds()) == []
        assert later.id in {group.message.id for group in await world.lease(limit=1000)}

    play(story)


def test_overlapping_holds_each_count(play: Play) -> None:
    """What another hold also matches stays held when the first is lifted."""

    async def story(world: World) -> None:
        admitted = await world.admit()
        first = await world.hold(recipient_domain="example.com")
        second = await world.hold(stream=Stream.STANDARD)
        assert await world.spool.unhold(first.id) == 0
        assert (await world.view(admitted.id)).hold == second.id
        assert await world.lease() == []
        assert await world.spool.unhold(second.id) == 1
        assert len(await world.lease()) == 1

    play(story)


def test_a_hold_keeps_its_whole_selector(play: Play) -> None:
    """Every field of the selector is stored and comes back as given."""

    async def story(world: World) -> None:
        admitted = await world.admit()
        selector = {
            "tenant": Tenant("main"),
            "message_id": admitted.id,
            "n": 0,
            "carriage": Carriage.QUEUED,
            "stream": Stream.STANDARD,
            "sender_domain": "shop.example",
            "recipient_domain": "example.com",
        }
        hold = await world.hold(**selector)
        assert (await world.spool.holds())[0] == hold
        assert hold.selector == Selector(**selector)  # type: ignore[arg-type]
        assert (await world.view(admitted.id)).hold == hold.id

    play(story)


def test_held_mail_still_expires(play: Play) -> None:
    """I2: a hold does not keep mail past its deadline."""

    async def story(world: World) -> None:
        admitted = await world.admit(deadline_us=HOUR)
        await world.hold(stream=Stream.STANDARD)
        world.clock.forward(3600)
        assert (await world.spool.sweep(10)).expired == 1
        assert await world.carriage(admitted.id) is Carriage.EXPIRED

    play(story)


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
