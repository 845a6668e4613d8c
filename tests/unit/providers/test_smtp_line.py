"""How long a line to an SMTP server waits for replies, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar, cast

import pytest

from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.providers.smtp_line import LineFailed, SmtpLine

T = TypeVar("T")


class _Nothing(asyncio.Transport):
    def write(self, data: Any) -> None: ...
    def abort(self) -> None: ...


def play(story: Callable[[SmtpLine, WorldLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a story with a line that only the story itself answers."""

    async def main(loop: WorldLoop) -> T:
        line = SmtpLine()
        line.transport = cast(asyncio.Transport, _Nothing())
        return await story(line, loop)

    return run_world(main, 1)


def answer(line: SmtpLine, loop: WorldLoop, parts: Sequence[tuple[float, bytes]]) -> None:
    """The server says each of these so many seconds from now."""
    for after_s, part in parts:
        loop.call_later(after_s, line.data_received, part)


def test_the_time_to_answer_begins_anew_with_each_reply() -> None:
    """Many commands sent at once may together take longer than one of them may (RFC 5321 section 4.5.3.2)."""

    async def story(line: SmtpLine, loop: WorldLoop) -> None:
        answer(line, loop, [(9.0 * n, b"250 ok\r\n") for n in range(1, 6)])
        replies = await line.say(b"MAIL and RCPT and DATA", 5, 10.0)
        assert ([reply.code for reply in replies], loop.time()) == ([250] * 5, 45.0)
        await asyncio.sleep(60)
        assert line.usable

    play(story)


def test_a_pause_after_a_reply_ends_the_line() -> None:
    """What was answered before is known; the rest is silence, `within_s` after the last reply."""

    async def story(line: SmtpLine, loop: WorldLoop) -> None:
        answer(line, loop, [(9.0, b"250 ok\r\n"), (20.0, b"250 ok\r\n")])
        with pytest.raises(LineFailed, match="no answer within 10 s") as failed:
            await line.say(b"MAIL and RCPT", 2, 10.0)
        assert [reply.code for reply in failed.value.replies] == [250]
        assert (failed.value.reply.code, loop.time()) == (0, 19.0)

    play(story)


def test_pieces_of_a_reply_win_no_time() -> None:
    """Only a complete reply is progress: a server that drips bytes is left like a silent one."""

    async def story(line: SmtpLine, loop: WorldLoop) -> None:
        answer(line, loop, [(float(n), b"250-x\r\n" if n % 2 else b"2") for n in (1, 3, 5, 7, 9, 11)])
        with pytest.raises(LineFailed):
            await line.say(b"EHLO", 1, 10.0)
        assert loop.time() == 10.0

    play(story)
