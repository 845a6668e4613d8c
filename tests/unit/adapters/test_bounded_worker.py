"""Children that answer questions within limits: real processes."""

import ast
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from posthorse.adapters import bounded_worker
from posthorse.adapters.bounded_worker import ChildWorkers, Failure, Told
from posthorse.mail.ports import NoAnswer
from tests.thorough import first_quick

Run = Callable[[Coroutine[Any, Any, None]], None]

CHILD = """
import os, sys, time
source, sink = sys.stdin.buffer, sys.stdout.buffer
def say(answer):
    sink.write(len(answer).to_bytes(8, "big") + answer)
    sink.flush()
say(b"")
while len(head := source.read(8)) == 8:
    word = source.read(int.from_bytes(head, "big"))
    if word == b"die":
        os.abort()
    elif word == b"hang":
        time.sleep(60)
    elif word == b"work":
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY))
        while True: pass
    elif word.startswith(b"signal "):
        os.kill(os.getpid(), int(word[7:]))
        time.sleep(60)
    elif word == b"stranger":
        import stranger
        say(stranger.__file__.encode())
    elif word == b"half":
        sink.write((10).to_bytes(8, "big") + b"half"); sink.flush(); os._exit(0)
    elif word == b"huge":
        sink.write((1 << 60).to_bytes(8, "big")); sink.flush()
    elif word == b"environment":
        say(repr(sorted(os.environ)).encode())
    elif word == b"once":
        if not os.path.exists(FLAG):
            open(FLAG, "w").close(); os.abort()
        say(b"second time")
    elif word.startswith(b"wait "):
        time.sleep(float(word[5:])); say(word)
    else:
        say(word[::-1])
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a child that does as it is told."""
    (tmp_path / "obedient_child.py").write_text(CHILD.replace("FLAG", repr(str(tmp_path / "flag"))))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setenv("A_SECRET", "x")
    return "obedient_child"


@asynccontextmanager
async def workers(
    module: str, *, processes: int = 1, wall_s: float = 20.0, told: Told = lambda failure, why: None
) -> AsyncIterator[ChildWorkers]:
    """Workers that are closed whatever happens."""
    made = ChildWorkers(module, processes=processes, wall_s=wall_s, told=told)
    try:
        yield made
    finally:
        await made.close()
        assert made.pids == []


def test_questions_are_answered_in_order_by_one_warm_child(module: str, run: Run) -> None:
    """Small and large questions, many at once: each gets its own answer, from the same process."""

    async def story() -> None:
        async with workers(module) as made:
            await made.warm()
            (pid,) = made.pids
            questions = [str(n).encode() * (1 + 300_000 * (n % 5 == 0)) for n in range(30)]
            answers = await asyncio.gather(*(made.ask(question) for question in questions))
            assert answers == [question[::-1] for question in questions]
            assert made.pids == [pid]

    run(story())


@pytest.mark.parametrize("word", first_quick(3, ["die", "half", "huge", "work"]))
def test_a_question_that_breaks_the_child_twice_has_no_answer_and_others_have(word: str, module: str, run: Run) -> None:
    """A crash, an answer cut short or without bounds, too much work: it is the question's, and the next is well."""

    async def story() -> None:
        async with workers(module) as made:
            first = asyncio.create_task(made.ask(word.encode()))
            second = asyncio.create_task(made.ask(b"abc"))
            with pytest.raises(NoAnswer) as failed:
                await first
            assert not failed.value.ours
            assert made.trouble == ""
            assert await second == b"cba"

    run(story())


@pytest.mark.parametrize(
    ("word", "failure", "why"),
    [
        pytest.param("hang", Failure.LATE, "no answer within 0.5 s", marks=pytest.mark.thorough),
        pytest.param(f"signal {signal.SIGSTOP:d}", Failure.LATE, "no answer within 0.5 s", marks=pytest.mark.thorough),
        (f"signal {signal.SIGKILL:d}", Failure.ENDED, "the worker was ended by SIGKILL"),
        (f"signal {signal.SIGTERM:d}", Failure.ENDED, "the worker was ended by SIGTERM"),
    ],
)
def test_what_others_do_to_the_child_says_nothing_about_its_question(
    word: str, failure: Failure, why: str, module: str, run: Run
) -> None:
    """Killed, as by a machine without memory, or stopped: ours, told each time, and over with an answer."""

    async def story() -> None:
        heard: list[tuple[Failure, str]] = []
        async with workers(module, wall_s=0.5, told=lambda *what: heard.append(what)) as made:
            with pytest.raises(NoAnswer, match=why) as failed:
                await made.ask(word.encode())
            assert failed.value.ours
            assert heard == [(failure, why)] * 2
            assert made.trouble == why
            assert await made.ask(b"ab") == b"ba"
            assert made.trouble == ""

    run(story())


def test_no_code_is_run_from_the_working_directory(
    module: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules that lie there (even one that all import) are not seen, however we were started ourselves."""
    here = tmp_path / "anywhere"
    here.mkdir()
    for name in ("stranger", "msgspec", "struct"):
        (here / f"{name}.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", ["", str(here), *sys.path])

    async def story() -> None:
        async with workers(module) as made:
            assert await made.ask(b"ab") == b"ba"
            with pytest.raises(NoAnswer, match="ended with 1"):
                await made.ask(b"stranger")
        async with workers("posthorse.providers.mime") as made:
            assert b"s" in await made.ask(b"From: a@example.com\r\nTo: b@example.org\r\nSubject: s\r\n\r\nx\r\n")

    run(story())


def test_a_child_ended_by_somebody_else_costs_no_question(module: str, run: Run) -> None:
    """Killed while idle, or once over a question: a fresh one answers."""

    async def story() -> None:
        async with workers(module) as made:
            assert await made.ask(b"ab") == b"ba"
            os.kill(made.pids[0], signal.SIGKILL)
            assert await made.ask(b"cd") == b"dc"
            assert await made.ask(b"once") == b"second time"

    run(story())


def test_who_stops_waiting_puts_nobody_out_of_step(module: str, run: Run) -> None:
    """Cancelled before, during and after: the answers of the others are their own."""

    async def story() -> None:
        async with workers(module) as made:
            await made.warm()
            running = asyncio.create_task(made.ask(b"wait 0.2"))
            queued = asyncio.create_task(made.ask(b"never asked"))
            last = asyncio.create_task(made.ask(b"xyz"))
            await asyncio.sleep(0.05)
            running.cancel()
            queued.cancel()
            assert await last == b"zyx"
            assert await made.ask(b"uvw") == b"wvu"

    run(story())


def test_while_one_child_is_held_up_the_other_answers(module: str, run: Run) -> None:
    """Two processes: one slow question delays nobody else."""

    async def story() -> None:
        async with workers(module, processes=2) as made:
            slow = asyncio.create_task(made.ask(b"wait 30"))
            await asyncio.sleep(0.2)
            assert await made.ask(b"ab") == b"ba"
            assert not slow.done()
            slow.cancel()

    run(story())


def test_no_child_is_our_trouble_not_the_questions(run: Run) -> None:
    """A module that is not there: said as ours, so that the message may be asked about again."""

    async def story() -> None:
        heard: list[Failure] = []
        async with workers("no_such_module_here", told=lambda failure, _: heard.append(failure)) as made:
            for _ in range(2):
                with pytest.raises(NoAnswer) as failed:
                    await made.ask(b"ab")
                assert failed.value.ours
            assert heard == [Failure.START] * 2
            assert made.trouble.startswith("no worker could be started")

    run(story())


def test_questions_without_bound_are_turned_away(module: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many that wait, the next is told to come again."""
    monkeypatch.setattr(bounded_worker, "MOST_WAITING", 3)

    async def story() -> None:
        async with workers(module) as made:
            slow = [asyncio.create_task(made.ask(b"wait 30")) for _ in range(1)]
            await asyncio.sleep(0.3)
            slow += [asyncio.create_task(made.ask(b"ab")) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(NoAnswer, match="too many") as failed:
                await made.ask(b"cd")
            assert failed.value.ours
            for task in slow:
                task.cancel()

    run(story())


def test_closing_tells_everybody_who_waits(module: str, run: Run) -> None:
    """Nobody waits for ever; nothing is answered afterwards."""

    async def story() -> None:
        async with workers(module) as made:
            waiting = [asyncio.create_task(made.ask(word)) for word in (b"wait 30", b"ab")]
            await asyncio.sleep(0.2)
            await made.close()
            for task in waiting:
                with pytest.raises(NoAnswer, match="stopped"):
                    await task
            with pytest.raises(NoAnswer, match="stopped"):
                await made.ask(b"ab")

    run(story())


def test_a_child_sees_no_secret_of_ours(module: str, run: Run) -> None:
    """Its environment holds what it needs to start, nothing else."""

    async def story() -> None:
        async with workers(module) as made:
            seen = ast.literal_eval((await made.ask(b"environment")).decode())
            assert set(seen) <= {"LC_ALL", "LC_CTYPE", "PATH", "PYTHONPATH"}

    run(story())


def test_the_loop_of_the_daemon_holds_it_too(module: str) -> None:
    """On uvloop: crashes, a question cancelled half-way, the next answer, the end."""

    async def story() -> None:
        async with workers(module) as made:
            for word in (b"die", b"half", b"huge"):
                with pytest.raises(NoAnswer):
                    await made.ask(word)
            slow = asyncio.create_task(made.ask(b"wait 0.2"))
            await asyncio.sleep(0.05)
            slow.cancel()
            assert await made.ask(b"ab" * 400_000) == b"ba" * 400_000

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


def test_children_end_with_us(module: str, tmp_path: Path) -> None:
    """When this process is killed, its children find their input at its end."""
    parent = f"""
import asyncio, sys
from posthorse.adapters.bounded_worker import ChildWorkers
sys.path.append({str(tmp_path)!r})
async def main():
    made = ChildWorkers({module!r})
    await made.warm()
    print(made.pids[0], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
    finally:
        process.kill()
        process.communicate()
    for _ in range(200):
        if not _lives(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("it lives on")


def _lives(pid: int) -> bool:
    """Whether it runs; one that ended and that its new parent has not looked after yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")
