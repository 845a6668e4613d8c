"""Attempts that come to no end: stopped before their release, parked after it, and bounded."""

import asyncio
from collections.abc import Mapping

import pytest

from posthorse.dispatch.dispatcher import Settings
from posthorse.mail.carriage import Carriage
from posthorse.mail.outcome import Fault, Outcome, Scope
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.providers.port import HandoverGroup, ReleaseGate
from tests.unit.dispatch.scripted import Scripted, hangs, swallows, takes
from tests.unit.dispatch.stand import A, B, Stand, play


def test_a_parked_attempt_frees_its_slot_for_the_next() -> None:
    """What waited for the slot starts at once, and the parked one no longer counts as waiting for an answer."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [swallows]
        _, second = await stand.post(Stream.BULK, count=2)
        await asyncio.sleep(10.4)
        assert (await stand.view(second)).carriage is Carriage.HANDED_OVER
        assert stand.courier.parked == 1
        assert stand.courier.released_ages_s(stand.dispatcher.ways[A]) == []

    play(story, Scripted(A), slots=1)


def test_an_attempt_is_cancelled_once_and_may_clean_up() -> None:
    """Closing a connection after the cancellation is not cancelled again at every tick."""
    cancelled = []

    async def story(stand: Stand) -> None:
        async def cleans_up(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            try:
                return await hangs(group, gate)
            except asyncio.CancelledError:
                cancelled.append(stand.loop.time())
                await asyncio.sleep(2.0)
                cancelled.append(stand.loop.time())
                raise

        stand["A"].script = [cleans_up]
        (message,) = await stand.post()
        await asyncio.sleep(50)
        assert (await stand.view(message)).carriage is Carriage.HANDED_OVER

    play(story)
    began, ended = cancelled
    assert ended - began == 2.0


def test_an_attempt_that_never_gets_to_its_release_is_stopped() -> None:
    """After 45 s, and one for its recipient, it is cancelled, its slot is free, and the mail goes to the next one."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [hangs]
        (message,) = await stand.post()
        await asyncio.sleep(47)
        view = await stand.view(message)
        assert (view.carriage, view.provider) == (Carriage.HANDED_OVER, B)
        assert stand.told.attempts[0] == (A, Fault(scope=Scope.CHANNEL, reply=stand.told.attempts[0][1].reply))
        stand.assert_idle()

    play(story)


def test_our_own_slow_spool_is_not_the_providers_fault() -> None:
    """An attempt stopped while its mark was being committed speaks about us: same provider, standing untouched."""

    async def story(stand: Stand) -> None:
        stand.spool.slow["release"] = 100.0
        await stand.post()
        await asyncio.sleep(50)
        stand.spool.slow.clear()
        await asyncio.sleep(200)
        assert {outcome.scope for name, outcome in stand.told.attempts if isinstance(outcome, Fault)} == {Scope.US}
        assert not stand["B"].seen
        assert stand.told.changes == []
        assert await stand.carriages() == {Carriage.HANDED_OVER: 1}

    play(story)


def test_parked_attempts_are_bounded() -> None:
    """Beyond the limit the oldest is given up; its recipient stays in doubt."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        for _ in range(3):
            await stand.post(Stream.ONCE, count=2)
            await asyncio.sleep(20)
        assert stand.courier.parked == 2
        assert await stand.carriages() == {Carriage.IN_DOUBT: 6}
        assert stand["A"].at_once == 2

    play(story, Scripted(A), settings=Settings(parked=2))


def test_what_parked_attempts_keep_in_memory_is_bounded() -> None:
    """Large messages are given up earlier: together no more than 64 MiB, but always one."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        body = bytes(30 << 20)
        for kept in (1, 2, 2):
            await stand.post(Stream.ONCE, body=body)
            await asyncio.sleep(20)
            assert stand.courier.parked == stand["A"].at_once == kept
        await asyncio.sleep(600)
        assert stand.courier.parked == 0
        assert stand.courier._parked_bytes == 0

    play(story, Scripted(A, large=True))


def test_a_parked_attempt_is_given_up_after_ten_minutes() -> None:
    """The answer to the final dot may take ten minutes (RFC 5321 4.5.3.2.6), and no longer."""

    async def story(stand: Stand) -> None:
        stand["A"].script = [takes(590.0), takes(610.0)]
        heard, unheard = await stand.post(Stream.ONCE, count=2)
        await asyncio.sleep(620)
        assert (await stand.view(heard)).carriage is Carriage.HANDED_OVER
        assert (await stand.view(unheard)).carriage is Carriage.IN_DOUBT
        assert stand.courier.parked == 0

    play(story)


def test_of_a_parked_group_those_left_out_of_the_release_are_tried_again() -> None:
    """Whoever was refused before the release was not sent, so the hanging answer does not hold it back."""

    async def story(stand: Stand) -> None:
        async def behave(group: HandoverGroup, gate: ReleaseGate) -> Mapping[int, Outcome]:
            await gate([0])
            return await swallows(group, gate)

        stand["A"].script = [behave]
        (message,) = await stand.post(Stream.ONCE, recipients=2)
        await asyncio.sleep(20)
        views = await stand.views(message)
        assert [view.carriage for view in views] == [Carriage.IN_DOUBT, Carriage.HANDED_OVER]

    play(story)


def test_a_stall_trips_long_before_the_answers_time_out() -> None:
    """Many released attempts and no answer at all: the provider is left within seconds, what waits goes elsewhere."""

    async def story(stand: Stand) -> None:
        await stand.post(count=3)
        await asyncio.sleep(1)
        stand["A"].always = swallows
        await stand.post(count=8)
        await asyncio.sleep(3)
        (change,) = stand.told.changes
        assert change[:2] == (A, StandingState.EJECTED)
        assert "no answer comes" in change[2]
        await stand.post(count=4)
        await asyncio.sleep(0.5)
        assert len(stand["B"].seen) == 4 + 2
        stand["A"].always = takes()

    play(story, slots=6)


@pytest.mark.parametrize("call", ["sweep", "lease"])
def test_a_hung_spool_call_delays_no_parking(call: str) -> None:
    """While the supply waits for the spool, attempts without an answer are parked on time all the same."""

    async def story(stand: Stand) -> None:
        stand["A"].always = swallows
        stand.spool.slow[call] = 300.0
        stand.dispatcher.due(Stream.BULK, 0)
        await asyncio.sleep(2)
        await stand.post(Stream.URGENT)
        await asyncio.sleep(7.9)
        assert (stand.told.parks, stand.dispatcher.ways[A].busy) == ([], 1)
        await asyncio.sleep(0.6)
        assert (stand.told.parks, stand.dispatcher.ways[A].busy) == ([A], 0)

    play(story)
