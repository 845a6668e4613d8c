"""Contract of every spool: accepting mail. Receipts, leases at the door, lists, holds, keys."""

import asyncio
from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, Tenant
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Selector
from posthorse.spool.port import Admitted, KeyConflict, Repeated, SpoolMisuse
from tests.contract.spool_kit import DAY, HANDOVER, HOUR, NODE, World
from tests.contract.spool_play import Play, play

__all__ = ["play"]


def test_what_is_receipted_is_stored_with_its_bytes(play: Play) -> None:
    """I1: after the receipt the message, its bytes and every recipient are there."""

    async def story(world: World) -> None:
        body = bytes(range(256)) * 40
        admitted = await world.admit("ann@example.com", "Bob@Example.com", body=body, smtputf8=True, eight_bit=True)
        views = await world.spool.select(Selector(message_id=admitted.id), 10)
        assert [(view.n, view.address, view.carriage) for view in views] == [
            (0, "ann@example.com", Carriage.QUEUED),
            (1, "Bob@Example.com", Carriage.QUEUED),
        ]
        assert await world.spool.body(admitted.id) == body
        message = views[0].message
        assert (message.size_bytes, message.smtputf8, message.eight_bit) == (len(body), True, True)
        assert (message.accepted_at, message.expires_at) == (world.clock.now(), world.clock.now() + DAY)

    play(story)


def test_metadata_comes_back_unchanged(play: Play) -> None:
    """Sender (also the null sender), stream, tenant, supersede key and attributes are kept as given."""

    async def story(world: World) -> None:
        attributes = {"configuration_set": "über", "tag:campaign": "autumn"}
        first = await world.admit(sender="", stream=Stream.ONCE, tenant=Tenant("acme"), attributes=attributes)
        second = await world.admit(supersede_key="code:7")
        kept = (await world.view(first.id)).message
        assert (kept.sender, kept.stream, kept.tenant, kept.attributes) == ("", Stream.ONCE, "acme", attributes)
        assert (await world.view(second.id)).message.supersede_key == "code:7"

    play(story)


def test_an_empty_body_is_a_body(play: Play) -> None:
    """A message of no bytes is kept, leased and read like any other."""

    async def story(world: World) -> None:
        await world.admit(body=b"")
        await world.admit(body=b"x")
        groups = await world.lease()
        assert sorted(group.body for group in groups) == [b"", b"x"]

    play(story)


def test_bodies_of_every_size_come_back_together(play: Play) -> None:
    """Small ones and large ones, admitted in one batch and leased in one: each gets its own bytes."""
    sizes = [0, 32_762, 32_763, 32_764, 32_768, 40, 196_603, 196_608, 196_609, 700_000, 41]
    bodies = [bytes((n,)) * size for n, size in enumerate(sizes)]

    async def story(world: World) -> None:
        batch = [world.message(body=body) for body in bodies]
        await world.spool.admit(batch)
        assert [await world.spool.body(new.id) for new in batch] == bodies
        leased = {group.message.id: group.body for group in await world.lease()}
        assert [leased[new.id] for new in batch] == bodies

    play(story)


def test_admission_leases_when_asked(play: Play) -> None:
    """With `lease_for` all recipients come back leased together, with the first fence."""

    async def story(world: World) -> None:
        group = await world.admit_leased("ann@example.com", "bob@example.com", body=b"bytes")
        assert group.body == b"bytes"
        assert [(r.n, r.fence, r.leased_from) for r in group.recipients] == [
            (0, 1, Carriage.QUEUED),
            (1, 1, Carriage.QUEUED),
        ]
        assert group.lease_until > world.clock.now()
        assert await world.carriage(group.message.id, 1) is Carriage.LEASED
        assert await world.lease() == []

    play(story)


def test_mail_for_later_is_not_leased_now(play: Play) -> None:
    """`not_before` keeps a message queued until its time, also when a lease is asked for."""

    async def story(world: World) -> None:
        later = world.clock.now() + HOUR
        admitted = await world.admit(not_before=later, lease_for=NODE)
        assert admitted.lease is None
        assert await world.lease() == []
        assert await world.spool.next_due() == later
        world.clock.forward(3600)
        assert len(await world.lease()) == 1

    play(story)


def test_suppressed_recipients_end_at_the_door(play: Play) -> None:
    """A listed address ends as suppressed in the accepting transaction; its neighbours go on."""

    async def story(world: World) -> None:
        await world.suppress("Ann@Example.com")
        admitted = await world.admit("ANN@example.com", "bob@example.com", lease_for=NODE)
        assert admitted.suppressed == 1
        assert admitted.lease is not None
        assert [recipient.address for recipient in admitted.lease.recipients] == ["bob@example.com"]
        assert await world.moves(admitted.id, 0) == ["queued>suppressed:suppress"]

    play(story)


def test_suppression_belongs_to_its_tenant_and_ends(play: Play) -> None:
    """Another tenant's list says nothing, and an entry that ran out says nothing any more."""

    async def story(world: World) -> None:
        await world.suppress("ann@example.com", tenant=Tenant("acme"))
        await world.suppress("bob@example.com", expires_at=world.clock.now() + HOUR)
        assert (await world.admit("ann@example.com", "bob@example.com")).suppressed == 1
        world.clock.forward(3600)
        assert (await world.admit("ann@example.com", "bob@example.com")).suppressed == 0

    play(story)


def test_a_shared_key_belongs_to_those_who_share_it(play: Play) -> None:
    """Messages of one request hold its key together; it conflicts with whoever has it alone, before and after, also in
    the same transaction.
    """

    async def story(world: World) -> None:
        one, two, later = (
            world.message(idempotency_key=f"item {n}", fingerprint=b"a", shared_key="order") for n in range(3)
        )
        alone = world.message(idempotency_key="order", fingerprint=b"a")
        answers = await world.spool.admit([one, two, alone])
        assert [type(answer) for answer in answers] == [Admitted, Admitted, KeyConflict]
        again = replace(two, id=world.message().id)
        answers = await world.spool.admit([again, alone, later])
        assert answers[0] == Repeated(id=two.id)
        assert [type(answer) for answer in answers[1:]] == [KeyConflict, Admitted]

        first = world.message(idempotency_key="single", fingerprint=b"a")
        assert isinstance((await world.spool.admit([first]))[0], Admitted)
        late = world.message(idempotency_key="item of single", fingerprint=b"a", shared_key="single")
        assert await world.spool.admit([late]) == [KeyConflict(id=first.id)]
        assert await world.spool.admit([replace(late, shared_key="another")]) == [Admitted(id=late.id)]

    play(story)


def test_a_repeated_key_gets_the_first_receipt(play: Play) -> None:
    """The same key and fingerprint are answered with the first id, and nothing more is stored."""

    async def story(world: World) -> None:
        first = world.message(idempotency_key="order-7", fingerprint=b"a")
        again = replace(first, id=world.message().id)
        other = replace(again, fingerprint=b"b")
        assert isinstance((await world.spool.admit([first]))[0], Admitted)
        assert await world.spool.admit([again, other]) == [Repeated(id=first.id), KeyConflict(id=first.id)]
        assert len(await world.spool.select(Selector(), 10)) == 1

    play(story)


def test_twins_in_one_batch_and_at_once_are_stored_once(play: Play) -> None:
    """Repetitions that race, in one call or in many, end in one message."""

    async def story(world: World) -> None:
        twins = [world.message(idempotency_key="k", fingerprint=b"a") for _ in range(3)]
        answers = list(await world.spool.admit(twins))
        answers += [
            answer
            for (answer,) in await asyncio.gather(
                *(world.spool.admit([world.message(idempotency_key="k", fingerprint=b"a")]) for _ in range(20))
            )
        ]
        assert sum(isinstance(answer, Admitted) for answer in answers) == 1
        assert {answer.id for answer in answers} == {twins[0].id}

    play(story)


def test_keys_belong_to_their_tenant_and_last_a_day(play: Play) -> None:
    """Another tenant may use the same key, and after 24 hours it is free again."""

    async def story(world: World) -> None:
        fields = {"idempotency_key": "k", "fingerprint": b"a"}
        first = await world.admit(**fields)
        await world.admit(**fields, tenant=Tenant("acme"))
        world.clock.forward(24 * 3600 - 1)
        (answer,) = await world.spool.admit([world.message(**fields)])
        assert answer == Repeated(id=first.id)
        world.clock.forward(2)
        await world.admit(**fields)

    play(story)


def test_a_batch_may_mix_keys_of_every_kind(play: Play) -> None:
    """Free, taken, run out, of another message, first used by mail that supersedes: each is answered as if alone."""

    async def story(world: World) -> None:
        spent = await world.admit(idempotency_key="ran-out", fingerprint=b"a")
        world.clock.forward(24 * 3600 + 1)
        known = world.message(idempotency_key="taken", fingerprint=b"a")
        await world.spool.admit([known])
        batch = [
            world.message(idempotency_key="free", fingerprint=b"a"),
            world.message(idempotency_key="taken", fingerprint=b"a"),
            world.message(),
            world.message(idempotency_key="ran-out", fingerprint=b"a"),
            world.message(idempotency_key="taken", fingerprint=b"b"),
            world.message(idempotency_key="newer", fingerprint=b"a", supersede_key="code"),
            world.message(idempotency_key="newer", fingerprint=b"a"),
            world.message(idempotency_key="free", fingerprint=b"b"),
            known,
        ]
        answers = await world.spool.admit(batch)
        assert [type(answer) for answer in answers] == [
            *(Admitted, Repeated, Admitted, Admitted, KeyConflict, Admitted, Repeated, KeyConflict, Repeated)
        ]
        assert [answers[place].id for place in (1, 4, 6, 7, 8)] == [
            *(known.id, known.id, batch[5].id, batch[0].id, known.id)
        ]
        assert answers[3].id != spent.id
        repeated = await world.spool.admit([replace(new, id=MessageId(world.new_id())) for new in batch[:4]])
        assert [type(answer) for answer in repeated] == [Repeated, Repeated, Admitted, Repeated]

    play(story)


def test_many_keys_go_in_together(play: Play) -> None:
    """Six hundred keys in one call, the first and the last of them taken: exactly those two are repetitions."""

    async def story(world: World) -> None:
        batch = [world.message(idempotency_key=f"k{number}", fingerprint=b"a") for number in range(600)]
        await world.spool.admit([batch[0], batch[-1]])
        again = [replace(new, id=MessageId(world.new_id())) for new in batch]
        answers = await world.spool.admit(again)
        assert [place for place, answer in enumerate(answers) if isinstance(answer, Repeated)] == [0, 599]

    play(story)


def test_a_repetition_revives_nothing(play: Play) -> None:
    """An idempotent retry of a message that ended or was superseded only gets its receipt."""

    async def story(world: World) -> None:
        fields = {"idempotency_key": "k", "fingerprint": b"a", "supersede_key": "code"}
        old = await world.admit(**fields)
        new = await world.admit(supersede_key="code")
        (answer,) = await world.spool.admit([world.message(**fields, lease_for=NODE)])
        assert answer == Repeated(id=old.id)
        assert await world.carriage(old.id) is Carriage.SUPERSEDED
        assert await world.carriage(new.id) is Carriage.QUEUED

    play(story)


def test_the_newer_withdraws_the_older_wherever_it_waits(play: Play) -> None:
    """Supersession ends what is queued or leased, and marks what may be out so that no further copy goes."""

    async def story(world: World) -> None:
        queued = await world.admit(supersede_key="a", not_before=world.clock.now() + HOUR)
        leased = await world.admit_leased(supersede_key="b")
        released = await world.admit_leased(supersede_key="c")
        await world.release(released)
        doubt = await world.in_doubt(supersede_key="d", next_at=world.clock.now())
        for key in "abcd":
            await world.admit(supersede_key=key)
        assert await world.carriage(queued.id) is Carriage.SUPERSEDED
        assert await world.carriage(leased.message.id) is Carriage.SUPERSEDED
        out = await world.view(released.message.id)
        assert (out.carriage, out.withdrawn) == (Carriage.RELEASED, "superseded")
        unsure = await world.view(doubt.message.id)
        assert (unsure.carriage, unsure.withdrawn, unsure.next_at) == (Carriage.IN_DOUBT, "superseded", None)

    play(story)


def test_supersession_goes_by_order_of_acceptance(play: Play) -> None:
    """In one batch the last one with a key remains; tenants are apart; finished mail stays as it ended."""

    async def story(world: World) -> None:
        done = await world.admit_leased(supersede_key="k")
        await world.release(done)
        await world.settle(done, HANDOVER)
        batch = [world.message(supersede_key="k") for _ in range(3)]
        alien = world.message(supersede_key="k", tenant=Tenant("acme"))
        await world.spool.admit([*batch, alien])
        assert [await world.carriage(new.id) for new in (*batch, alien)] == [
            Carriage.SUPERSEDED,
            Carriage.SUPERSEDED,
            Carriage.QUEUED,
            Carriage.QUEUED,
        ]
        assert await world.carriage(done.message.id) is Carriage.HANDED_OVER

    play(story)


def test_a_held_message_is_stored_and_waits(play: Play) -> None:
    """A hold set before acceptance stops new mail at once; no lease is given."""

    async def story(world: World) -> None:
        hold = await world.hold(recipient_domain="Example.com")
        admitted = await world.admit("ann@example.com", "bob@other.example", lease_for=NODE)
        assert admitted.lease is not None
        assert [recipient.n for recipient in admitted.lease.recipients] == [1]
        assert (await world.view(admitted.id)).hold == hold.id
        assert await world.lease() == []

    play(story)


def test_a_bad_call_leaves_its_neighbours_untouched(play: Play) -> None:
    """A message id stored twice, or no recipients, fails alone; calls that shared its transaction are answered."""

    async def story(world: World) -> None:
        first = await world.admit()
        good = [world.message() for _ in range(5)]
        bad = [world.message(id=first.id), replace(world.message(), recipients=())]
        answers = await asyncio.gather(
            *(world.spool.admit([new]) for new in (*good[:3], bad[0], *good[3:], bad[1])), return_exceptions=True
        )
        assert [isinstance(answer, SpoolMisuse) for answer in answers] == [False] * 3 + [True] + [False] * 2 + [True]
        assert [await world.carriage(new.id) for new in good] == [Carriage.QUEUED] * 5
        assert len(await world.spool.history(first.id)) == 1

    play(story)


def test_a_batch_with_a_bad_message_is_refused_whole(play: Play) -> None:
    """One call is one transaction: nothing of it stays when one of its messages cannot be stored."""

    async def story(world: World) -> None:
        first = await world.admit()
        good = world.message(supersede_key="k", idempotency_key="k", fingerprint=b"a")
        with pytest.raises(SpoolMisuse):
            await world.spool.admit([good, world.message(id=first.id)])
        assert await world.spool.select(Selector(message_id=good.id), 1) == []
        assert isinstance((await world.spool.admit([good]))[0], Admitted)

    play(story)


def test_a_large_bad_batch_leaves_nothing_of_itself(play: Play) -> None:
    """However far a large call came before its bad message, nothing stays, and a neighbour in its transaction does."""

    async def story(world: World) -> None:
        first = await world.admit()
        large = [world.message() for _ in range(700)] + [world.message(id=first.id)]
        neighbour = world.message()
        answers = await asyncio.gather(world.spool.admit(large), world.spool.admit([neighbour]), return_exceptions=True)
        assert isinstance(answers[0], SpoolMisuse)
        stored = await world.spool.select(Selector(), 1000)
        assert {view.message.id for view in stored} == {first.id, neighbour.id}
        assert len(await world.spool.events_since(0, 1000)) == 2
        assert all(isinstance(answer, Admitted) for answer in await world.spool.admit(large[:700]))

    play(story)


def test_an_already_late_message_is_not_leased(play: Play) -> None:
    """A deadline of nothing is stored and expires; it is never given out."""

    async def story(world: World) -> None:
        admitted = await world.admit(deadline_us=0, lease_for=NODE)
        assert admitted.lease is None
        assert await world.lease() == []
        assert await world.carriage(admitted.id) is Carriage.EXPIRED

    play(story)


def test_a_large_batch_is_one_transaction(play: Play) -> None:
    """Six hundred messages with several recipients go in together and come out together."""

    async def story(world: World) -> None:
        batch = [world.message(*(f"u{i}-{n}@example.com" for n in range(i % 3 + 1))) for i in range(600)]
        answers = await world.spool.admit(batch)
        assert [answer.id for answer in answers] == [new.id for new in batch]
        groups = await world.lease(limit=2000)
        assert sum(len(group.recipients) for group in groups) == 1200
        assert {group.message.id for group in groups} == {new.id for new in batch}

    play(story)
