"""Bodies and answers of ASGI."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from posthorse.asgi import ClientGone, Receive, answer, declared_bytes, read_body

Message = MutableMapping[str, Any]


def piece(body: bytes, *, more: bool = True) -> Message:
    """One piece of a body as a server hands it over."""
    return {"type": "http.request", "body": body, "more_body": more}


def after(delay_s: float, *messages: Message) -> Receive:
    """Each message after a delay; then nothing ever comes."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(delay_s)
        return left.pop(0)

    return receive


def read(receive: Receive, idle_s: float = 5.0, whole_s: float = 5.0) -> list[bytes]:
    """The pieces that were handed over."""
    taken: list[bytes] = []
    asyncio.run(read_body(receive, taken.append, idle_s=idle_s, whole_s=whole_s))
    return taken


def test_every_piece_is_handed_over_in_order() -> None:
    """Also where a server leaves out what has its default."""
    assert read(after(0, piece(b"a"), piece(b"b"), {"type": "http.request"})) == [b"a", b"b", b""]


def test_a_client_that_leaves_is_told_apart_from_one_that_ends() -> None:
    """A body that is cut off is none."""
    with pytest.raises(ClientGone):
        read(after(0, piece(b"a"), {"type": "http.disconnect"}))


def test_a_client_that_falls_silent_is_given_up() -> None:
    """Pieces without a byte are silence, too."""
    with pytest.raises(TimeoutError):
        read(after(0, piece(b"a")), idle_s=0.01)
    with pytest.raises(TimeoutError):
        read(after(0.004, *[piece(b"")] * 50), idle_s=0.02)


def test_a_client_that_trickles_is_given_up_in_the_end() -> None:
    """Each byte comes in time, the body does not."""
    with pytest.raises(TimeoutError):
        read(after(0.005, *[piece(b"a")] * 50), idle_s=1.0, whole_s=0.03)


@pytest.mark.thorough
def test_a_client_that_keeps_no_pace_is_given_up() -> None:
    """Long before the whole time is over; one that does is not."""
    fast = after(0.005, *[piece(b"a" * 100)] * 20, piece(b"", more=False))
    asyncio.run(read_body(fast, list[bytes]().append, idle_s=0.1, whole_s=9.0, least_bytes_per_s=2_000.0))
    slow = after(0.005, *[piece(b"a")] * 100)
    with pytest.raises(TimeoutError):
        asyncio.run(read_body(slow, list[bytes]().append, idle_s=0.1, whole_s=9.0, least_bytes_per_s=100.0))


def test_what_the_reader_raises_ends_the_reading() -> None:
    """A reader that has enough is not asked again."""
    taken: list[bytes] = []

    def take(content: bytes) -> None:
        taken.append(content)
        raise OverflowError

    with pytest.raises(OverflowError):
        asyncio.run(read_body(after(0, piece(b"a"), piece(b"b")), take, idle_s=1.0, whole_s=1.0))
    assert taken == [b"a"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [(b"0", 0), (b"17", 17), (b"", None), (b"-1", None), (b"1e3", None), (b"9" * 16, None), ("٣".encode(), None)],
)
def test_a_length_is_digits_and_not_too_many(said: bytes, meant: int | None) -> None:
    """Everything else declares nothing."""
    assert declared_bytes(said) == meant


def test_an_answer_to_head_has_the_length_and_no_body() -> None:
    """RFC 9110 section 9.3.2."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(answer(send, 200, b"four", "text/plain", (b"x-more", b"1"), head=True))
    assert (b"content-length", b"4") in sent[0]["headers"]
    assert sent[0]["headers"][-1] == (b"x-more", b"1")
    assert [message.get("body", b"") for message in sent] == [b"", b""]
