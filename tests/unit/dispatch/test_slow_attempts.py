"""Attempts that take long before their release: bounded by what they carry, their mail is nobody else's meanwhile."""

import asyncio
from collections.abc import Mapping

from posthorse.mail.carriage import Carriage
from posthorse.mail.outcome import Fault, Handover, Outcome, Scope
from posthorse.mail.stream import Stream
from posthorse.providers.port import HandoverGroup, ReleaseGate
from posthorse.spool.desk_port import Decision, Selector
from tests.unit.dispatch.scripted import Behaviour, Scripted, same, swallows
from tests.unit.dispatch.stand import A, B, Stand, play

LARGE = bytes(30_000_000)


def pours(bytes_per_s: int) -> Behaviour:
    """Takes all mail, at such a rate."""

    async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        await asyncio.sleep(len(group.body) / bytes_per_s)
        return same(group, Handover()) if await gate([n for n, _ in group.recipients]) else {}

    return behave


def two(bytes_per_s: int) -> tuple[Scripted, Scripted]:
    """A takes large mail slowly, B at once."""
    return Scripted(A, pours(bytes_per_s), large=True), Scripted(B, large=True)


def test_large_mail_on_a_slow_link_goes_through() -> None:
    """30 MB at 200 kB/s take two and a half minutes: one attempt, nobody's fault, under one lease renewed in time."""

    async def story(stand: Stand) -> None:
        (message,) = await stand.post(Stream.ONCE, body=LARGE, recipients=3)
        await asyncio.sleep(149)
        assert [view.carriage for view in await stand.views(message)] == [Carriage.LEASED] * 3
        await asyncio.sleep(3)
        assert [view.carriage for view in await stand.views(message)] == [Carriage.HANDED_OVER] * 3
        assert stand.told.attempts == [(A, Handover())]
        assert stand.told.changes == []
        assert {view.fence for view in await stand.views(message)} == {1}
        assert stand.spool.calls["renew"] == 3
        stand.assert_idle()

    play(story, *two(200_000))


def test_a_link_of_less_than_fifty_kilobytes_a_second_is_left() -> None:
    """30 MB have 45 s, a second for the recipient and ten minutes; then the next provider gets them."""

    async def story(stand: Stand) -> None:
        (message,) = await stand.post(Stream.ONCE, body=LARGE)
        await asyncio.sleep(645)
        assert (await stand.view(message)).carriage is Carriage.LEASED
        await asyncio.sleep(3)
        view = await stand.view(message)
        assert (view.carriage, view.provider) == (Carriage.HANDED_OVER, B)
        (name, outcome), _ = stand.told.attempts
        assert isinstance(outcome, Fault)
        assert (name, outcome.scope, outcome.reply.text) == (A, Scope.CHANNEL, "no release within 646 s")
        stand.assert_idle()

    play(story, *two(40_000))


def test_many_recipients_have_their_time() -> None:
    """An envelope of a hundred, each answered within a second, is no hanging one."""

    async def story(stand: Stand) -> None:
        await stand.post(recipients=100)
        await asyncio.sleep(110)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 100}
        assert len(stand["A"].seen) == 1

    async def asks_around(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
        await asyncio.sleep(0.9 * len(group.recipients))
        return same(group, Handover()) if await gate([n for n, _ in group.recipients]) else {}

    play(story, Scripted(A, asks_around), Scripted(B))


def test_who_lost_its_lease_stops_before_its_release() -> None:
    """One recipient is cancelled: the attempt ends when that is learnt, the other goes again, it is nobody's fault."""

    async def story(stand: Stand) -> None:
        (message,) = await stand.post(Stream.ONCE, body=LARGE, recipients=2)
        await asyncio.sleep(10)
        assert await stand.spool.decide(Selector(message_id=message, n=0), Decision.CANCEL, "me", 1) == 1
        await asyncio.sleep(32)
        first, second = stand["A"].seen
        assert (first.numbers, first.released, second.numbers) == ((0, 1), False, (1,))
        assert {outcome.scope for _, outcome in stand.told.attempts if isinstance(outcome, Fault)} == {Scope.US}
        await asyncio.sleep(160)
        assert [view.carriage for view in await stand.views(message)] == [Carriage.CANCELLED, Carriage.HANDED_OVER]
        assert stand.told.changes == []
        assert not stand["B"].seen

    play(story, *two(200_000))


def test_a_spool_that_cannot_renew_for_a_while_costs_nothing() -> None:
    """It is asked again once a second while the lease lasts, also where it had done it and could not say so."""

    async def story(stand: Stand) -> None:
        stand.spool.down.add("renew")
        (message,) = await stand.post(Stream.ONCE, body=LARGE)
        await asyncio.sleep(55)
        assert 10 <= stand.told.troubles.count("renew") <= 20
        stand.spool.down.clear()
        stand.spool.deaf.add("renew")
        await asyncio.sleep(60)
        stand.spool.deaf.clear()
        await asyncio.sleep(40)
        view = await stand.view(message)
        assert (view.carriage, view.fence, len(stand["A"].seen)) == (Carriage.HANDED_OVER, 1, 1)

    play(story, *two(200_000))


def test_a_lease_that_could_not_be_renewed_lets_no_second_copy_out() -> None:
    """It lapses and the mail is leased anew; the old attempt is stopped at the first renewal that is answered."""

    async def story(stand: Stand) -> None:
        stand.spool.down.add("renew")
        (message,) = await stand.post(Stream.ONCE, body=LARGE)
        await asyncio.sleep(70)
        assert stand["A"].at_once == 2
        stand.spool.down.clear()
        await asyncio.sleep(2)
        assert stand["A"].at_once == 1
        await asyncio.sleep(170)
        view = await stand.view(message)
        assert (view.carriage, view.fence, view.copies_released) == (Carriage.HANDED_OVER, 2, 1)
        assert [seen.released for seen in stand["A"].seen] == [False, True]
        stand.assert_idle()

    play(story, *two(200_000))


def test_whoever_is_quick_renews_nothing() -> None:
    """No attempt that ends in time costs a call, nor one that waits for its answer."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [swallows]
        await stand.post(Stream.ONCE, count=200)
        await asyncio.sleep(300)
        assert "renew" not in stand.spool.calls
        assert await stand.carriages() == {Carriage.HANDED_OVER: 199, Carriage.IN_DOUBT: 1}

    play(story)


def test_stopping_amid_a_renewal_ends() -> None:
    """A spool that hangs over a renewal holds up nothing."""

    async def story(stand: Stand) -> None:
        stand.spool.slow["renew"] = 1_000.0
        await stand.post(Stream.ONCE, body=LARGE)
        await asyncio.sleep(50)
        assert stand.spool.calls["renew"] == 1
        began_s = stand.loop.time()
        await stand.gateway.stop(1.0)
        assert stand.loop.time() - began_s < 10

    play(story, *two(200_000))
