"""A long outage of everybody, and how soon mail leaves after it."""

import asyncio

import pytest

from posthorse.mail.stream import Stream
from tests.unit.dispatch.scripted import Scripted, refuses, takes
from tests.unit.dispatch.stand import A, B, Stand, play


@pytest.mark.parametrize("minutes", [30, 120])
def test_after_a_long_time_of_nobody_the_queue_drains_within_half_a_minute(minutes: int) -> None:
    """Probes find out within seconds, and what waits follows at once, not when a pause or a backoff ends."""

    async def story(stand: Stand) -> None:
        for provider in stand.providers.values():
            provider.always = refuses(after_s=0.05)
        await stand.queue(Stream.STANDARD, count=200)
        await asyncio.sleep(minutes * 60)
        assert not stand.sent()
        probes = sum(len(provider.seen) for provider in stand.providers.values())
        assert probes < 2 * minutes * 60 / 5 + 50, "the mail waits meanwhile"
        back_s = stand.loop.time()
        for provider in stand.providers.values():
            provider.always = takes(0.1)
        await asyncio.sleep(30)
        sent = [at_s - back_s for _, at_s, _ in stand.sent()]
        assert sent[0] < 6
        assert len(sent) == 200

    play(story, Scripted(A), Scripted(B), max_steps=20_000_000)
