"""The port `BoundedWorker` on child processes of our own, started when first needed and kept warm.

A child is a Python module that reads questions and writes answers on its standard streams, each with its length in
front (eight bytes, big-endian), and that sets its own limits of processor time and memory; an empty answer in advance
says that it is ready. Here are the limits that only somebody outside can keep: the wall clock and the size of an
answer.

Promise: one question at a time for each child, so that an answer is always the answer to its question; whoever stops
waiting leaves the child to finish or be ended, never out of step. A child that dies or is late is replaced, and its
question asked once more. It is the question's fault only if the child ended of itself both times: its limit of
processor time, a crash, an answer that is none. Who could not be started, was killed by somebody else (an operator, a
machine without memory) or stood still for longer than its processor time lasts says nothing about the question: that is
ours, told to whoever keeps watch, and may be asked again later. The child knows nothing of our environment, runs no
code from the working directory, and ends when we do.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path

from posthorse.mail.large import SLICE_BYTES, poured, slices, vessel
from posthorse.mail.ports import NoAnswer

PROCESSES = 2
"""While one is held up by a hostile question, the other goes on."""
WALL_S = 10.0
"""Longest wait for one answer, on a machine that may be busy."""
MOST_ANSWER_BYTES = 96 << 20
MOST_WAITING = 10_000
START_S = 30.0
_TRIES = 2
_SMALL_BYTES = 1 << 20
_END_S = 2.0
_BY_OTHERS = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, -signal.SIGQUIT})
"""How a process ends that somebody else ended; by its limit of processor time it ends with SIGXCPU."""


class Failure(Enum):
    """How a worker failed."""

    START = "start"
    """It could not be started."""
    ENDED = "ended"
    """Somebody else ended it."""
    LATE = "late"
    """No answer, though the kernel would have ended it if it had worked all that time."""
    BROKE = "broke"
    """It ended of itself over its question, or gave an answer that is none."""


Told = Callable[[Failure, str], None]
"""Hears of every failure, with what is known of it."""


class ChildWorkers:
    """Asks children that run `python -m MODULE`."""

    def __init__(
        self,
        module: str,
        *,
        processes: int = PROCESSES,
        wall_s: float = WALL_S,
        told: Told = lambda failure, why: None,
    ) -> None:
        """Nothing is started yet."""
        self.trouble = ""
        """Why the last question had no answer for a reason of ours; empty: it had one."""
        self._told = told
        self._module = module
        self._wall_s = wall_s
        self._processes = processes
        self._waiting: asyncio.Queue[tuple[bytes, asyncio.Future[bytes]]] = asyncio.Queue(MOST_WAITING)
        self._children: list[_Child] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = 0
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The processes alive now."""
        return [child.pid for child in self._children if child.pid]

    async def ask(self, question: bytes) -> bytes:
        """The answer of a child; see the port."""
        if self._closed or self._waiting.full():
            raise NoAnswer("stopped" if self._closed else "too many questions wait", ours=True)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((question, answer))
        if self._idle < self._waiting.qsize() and len(self._tasks) < self._processes:
            self._add()
        return await answer

    async def warm(self) -> None:
        """Have a child ready before the first question; a failure is told like every other."""
        if not self._tasks and not self._closed:
            self._add()
            with suppress(NoAnswer):
                await self._started(self._children[0])

    async def close(self) -> None:
        """End every child; what still waits gets no answer."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for child in self._children:
            await child.end()
        while not self._waiting.empty():
            self._fail(self._waiting.get_nowait()[1], NoAnswer("stopped", ours=True))

    # --- details ----------------------------------------------------------------------------------------------------

    def _add(self) -> None:
        child = _Child(self._module)
        self._children.append(child)
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve(child)))

    async def _serve(self, child: "_Child") -> None:
        """One child's questions, one after the other; none is kept while it waits for the next."""
        while True:
            await self._answer(child, *await self._next())

    async def _next(self) -> tuple[bytes, asyncio.Future[bytes]]:
        self._idle += 1
        try:
            return await self._waiting.get()
        finally:
            self._idle -= 1

    async def _answer(self, child: "_Child", question: bytes, answer: asyncio.Future[bytes]) -> None:
        """Whatever happens, the question is answered or has failed, and the child is in step."""
        if answer.done():
            return
        try:
            found = await self._tried(child, question)
        except asyncio.CancelledError:
            self._fail(answer, NoAnswer("stopped", ours=True))
            raise
        except Exception as error:  # a bug is the asker's to tell, and ends nobody else's questions
            self._fail(answer, error)
        else:
            if not answer.done():
                answer.set_result(found)

    async def _tried(self, child: "_Child", question: bytes) -> bytes:
        """Ask, and once more of a fresh child."""
        ours = why = ""
        for _ in range(_TRIES):
            await self._started(child)
            failure = Failure.BROKE
            try:
                async with asyncio.timeout(self._wall_s):
                    answer = await child.ask(question)
            except TimeoutError:
                failure, why = Failure.LATE, f"no answer within {self._wall_s:g} s"
            except (OSError, EOFError):
                code = await child.end()
                if code in _BY_OTHERS:
                    failure = Failure.ENDED
                why = _ending(code)
            except ValueError as error:
                why = str(error)
            else:
                self.trouble = ""
                return answer
            finally:
                if child.busy:
                    await child.end()
            ours = ours if failure is Failure.BROKE else why
            self._failed(failure, why)
        raise NoAnswer(ours or why, ours=bool(ours))

    async def _started(self, child: "_Child") -> None:
        try:
            await child.start()
        except NoAnswer as failed:
            self._failed(Failure.START, str(failed))
            raise

    def _failed(self, failure: Failure, why: str) -> None:
        if failure is not Failure.BROKE:
            self.trouble = why
        self._told(failure, why)

    def _fail(self, answer: asyncio.Future[bytes], why: Exception) -> None:
        if not answer.done():
            answer.set_exception(why)


class _Child:
    """One process, or none."""

    __slots__ = ("_module", "_process", "_starting", "busy")

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: Process | None = None
        self._starting = asyncio.Lock()
        self.busy = False
        """Between the first byte of a question and the last of its answer."""

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """Be alive and ready. Raises `NoAnswer` if that cannot be."""
        async with self._starting:
            if self.pid:
                return
            await self.end()  # whatever is left of the one before
            try:
                async with asyncio.timeout(START_S):
                    await self._begin()
            except (OSError, EOFError) as error:  # a time limit is an OSError too
                await self.end()
                raise NoAnswer(f"no worker could be started: {error}", ours=True) from error

    async def _begin(self) -> None:
        self.busy = True
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the working directory is no place to look for modules
            "-m",
            self._module,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=_environment(),
            cwd=os.sep,
            start_new_session=True,  # signals from a terminal are for us
        )
        await _readable(process).readexactly(8)
        self.busy = False

    async def ask(self, question: bytes) -> bytes:
        """One question. Raises OSError, EOFError and ValueError; then, and when cancelled, the child must end."""
        process = self._process
        if process is None:
            raise EOFError("the process ended")
        self.busy = True
        await _write(_writable(process), question)
        size = int.from_bytes(await _readable(process).readexactly(8), "big")
        if size > MOST_ANSWER_BYTES:
            raise ValueError("an answer that is too large")
        answer = await _read(_readable(process), size)
        self.busy = False
        return answer

    async def end(self) -> int:
        """Be dead, at once; with which status it ended, negative: by which signal."""
        process, self._process = self._process, None
        self.busy = False
        if process is None:
            return 0
        if not _readable(process).at_eof():  # else it is dead or about to be
            _kill(process)
        try:
            async with asyncio.timeout(_END_S):
                await process.communicate()  # to the end of its output, so that nothing stays open
        except TimeoutError:
            _kill(process)
        return process.returncode or 0


def _ending(code: int) -> str:
    return f"the worker was ended by {signal.Signals(-code).name}" if code < 0 else f"the worker ended with {code}"


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


def _readable(process: Process) -> asyncio.StreamReader:
    assert process.stdout is not None
    return process.stdout


def _writable(process: Process) -> asyncio.StreamWriter:
    assert process.stdin is not None
    return process.stdin


async def _write(stream: asyncio.StreamWriter, question: bytes) -> None:
    stream.write(len(question).to_bytes(8, "big"))
    for piece in slices(question):
        stream.write(piece)
        await stream.drain()
    await stream.drain()


async def _read(stream: asyncio.StreamReader, size: int) -> bytes:
    """So many bytes; a large answer is gathered without being moved around."""
    if size <= _SMALL_BYTES:
        return await stream.readexactly(size)
    into, left = vessel(), size
    while left:
        piece = await stream.read(min(left, SLICE_BYTES))
        if not piece:
            raise EOFError("the process ended")
        into.write(piece)
        left -= len(piece)
    return poured(into)


def _environment() -> dict[str, str]:
    """What the interpreter needs to find the same modules; nothing of ours, which holds secrets."""
    return {"PYTHONPATH": os.pathsep.join(_module_path()), "PATH": os.defpath, "LC_ALL": "C.UTF-8"}


def _module_path() -> list[str]:
    """Where modules are looked for, without the working directory (and what depends on it), which may be anybody's; our
    own place comes last, in case that is where we stand.
    """
    here = Path.cwd()
    ours = Path(__file__).resolve().parents[2]
    found = [path for path in sys.path if os.path.isabs(path) and Path(path) not in (here, ours)]
    return [*found, str(ours)]
