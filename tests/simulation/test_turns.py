"""Two providers fail in turn: mail moves back to the one that is well again, however long its pause still is."""

import asyncio
from itertools import product

import pytest

from posthorse.lab.world.patience import applies
from posthorse.lab.world.play import PROVIDERS
from posthorse.lab.world.weather import forecast
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from tests.unit.dispatch.scripted import Scripted, refuses, takes
from tests.unit.dispatch.stand import A, B, Stand, play

MOVED_WITHIN_S = 10.0
"""From the second provider's death, or from acceptance, to the release at the first: two probes' time."""


@pytest.mark.parametrize(
    ("stream", "per_s", "trips"),
    list(product((Stream.URGENT, Stream.STANDARD, Stream.BULK), (0.2, 2.0, 20.0), (1, 10))),
    ids=lambda value: str(getattr(value, "value", value)),
)
def test_mail_moves_back_although_the_first_is_ejected(stream: Stream, per_s: float, trips: int) -> None:
    """A fails and is well again; a second later B fails for good: nothing waits for A's pause, a backoff or a ramp."""

    async def story(stand: Stand) -> None:
        a, b = stand.providers[A], stand.providers[B]
        standings = stand.gateway.watcher.standings
        a.always = refuses(after_s=0.01)
        while stand.told.changes.count((A, StandingState.EJECTED, "it did not pass its trial")) < trips - 1:
            await stand.post(Stream.STANDARD, count=5)
            await asyncio.sleep(2)
        await stand.post(Stream.STANDARD, count=5)
        await asyncio.sleep(1)
        a.always = takes(0.05)
        assert standings.state(A, stand.loop.time()) is StandingState.EJECTED
        await asyncio.sleep(1)
        b.always = refuses(after_s=0.01)
        died_s = stand.loop.time()
        accepted_s = {}
        for _ in range(round(30 * per_s)):
            (one,) = await stand.post(stream)
            accepted_s[one] = stand.loop.time()
            await asyncio.sleep(1 / per_s)
        await asyncio.sleep(MOVED_WITHIN_S)
        moved_s = {message: at_s for name, at_s, message in stand.sent() if name == A and at_s > died_s}
        assert moved_s.keys() >= accepted_s.keys()
        waited = sorted(moved_s[one] - at_s for one, at_s in accepted_s.items())
        assert waited[-1] < MOVED_WITHIN_S

    play(story, Scripted(A), Scripted(B), slots=20, max_steps=5_000_000)


def test_a_single_message_that_the_open_one_fails_is_itself_the_probe() -> None:
    """With the other one tried in vain nobody is left for it but the ejected one: it waits for no more failures."""

    async def story(stand: Stand) -> None:
        stand[A].always = refuses(after_s=0.01)
        await stand.post(count=5)
        await asyncio.sleep(6)
        stand[A].always = takes(0.05)
        stand[B].always = refuses(after_s=0.01)
        (one,) = await stand.post()
        asked_s = stand.loop.time()
        await asyncio.sleep(1)
        ((name, at_s, _),) = [sent for sent in stand.sent() if sent[2] == one]
        assert name == A
        assert at_s - asked_s < 0.1
        assert (A, StandingState.ON_TRIAL, "it took a probe") in stand.told.changes
        assert len(stand[B].seen) == 6

    play(story)


def test_an_ejected_one_that_is_still_dead_gets_few_such_probes() -> None:
    """However much mail the open one fails now and then, at most one message every five seconds tries the other."""

    async def story(stand: Stand) -> None:
        stand[A].always = refuses(after_s=0.01)
        await stand.post(count=5)
        before = len(stand[A].seen)
        for number in range(200):
            stand[B].always = takes() if number % 3 else refuses()
            await stand.post()
            await asyncio.sleep(0.1)
        assert 3 <= len(stand[A].seen) - before <= 5

    play(story)


@pytest.mark.parametrize("seed", range(5, 205, 10))
def test_in_every_tenth_world_the_providers_fail_in_turn(seed: int) -> None:
    """One is well from the second one's death on, and was not before; mail waiting there is a violation of I10."""
    weather = forecast(seed, ("node-a",), tuple(PROVIDERS))
    assert applies(weather)
    until_s = {happening.who[0]: happening.at_s + happening.for_s for happening in weather}
    last = weather[-1]
    (well,) = [name for name, end_s in until_s.items() if end_s < last.at_s]
    assert 0.9 < last.at_s - until_s[well] < 1.1
    assert [until_s[name] - last.at_s > 45 for name in PROVIDERS if name != well] == [True, True]
