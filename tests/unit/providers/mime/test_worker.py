"""Messages taken apart in the process made for it: its limits hold, and what it is asked costs nobody else."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.bounded_worker import ChildWorkers
from posthorse.daemon.node import MIME_WORKER
from posthorse.mail.ids import MessageId
from posthorse.mail.ports import NoAnswer
from posthorse.providers.mime import dissector as dissector_module
from posthorse.providers.mime.dissection import Dissected, Undissected, packed
from posthorse.providers.mime.dissector import Dissector
from tests.unit.providers.mime.test_dissect import HOSTILE, expanded

Run = Callable[[Coroutine[Any, Any, None]], None]

SPOILT = """
from posthorse.providers.mime import __main__ as process
from posthorse.providers.mime.dissection import Undissected
def spoilt(content):
    if content == b"spin":
        while True:
            pass
    if content == b"eat":
        bytearray(1 << 30)
    if content == b"bug":
        raise ZeroDivisionError
    if content == b"write":
        open(FILE, "wb").write(b"x")
    return Undissected(why="fine")
process.dissect = spoilt
process.CPU_S = 0
process.main()
"""
HEAD = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


@pytest.fixture
def spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The process with a parser that does what must not be."""
    (tmp_path / "spoilt_process.py").write_text(SPOILT.replace("FILE", repr(str(tmp_path / "written"))))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return "spoilt_process"


def number(n: int) -> MessageId:
    """An id."""
    return MessageId(n.to_bytes(16, "big"))


@pytest.mark.thorough
def test_the_limits_hold_and_the_next_message_is_read(spoilt: str, run: Run, tmp_path: Path) -> None:
    """Time, memory, a bug, a file: each costs that message only."""

    async def story() -> None:
        workers = ChildWorkers(spoilt, processes=1)
        dissector = Dissector(workers)
        try:
            said = {}
            for n, content in enumerate((b"spin", b"eat", b"bug", b"write", b"fine")):
                dissection = await dissector.dissect(number(n), content)
                assert isinstance(dissection, Undissected)
                said[content] = dissection.why
            assert said == {
                b"spin": "a message that cannot be taken apart within the limits (the worker was ended by SIGXCPU)",
                b"eat": "a message that takes too much memory",
                b"bug": "a message that cannot be read (ZeroDivisionError)",
                b"write": "fine",
                b"fine": "fine",
            }
            assert not (tmp_path / "written").read_bytes()
        finally:
            await workers.close()

    run(story())


def test_hostile_messages_are_answered_by_the_process(run: Run) -> None:
    """All of the hostile data, through one process that stays alive."""

    async def story() -> None:
        workers = ChildWorkers(MIME_WORKER, processes=1)
        dissector = Dissector(workers)
        try:
            await workers.warm()
            pids = workers.pids
            for n, row in enumerate(HOSTILE):
                dissection = await dissector.dissect(number(n), expanded(row["mail"]))
                assert isinstance(dissection, Undissected) == ("unfit" in row), row["id"]
            assert workers.pids == pids
        finally:
            await workers.close()

    run(story())


@pytest.mark.thorough
def test_a_large_message_never_holds_up_the_loop(run: Run, no_old_garbage: None) -> None:
    """29 MB with a file in it: taken apart within the limit of memory, while others have their turns."""
    line = b"QUJD" * 19 + b"\r\n"
    content = b"".join(
        (
            HEAD,
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n",
            b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            line * (29_000_000 // len(line)),
            b"--b--\r\n",
        )
    )

    async def story() -> None:
        workers = ChildWorkers(MIME_WORKER, processes=1)
        gaps: list[float] = []

        async def watch() -> None:
            loop = asyncio.get_running_loop()
            while True:
                begin_s = loop.time()
                await asyncio.sleep(0.001)
                gaps.append(loop.time() - begin_s)

        watching = asyncio.create_task(watch())
        try:
            dissection = await Dissector(workers).dissect(number(1), content)
            assert isinstance(dissection, Dissected), dissection
            assert len(dissection.files[0].content) == content.count(b"QUJD") * 4
            assert sorted(gaps)[-2] < 0.05  # one may be the machine's
        finally:
            watching.cancel()
            await workers.close()

    run(story())


class Scripted:
    """A worker that says what it is told and counts."""

    def __init__(self, *answers: bytes | NoAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []

    async def ask(self, question: bytes) -> bytes:
        """As the port says."""
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer


def test_an_answer_is_remembered_until_there_is_no_room(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between survey and attempt nothing is asked twice; the oldest goes first; what is forgotten is asked again."""
    monkeypatch.setattr(dissector_module, "KEPT_BYTES", 2_500)

    async def story() -> None:
        worker = Scripted(*[packed(Undissected(why=str(n))) for n in range(6)])
        dissector = Dissector(worker)
        for n in (1, 1, 2, 1, 3):
            await dissector.dissect(number(n), bytes([n]))
        assert worker.asked == [b"\1", b"\2", b"\3"]
        await dissector.dissect(number(2), b"\2")
        dissector.forget(number(2))
        dissector.forget(number(9))
        await dissector.dissect(number(2), b"\2")
        assert worker.asked == [b"\1", b"\2", b"\3", b"\2", b"\2"]

    run(story())


def test_our_own_trouble_is_raised_and_not_remembered(run: Run) -> None:
    """No worker now: nothing is known of the message, so it is asked about again."""

    async def story() -> None:
        worker = Scripted(NoAnswer("no process", ours=True), NoAnswer("died"), b"\xc1")
        dissector = Dissector(worker)
        with pytest.raises(NoAnswer):
            await dissector.dissect(number(1), b"x")
        first = await dissector.dissect(number(1), b"x")
        assert first == Undissected(why="a message that cannot be taken apart within the limits (died)")
        assert await dissector.dissect(number(2), b"x") == Undissected(why="a message that cannot be taken apart")

    run(story())
