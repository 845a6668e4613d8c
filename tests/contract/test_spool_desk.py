"""Contract of every spool: what a person asks and decides. Views, counts, decisions, holds."""

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import Tenant
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Decision, Selector
from tests.contract.spool_kit import FAULT, HANDOVER, HOUR, UNCLEAR, World
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


def test_what_the_client_takes_back_in_doubt_gets_no_further_copy(play: Play) -> None:
    """It stays in doubt, marked, and is not leased again; a late no ends it as cancelled, a late yes as handed over."""

    async def story(world: World) -> None:
        doubts = [await world.in_doubt(next_at=world.clock.now(), copies_allowed=2) for _ in range(2)]
        assert await world.spool.decide(EVERYTHING, Decision.WITHDRAW, "shop", 100) == 2
        assert await world.spool.decide(EVERYTHING, Decision.WITHDRAW, "shop", 100) == 0
        for group in doubts:
            (view,) = await world.spool.select(Selector(message_id=group.message.id), 10)
            assert (view.carriage, view.withdrawn, view.next_at) == (Carriage.IN_DOUBT, "cancelled", None)
        world.clock.forward(600)
        assert not await world.lease()
        await world.settle(doubts[0], FAULT, next_at=world.clock.now())
        await world.settle(doubts[1], HANDOVER)
        ends = [await world.carriage(group.message.id) for group in doubts]
        assert ends == [Carriage.CANCELLED, Carriage.HANDED_OVER]

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


def test_whoever_may_have_a_copy_is_named_where_nobody_answered(play: Play) -> None:
    """A lease that lapsed after its release, and what a person decided of such mail, name the provider to ask."""

    async def story(world: World) -> None:
        group = await world.admit_leased(copies_allowed=1)
        await world.release(group)
        world.clock.forward(3_600)
        assert (await world.spool.sweep(10)).lapsed_in_doubt == 1
        await world.spool.decide(Selector(message_id=group.message.id), Decision.WAS_HANDED_OVER, "ann", 10)
        facts = await world.told(group.message.id)
        assert [(fact.new, fact.provider) for fact in facts[-2:]] == [
            (Carriage.IN_DOUBT, facts[-3].provider),
            (Carriage.HANDED_OVER, facts[-3].provider),
        ]
        assert facts[-3].provider

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
