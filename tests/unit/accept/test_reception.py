"""Room for bodies: whose callers are known, and whose are not yet."""

import asyncio
from typing import Any

import pytest

from posthorse.accept.reception import Incoming, NotReceived, Reception, ReceptionLimits, Why
from posthorse.asgi import Receive
from posthorse.mail.large import LARGE_BYTES
from tests.unit.feedback.kit import HandClock

MIB = 1 << 20
LIMITS = ReceptionLimits(room_bytes=24 * MIB, unverified_bytes=12 * MIB, least_bytes_per_s=0.0)


def sent(*pieces: bytes, ends: bool = True) -> Receive:
    """A client that sends these, and then nothing more if it does not end."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if not left and not ends:
            await asyncio.Event().wait()
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left) or not ends}

    return receive


class Sending:
    """Requests that send so much of a body that is announced, and never its end."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._open: list[tuple[Incoming, asyncio.Task[None]]] = []

    async def __call__(self, site: str, size_bytes: int, announced_bytes: int = 0) -> bool:
        """One more; whether there was room for what it sent."""
        incoming = self._reception.begin(24 * MIB).__enter__()
        body = sent(b"x" * size_bytes, ends=False)
        task = asyncio.ensure_future(incoming.read(body, announced_bytes or size_bytes, site))
        self._open.append((incoming, task))
        for _ in range(3):
            await asyncio.sleep(0)
        if not task.done():
            return True
        error = task.exception()
        assert isinstance(error, NotReceived)
        assert error.why is Why.BUSY
        return False

    async def end(self) -> None:
        """All of them end; nothing is held then."""
        for incoming, task in self._open:
            task.cancel()
            incoming.__exit__(None, None, None)
        await asyncio.gather(*(task for _, task in self._open), return_exceptions=True)
        self._open.clear()
        reception = self._reception
        assert reception.unverified.held_bytes == reception.held_bytes == reception.open_now == 0


async def proves_itself(reception: Reception, site: str) -> None:
    """A body comes from there and is verified."""
    with reception.begin(MIB) as incoming:
        await incoming.read(sent(b"x"), 1, site)
        incoming.known()


def test_one_stranger_has_its_part_and_all_have_theirs() -> None:
    """Half of the room, and two thirds of it; a small body finds room where a large one does not."""

    async def story() -> None:
        reception = Reception(HandClock(), LIMITS)
        sends = Sending(reception)
        assert await sends("a", 4 * MIB)
        assert not await sends("a", MIB)
        assert await sends("b", 2 * MIB)
        assert not await sends("c", MIB)
        assert await sends("c", LARGE_BYTES)
        assert await sends("a", LARGE_BYTES)
        await sends.end()

    asyncio.run(story())


def test_what_is_announced_takes_no_room() -> None:
    """However many announce however much: what counts is what came."""

    async def story() -> None:
        reception = Reception(HandClock(), LIMITS)
        sends = Sending(reception)
        for _ in range(100):
            assert await sends("a", 1_000, announced_bytes=24 * MIB)
        assert reception.unverified.held_bytes == 100_000
        assert await sends("a", 3 * MIB)
        await sends.end()

    asyncio.run(story())


def test_who_proved_itself_finds_room_however_much_strangers_hold() -> None:
    """A part of the room is never theirs; nor has one proven site all of it."""

    async def story() -> None:
        reception = Reception(HandClock(), LIMITS)
        await proves_itself(reception, "app")
        sends = Sending(reception)
        for site in ("a", "b", "c"):
            while await sends(site, LARGE_BYTES):
                pass
        assert reception.unverified.held_bytes == 8 * MIB
        assert await sends("app", LARGE_BYTES + 1)
        await sends.end()
        for _ in range(6):
            assert await sends("app", MIB)
        assert not await sends("app", MIB)
        await sends.end()

    asyncio.run(story())


def test_stranger_who_announces_nothing_is_counted_as_it_sends() -> None:
    """Its part ends where it would have ended with a length."""

    async def story() -> None:
        reception = Reception(HandClock(), LIMITS)
        with pytest.raises(NotReceived) as refused, reception.begin(24 * MIB) as incoming:
            await incoming.read(sent(*[b"x" * 100_000] * 60), 0, "a")
        assert refused.value.why is Why.BUSY
        assert reception.unverified.held_bytes == 0

    asyncio.run(story())


def test_stranger_becomes_known_with_its_body() -> None:
    """From then on it is a load, until its request has ended; without room for it, it comes back later."""

    async def story() -> None:
        reception = Reception(HandClock(), LIMITS)
        with reception.begin(8 * MIB) as incoming:
            await incoming.read(sent(b"x" * 1_000), 1_000, "a")
            assert (reception.unverified.held_bytes, reception.held_bytes) == (1_000, 0)
            incoming.known()
            assert (reception.unverified.held_bytes, reception.held_bytes) == (0, 1_000)
        assert reception.held_bytes == 0
        with reception.begin(8 * MIB) as incoming:
            await incoming.read(sent(b"x" * 1_000), 1_000, "a")
            reception.held_bytes += 24 * MIB
            with pytest.raises(NotReceived):
                incoming.known()
        assert reception.held_bytes == 24 * MIB

    asyncio.run(story())


def test_body_keeps_a_pace() -> None:
    """Who sends just enough never to be idle is given up all the same."""

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def story() -> None:
        reception = Reception(HandClock(), ReceptionLimits(idle_s=0.05, least_bytes_per_s=100_000.0))
        with pytest.raises(NotReceived) as refused, reception.begin(MIB) as incoming:
            await incoming.read(drip, 1_000, "a")
        assert refused.value.why is Why.TOO_SLOW

    asyncio.run(story())
