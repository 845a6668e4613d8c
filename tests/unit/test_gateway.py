"""The gateway: where accept, spool, dispatch and watch meet."""

import asyncio

import pytest

from posthorse.dispatch.route import Route
from posthorse.gateway import default_routes, groups_of
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, ProviderName
from posthorse.mail.orders import EJECTED, PAUSED
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Control, Suppression
from posthorse.spool.port import Admitted, KeyConflict, Repeated, SpoolUnavailable
from tests.unit.dispatch.scripted import Scripted, refuses, takes
from tests.unit.dispatch.stand import A, B, Stand, play


def test_mail_is_accepted_leased_while_a_slot_is_free() -> None:
    """One transaction brings it into the spool and into the courier's hand."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        first = await stand.gateway.store(stand.new())
        assert isinstance(first, Admitted)
        assert first.lease is not None
        assert (await stand.view(first.id)).carriage is Carriage.LEASED
        for _ in range(20):
            await stand.gateway.store(stand.new())
        last = await stand.gateway.store(stand.new())
        assert isinstance(last, Admitted)
        assert last.lease is None
        assert (await stand.view(last.id)).carriage is Carriage.QUEUED
        await asyncio.sleep(10)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 22}

    play(story, slots=4)


def test_many_at_once_do_not_all_claim_the_same_room() -> None:
    """However many messages are being accepted, no more come leased than there is room for; the rest waits its turn."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        stand.spool.delay_s = 0.01
        results = await asyncio.gather(*[stand.gateway.store(stand.new()) for _ in range(200)])
        leased = [result for result in results if isinstance(result, Admitted) and result.lease]
        way = stand.dispatcher.ways[A]
        assert len(leased) == way.busy + way.waiting == 8
        assert stand.dispatcher.supply.promised == 0
        await asyncio.sleep(60)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 200}

    play(story, slots=4)


def test_a_claim_is_given_back_if_the_spool_fails() -> None:
    """Acceptance that came to nothing keeps no room, and counts as trouble with the spool."""

    async def story(stand: Stand) -> None:
        stand.spool.down.add("admit")
        for _ in range(20):
            with pytest.raises(SpoolUnavailable):
                await stand.gateway.store(stand.new())
        stand.spool.down.clear()
        assert stand.told.troubles.count("admit") == 20
        assert stand.dispatcher.supply.claims(Stream.STANDARD)
        assert stand.dispatcher.supply.promised == 0

    play(story)


def test_mail_with_a_time_of_its_own_is_not_leased() -> None:
    """It waits in the spool; dispatch only hears when to look."""

    async def story(stand: Stand) -> None:
        due = stand.clock.now() + 3_000_000
        result = await stand.gateway.store(stand.new(not_before=due))
        assert isinstance(result, Admitted)
        assert result.lease is None
        await asyncio.sleep(2.9)
        assert not stand["A"].seen
        await asyncio.sleep(0.2)
        assert len(stand["A"].seen) == 1

    play(story)


def test_repetitions_and_conflicts_start_nothing() -> None:
    """The same key gives the same receipt and no second attempt; another message under it is refused."""

    async def story(stand: Stand) -> None:
        new = stand.new(idempotency_key="k", fingerprint=b"1")
        again = stand.new(idempotency_key="k", fingerprint=b"1")
        other = stand.new(idempotency_key="k", fingerprint=b"2")
        first = await stand.gateway.store(new)
        assert await stand.gateway.store(again) == Repeated(id=first.id)
        assert await stand.gateway.store(other) == KeyConflict(id=first.id)
        await asyncio.sleep(1)
        assert len(stand["A"].seen) == 1

    play(story)


def test_what_is_wholly_suppressed_starts_nothing() -> None:
    """It ends in the transaction that accepts it."""

    async def story(stand: Stand) -> None:
        entry = Suppression(tenant=MAIN_TENANT, address="r0@example.net", reason="x", source="me", created_at=0)
        await stand.spool.suppress(entry)
        result = await stand.gateway.store(stand.new())
        assert isinstance(result, Admitted)
        assert (result.lease, result.suppressed) == (None, 1)
        await asyncio.sleep(1)
        assert not stand["A"].seen

    play(story)


def test_orders_are_followed_within_a_second() -> None:
    """Whoever writes an order into the spool, the node obeys it, and forgets it when its time is over."""

    async def story(stand: Stand) -> None:
        now = stand.clock.now()
        await stand.spool.order(Control(key=EJECTED + A, value="", by="me", at=now, until=now + 20_000_000))
        await stand.spool.order(Control(key=PAUSED, value="", by="me", at=now, until=now + 10_000_000))
        await asyncio.sleep(1.1)
        assert stand.gateway.orders.paused
        await stand.post()
        await asyncio.sleep(5)
        assert not stand.sent()
        await asyncio.sleep(6)
        assert [name for name, _, _ in stand.sent()] == [B]
        await asyncio.sleep(10)
        await stand.post()
        await asyncio.sleep(0.1)
        assert [name for name, _, _ in stand.sent()] == [B, A]

    play(story)


def test_a_trip_is_told_and_reroutes_what_waits() -> None:
    """The journal hears of it, and waiting groups leave through the other provider."""

    async def story(stand: Stand) -> None:
        stand["A"].always = refuses(after_s=0.2)
        await stand.post(count=8)
        await asyncio.sleep(2)
        assert (A, StandingState.EJECTED, "5 failures in a row") in stand.told.changes
        assert await stand.carriages() == {Carriage.HANDED_OVER: 8}

    play(story, slots=5)


def test_a_restored_provider_gets_mail_at_once() -> None:
    """A person says it is well: its ejection is over."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [refuses()] * 5
        await stand.post(count=5)
        await asyncio.sleep(1)
        assert stand.gateway.watcher.picture()[A].state is StandingState.EJECTED
        stand.gateway.restore(A)
        await stand.post()
        await asyncio.sleep(0.1)
        assert stand["A"].seen[-1].released

    play(story)


def test_changed_routes_hold_for_what_has_not_started() -> None:
    """After a reload new mail, and what waits for a slot, takes the new routes."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(5.0)
        await stand.post(count=6)
        stand.gateway.reroute([Route(providers=(B,))])
        await stand.post(count=2)
        await asyncio.sleep(1)
        assert len(stand["A"].seen) == 4
        assert len(stand["B"].seen) == 4

    play(story, slots=4)


def test_a_bug_in_the_loop_is_told_and_the_loop_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With growing pauses, so that it neither ends the node nor spins."""

    async def story(stand: Stand) -> None:
        broken = True

        async def poll() -> None:
            if broken:
                raise ZeroDivisionError("a bug")

        monkeypatch.setattr(stand.dispatcher.supply, "_poll", poll)
        await asyncio.sleep(60)
        assert 5 < len(stand.told.bugs) < 20
        broken = False
        await asyncio.sleep(31)
        await stand.post(count=3)
        await asyncio.sleep(2)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 3}

    play(story)


def test_stopping_leaves_no_task_behind() -> None:
    """Every task of the node ends, and every provider is closed."""

    async def story(stand: Stand) -> None:
        await stand.post(count=3)
        await stand.gateway.stop(1.0)
        assert len(asyncio.all_tasks()) == 1
        assert all(provider.closed for provider in stand.providers.values())

    play(story)


def test_without_routes_every_provider_is_a_candidate_in_the_order_of_the_file() -> None:
    """The default is one route for everything."""
    names = [ProviderName(name) for name in ("zeta", "alpha")]
    (route,) = default_routes(dict.fromkeys(names))
    assert route == Route(providers=tuple(names))
    assert groups_of([route]) == [frozenset(names)]


@pytest.mark.parametrize("stream", Stream, ids=lambda stream: stream.value)
def test_every_stream_is_carried(stream: Stream) -> None:
    """Each kind of mail finds its way through one node."""

    async def story(stand: Stand) -> None:
        await stand.post(stream, count=2)
        await stand.queue(stream, count=2)
        await asyncio.sleep(3)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4}
        stand.assert_idle()

    play(story, Scripted(A))
