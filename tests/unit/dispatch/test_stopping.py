"""Stopping a node: what waits goes back, what flies may end, and nothing is forgotten."""

import asyncio
from dataclasses import replace

from posthorse.mail.carriage import Carriage
from posthorse.mail.stream import Stream
from tests.unit.dispatch.scripted import hangs, swallows, takes
from tests.unit.dispatch.stand import A, Stand, play


def test_stopping_gives_back_what_waits_and_lets_attempts_finish() -> None:
    """Within the grace attempts end as usual; what had no slot is queued and due at once for another node."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(2.0)
        await stand.post(count=6)
        await asyncio.sleep(0.1)
        await stand.gateway.stop(5.0)
        assert await stand.carriages() == {Carriage.HANDED_OVER: 4, Carriage.QUEUED: 2}
        assert stand.loop.time() < 4
        due = [view.next_at for view in await stand.views() if view.carriage is Carriage.QUEUED]
        assert all(at is not None and at <= stand.clock.now() for at in due)
        assert all(provider.closed for provider in stand.providers.values())
        assert not stand.dispatcher.supply.claims(Stream.URGENT)
        stand.assert_idle()

    play(story, slots=4)


def test_beyond_the_grace_what_was_released_is_in_doubt_and_the_rest_queued() -> None:
    """Attempts that do not end are stopped: without a release they sent nothing, and no provider is blamed for it."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [swallows, hangs]
        await stand.post(count=2)
        await asyncio.sleep(0.1)
        before = stand.loop.time()
        await stand.gateway.stop(2.0)
        assert 2.0 <= stand.loop.time() - before < 3.0
        doubted, queued = sorted(await stand.views(), key=lambda view: view.carriage.value)
        assert (doubted.carriage, queued.carriage) == (Carriage.IN_DOUBT, Carriage.QUEUED)
        assert queued.tried == ()
        assert A in doubted.tried
        stand.assert_idle()

    play(story)


def test_stopping_without_grace_forgets_nothing() -> None:
    """Attempts that have not even begun to run are brought to an end too."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(1.0)
        for _ in range(3):
            result = await stand.spool.admit([replace(stand.new(), lease_for=stand.gateway._parts.node)])
            stand.dispatcher.take(result[0].lease)  # type: ignore[union-attr, arg-type]
        await stand.gateway.stop(0.0)
        assert Carriage.LEASED not in await stand.carriages()
        assert Carriage.RELEASED not in await stand.carriages()
        stand.assert_idle()

    play(story)


def test_stopping_ends_even_if_the_spool_is_gone() -> None:
    """A spool that takes no settlement any more cannot keep a node from stopping; its leases lapse."""

    async def story(stand: Stand) -> None:
        stand["A"].always = takes(0.5)
        await stand.post(count=2)
        stand.spool.down.add("settle")
        await stand.gateway.stop(1.0)
        assert stand.loop.time() < 30

    play(story)
