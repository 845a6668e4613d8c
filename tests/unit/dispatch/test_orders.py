"""People's standing orders: what the dispatcher does while they are in force."""

import asyncio

from posthorse.mail.carriage import Carriage
from posthorse.mail.orders import EJECTED, FAILOVER, PAUSED, failover_value
from posthorse.mail.stream import Stream
from tests.unit.dispatch.scripted import Scripted, takes
from tests.unit.dispatch.stand import A, B, C, Stand, play


def test_nothing_starts_while_paused_not_even_what_waits_for_a_slot() -> None:
    """Stop-sending stops what is in hand too: it goes back to the queue and leaves after the order is lifted."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        await stand.post(count=6)
        await asyncio.sleep(0.5)
        await stand.order({PAUSED: ""})
        started = len(stand["A"].seen)
        await asyncio.sleep(30)
        assert len(stand["A"].seen) == started == 4
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4, Carriage.QUEUED: 2}
        assert not stand.dispatcher.supply.claims(Stream.URGENT)
        await stand.order({})
        await asyncio.sleep(3)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 6}

    play(story, slots=4)


def test_an_ejected_provider_gets_nothing_and_a_failover_target_everything() -> None:
    """People's orders decide where mail goes, until they are lifted."""

    async def story(stand: Stand) -> None:
        await stand.order({EJECTED + A: ""})
        await stand.post(count=3)
        await asyncio.sleep(0.1)
        assert [name for name, _, _ in stand.sent()] == [B] * 3
        await stand.order({FAILOVER: failover_value(C, [Stream.URGENT])})
        await stand.post(Stream.URGENT, count=2)
        await stand.post(Stream.BULK)
        await asyncio.sleep(0.1)
        assert sorted(name for name, _, _ in stand.sent()[3:]) == [A, C, C]
        assert {seen.message.stream for seen in stand["C"].seen} == {Stream.URGENT}

    play(story, Scripted(A), Scripted(B), Scripted(C))


def test_an_order_that_names_a_provider_nobody_knows_does_not_stop_the_mail() -> None:
    """An order may outlive the provider it names: it is then as if it had not been given."""

    async def story(stand: Stand) -> None:
        await stand.order({FAILOVER: "gone:", EJECTED + "lost": ""})
        assert stand.dispatcher.supply.claims(Stream.STANDARD)
        await stand.post(count=2)
        await stand.queue(count=2)
        await asyncio.sleep(3)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4}
        assert not stand.told.bugs

    play(story)


def test_an_order_that_is_not_followed_is_told_once() -> None:
    """Not every second while it stands, but again if it is given again."""

    async def story(stand: Stand) -> None:
        await stand.order({FAILOVER: "gone:"})
        await asyncio.sleep(10)
        assert stand.told.ignored == ["failover to gone: no such provider is configured"]
        await stand.order({FAILOVER: "gone:", PAUSED: ""})
        await stand.order({FAILOVER: "B:"})
        assert len(stand.told.ignored) == 1
        await stand.order({FAILOVER: "gone:"})
        assert len(stand.told.ignored) == 2

    play(story)
