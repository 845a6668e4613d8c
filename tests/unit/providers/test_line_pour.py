"""Writing something large to a line, in virtual time: bounded by what moves, not by how long it takes."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.providers.line import PIECE_BYTES, Line


class Link(asyncio.Transport):
    """A transport over a link that takes so many bytes a second, or stands still."""

    def __init__(self, line: Line, loop: WorldLoop, bytes_per_s: int) -> None:
        super().__init__()
        self.line = line
        self.loop = loop
        self.step = bytes_per_s
        self.most_held = 0
        self.left = bytearray()
        self.waiting = b""
        line.transport = self
        loop.call_later(1.0, self.flow)

    def write(self, data: Any) -> None:
        """Hold what the link has not taken."""
        self.waiting += bytes(data)
        self.most_held = max(self.most_held, len(self.waiting))
        if len(self.waiting) > PIECE_BYTES:
            self.line.pause_writing()

    def flow(self) -> None:
        """What a second brings."""
        self.left += self.waiting[: self.step]
        self.waiting = self.waiting[self.step :]
        if self.line.congested and len(self.waiting) <= PIECE_BYTES // 4:
            self.line.resume_writing()
        self.loop.call_later(1.0, self.flow)

    def get_write_buffer_size(self) -> int:
        """What the link has not taken."""
        return len(self.waiting)

    def abort(self) -> None: ...


def play(story: Callable[[Link], Coroutine[Any, Any, None]], bytes_per_s: int) -> None:
    """Run a story with a line over such a link."""

    async def main(loop: WorldLoop) -> None:
        await story(Link(Line(), loop, bytes_per_s))

    run_world(main, 1)


BODY = bytes(range(256)) * 4_096
"""One megabyte."""


@pytest.mark.parametrize("bytes_per_s", [2_000, 20_000])
def test_it_takes_as_long_as_bytes_move(bytes_per_s: int) -> None:
    """All leaves in order, however slowly, and little more than two pieces are held at any time."""

    async def story(link: Link) -> None:
        await link.line.pour(memoryview(BODY), 10.0)
        assert not link.line.ended
        assert bytes(link.left) + link.waiting == BODY
        assert link.most_held <= 2 * PIECE_BYTES
        least_s = (len(BODY) - 2 * PIECE_BYTES) / bytes_per_s
        assert least_s <= link.loop.time() < len(BODY) / bytes_per_s + 1.0

    play(story, bytes_per_s)


def test_what_stands_still_ends_the_line() -> None:
    """`within_s` after the last byte that left, not after the beginning."""

    async def story(link: Link) -> None:
        link.loop.call_later(30.5, setattr, link, "step", 0)
        await link.line.pour(BODY, 10.0)
        assert link.line.ended == "nothing taken within 10 s"
        assert len(link.left) == 30 * 5_000
        assert 40.0 <= link.loop.time() <= 50.0

    play(story, 5_000)


def test_nothing_more_is_said_to_a_line_that_is_over() -> None:
    """It ended by itself: what is left is not written."""

    async def story(link: Link) -> None:
        link.loop.call_later(20.0, link.line.connection_lost, None)
        await link.line.pour(BODY, 10.0)
        assert link.loop.time() == 20.0
        assert len(link.left) + len(link.waiting) < len(BODY)

    play(story, 5_000)


def test_others_have_their_turns_when_all_is_taken_at_once() -> None:
    """A network as fast as memory never holds the line up, so it gives way by itself."""

    async def story(link: Link) -> None:
        link.write = link.left.extend  # type: ignore[method-assign, assignment]
        others = [asyncio.ensure_future(asyncio.sleep(0)) for _ in range(5)]
        await link.line.pour(BODY, 10.0)
        assert link.left == BODY
        assert all(other.done() for other in others)

    play(story, 1)
