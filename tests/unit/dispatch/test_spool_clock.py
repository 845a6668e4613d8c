"""The spool's clock as a node knows it, and mail that leaves on time although the node's own clock is wrong."""

import asyncio

import pytest

from posthorse.dispatch.spool_clock import SpoolClock
from posthorse.mail.carriage import Carriage
from posthorse.mail.stream import SECOND, Stream
from tests.unit.dispatch.scripted import refuses, swallows
from tests.unit.dispatch.stand import Stand, play


class HandClock:
    """A node's clock set by hand."""

    def __init__(self) -> None:
        self.wall_s, self.mono_s = 5_000.0, 10.0

    def now(self) -> int:
        """Wall clock."""
        return int(self.wall_s * SECOND)

    def monotonic(self) -> float:
        """Seconds."""
        return self.mono_s


def test_it_follows_the_spools_readings() -> None:
    """Half the way back is taken off; its own wall clock is all it has before the first reading."""
    own = HandClock()
    clock = SpoolClock(own)
    assert clock.now() == 5_000 * SECOND
    own.mono_s += 0.5
    clock.heard(4_700 * SECOND, 10.0)
    assert clock.now() == 4_700 * SECOND + SECOND // 4
    own.wall_s += 60
    assert clock.now() == 4_760 * SECOND + SECOND // 4
    assert clock.monotonic() == own.mono_s


@pytest.mark.parametrize(("at", "took_s"), [(0, 0.0), (4_700 * SECOND, 1.5)])
def test_a_reading_that_says_nothing_is_left_alone(at: int, took_s: float) -> None:
    """A spool that tells no time, or an answer that took too long, changes nothing."""
    own = HandClock()
    clock = SpoolClock(own)
    own.mono_s += took_s
    clock.heard(at, 10.0)
    assert clock.now() == 5_000 * SECOND


@pytest.mark.parametrize("skew_s", [-300, 300])
@pytest.mark.parametrize("stream", [Stream.URGENT, Stream.STANDARD])
def test_a_wrong_clock_neither_delays_nor_hurries_the_mail(skew_s: int, stream: Stream) -> None:
    """A node five minutes off fails over at once, and sends the second copy when the stream's rule says."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [refuses(), swallows]
        (message,) = await stand.post(stream)
        await asyncio.sleep(0.5)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER
        await stand.post(stream)
        await asyncio.sleep(100)
        first, second = stand.sent()[1:]
        elsewhere_s = 8 if stream is Stream.URGENT else 90
        assert elsewhere_s <= second[1] - first[1] < elsewhere_s + 1.6
        assert await stand.carriages() == {Carriage.HANDED_OVER: 2}

    play(story, skew_s=skew_s)
