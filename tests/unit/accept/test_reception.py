"""Room for bodies: whose callers are known, and strangers'."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from posthorse.accept.reception import Incoming, NotReceived, Reception, ReceptionLimits, Why
from posthorse.asgi import Receive
from posthorse.mail.large import LARGE_BYTES

MIB = 1 << 20
LIMITS = ReceptionLimits(room_bytes=8 * MIB, strangers_bytes=4 * MIB, stranger_bytes=2 * MIB, least_bytes_per_s=0.0)


def sent(*pieces: bytes, ends: bool = True) -> Receive:
    """A client that sends these, and then nothing more if it does not end."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if not left and not ends:
            await asyncio.Event().wait()
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left) or not ends}

    return receive


async def fill(reception: Reception, declared: Sequence[tuple[str, int]]) -> list[Why | None]:
    """What becomes of bodies that are announced by these strangers, one after the other, and never end."""
    answers: list[Why | None] = []
    held: list[Incoming] = []
    reading = []
    for stranger, declared_bytes in declared:
        incoming = reception.begin(8 * MIB).__enter__()
        held.append(incoming)
        task = asyncio.ensure_future(incoming.read(sent(ends=False), declared_bytes, stranger))
        await asyncio.sleep(0)
        answers.append(_why(task.exception()) if task.done() else None)
        reading.append(task)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    for incoming in held:
        incoming.__exit__(None, None, None)
    return answers


def _why(error: BaseException | None) -> Why:
    assert isinstance(error, NotReceived)
    return error.why


def test_one_address_has_its_part_and_all_have_theirs() -> None:
    """What is announced is taken at once; a small body finds room where a large one does not."""
    reception = Reception(LIMITS)
    small, large = LARGE_BYTES, MIB
    story = [("a", large), ("a", large), ("b", large), ("c", large), ("d", large), ("d", small), ("a", small)]
    answers = asyncio.run(fill(reception, story))
    assert answers == [None, Why.BUSY, None, None, Why.BUSY, None, None]
    assert reception.strangers_bytes == reception.held_bytes == reception.open_now == 0


def test_stranger_who_announces_nothing_is_counted_as_it_sends() -> None:
    """Its part ends where it would have ended with a length."""

    async def story() -> None:
        reception = Reception(LIMITS)
        with pytest.raises(NotReceived) as refused, reception.begin(8 * MIB) as incoming:
            await incoming.read(sent(*[b"x" * 100_000] * 30), 0, "a")
        assert refused.value.why is Why.BUSY
        assert reception.strangers_bytes == 0

    asyncio.run(story())


def test_stranger_becomes_known_with_its_body() -> None:
    """From then on it is a load, until its request has ended; without room for it, it comes back later."""

    async def story() -> None:
        reception = Reception(LIMITS)
        with reception.begin(8 * MIB) as incoming:
            await incoming.read(sent(b"x" * 1_000), 1_000, "a")
            assert (reception.strangers_bytes, reception.held_bytes) == (1_000, 0)
            incoming.known()
            assert (reception.strangers_bytes, reception.held_bytes) == (0, 1_000)
        assert reception.held_bytes == 0
        with reception.begin(8 * MIB) as incoming:
            await incoming.read(sent(b"x" * 1_000), 1_000, "a")
            reception.held_bytes += 8 * MIB
            with pytest.raises(NotReceived):
                incoming.known()
        assert reception.held_bytes == 8 * MIB

    asyncio.run(story())


def test_body_keeps_a_pace() -> None:
    """Who sends just enough never to be idle is given up all the same."""

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def story() -> None:
        reception = Reception(ReceptionLimits(idle_s=0.05, least_bytes_per_s=100_000.0))
        with pytest.raises(NotReceived) as refused, reception.begin(MIB) as incoming:
            await incoming.read(drip, 1_000, "a")
        assert refused.value.why is Why.TOO_SLOW

    asyncio.run(story())
