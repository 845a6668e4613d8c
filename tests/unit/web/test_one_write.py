"""Answers leave in one write, and nothing else about a connection changes."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from posthorse.web.one_write import OneWrite

Run = Callable[[Coroutine[Any, Any, Any]], Any]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"


class Wire:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.ended_after: int | None = None

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.ended_after = len(self.writes)

    def is_closing(self) -> bool:
        return self.ended_after is not None


def joined(wire: Wire) -> OneWrite:
    """The transport under test around the one that remembers."""
    return OneWrite(cast(asyncio.Transport, wire), asyncio.get_running_loop())


def test_head_and_body_of_one_turn_are_one_write(run: Run) -> None:
    """Two answers one after the other are two writes, not four."""

    async def story() -> None:
        wire = Wire()
        transport = joined(wire)
        for body in (b"hello", b"world"):
            transport.write(HEAD)
            transport.write(body)
        assert wire.writes == [HEAD + b"hello", HEAD + b"world"]

    run(story())


def test_a_head_whose_body_is_late_does_not_wait_for_it(run: Run) -> None:
    """A page that streams shows its head, and a client that waits for a 100 gets it."""

    async def story() -> None:
        wire = Wire()
        transport = joined(wire)
        transport.write(HEAD)
        assert wire.writes == []
        await asyncio.sleep(0)
        assert wire.writes == [HEAD]
        transport.write(b"hello")
        assert wire.writes == [HEAD, b"hello"]

    run(story())


def test_closing_sends_what_is_held_first(run: Run) -> None:
    """An answer without a body is not lost with its connection."""

    async def story() -> None:
        wire = Wire()
        transport = joined(wire)
        transport.write(HEAD)
        transport.close()
        await asyncio.sleep(0)
        assert (wire.writes, wire.ended_after) == ([HEAD], 1)
        assert transport.is_closing()

    run(story())
