"""Answers on their way: late, and in order."""

import asyncio
from typing import Any

from posthorse.lab.answers import CLOSE, AnswerQueue
from posthorse.lab.world.loop import WorldLoop, run_world


class Ear(asyncio.Transport):
    """Remembers when what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[float, bytes]] = []
        self.closed = False
        self.reading = True

    def write(self, data: Any) -> None:
        """Remember."""
        self.heard.append((asyncio.get_running_loop().time(), bytes(data)))

    def pause_reading(self) -> None:
        """Remember."""
        self.reading = False

    def resume_reading(self) -> None:
        """Remember."""
        self.reading = True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Remember."""
        self.closed = True


def test_a_quick_answer_never_overtakes_nor_hastens_a_slow_one() -> None:
    """The second waits for the first, and the first still takes its time."""

    async def story(loop: WorldLoop) -> list[tuple[float, bytes]]:
        del loop
        ear = Ear()
        answers = AnswerQueue(ear)
        answers.say(b"slow", 5.0)
        answers.say(b"quick", 0.0)
        answers.say(b"medium", 1.0)
        await asyncio.sleep(4)
        assert ear.heard == []
        await asyncio.sleep(4)
        answers.say(b"last", 0.0)
        return ear.heard

    for seed in range(5):
        assert run_world(story, seed) == [(5.0, b"slow"), (5.0, b"quick"), (5.0, b"medium"), (8.0, b"last")]


def test_what_is_gathered_leaves_in_one_piece_and_before_the_end() -> None:
    """Replies to one segment are one write; closing sends them first; afterwards nothing is said."""

    async def story(loop: WorldLoop) -> list[bytes]:
        del loop
        ear = Ear()
        answers = AnswerQueue(ear)
        answers.gather()
        answers.say(b"one ", 0)
        answers.say(b"two", 0)
        answers.flush()
        answers.gather()
        answers.say(b"bye", 0)
        answers.say(CLOSE, 0)
        answers.flush()
        answers.say(b"too late", 0)
        assert ear.closed
        return [piece for _, piece in ear.heard]

    assert run_world(story, 1) == [b"one two", b"bye"]
