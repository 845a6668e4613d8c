"""Real processes of one rehearsal: started, awaited by what they print, killed and stopped by their own id.

Promises: `started` processes are ended when the block is left, whatever happened in it; nothing sleeps or polls,
readiness is a line of output. What a process writes, to either stream, also lies in `NAME.log` in its folder. Its
standard input is a pipe that we hold and never write to: whoever heeds its end (`--until-eof`) ends even if we are
killed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class NotReady(Exception):
    """A process ended, or said nothing fitting in time; carries the end of what it wrote."""


class Child:
    """One process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log
        self.lines: list[str] = []
        """What it wrote since it was started."""
        self._heard = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    async def said(self, fits: Callable[[str], bool], within_s: float = 30.0, times: int = 1) -> str:
        """The line that fits for the given time, written already or soon. Raises `NotReady`."""
        seen = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    while seen < len(self.lines):
                        line = self.lines[seen]
                        seen += 1
                        times -= fits(line)
                        if not times:
                            return line
                    if self._listening.done():
                        await self._process.wait()
                        break
                    self._heard.clear()
                    await self._heard.wait()
        raise NotReady(f"{self.name} did not say it ({times} more were awaited): {self.last_words()}")

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        await self._end(signal.SIGKILL)

    async def stop(self, within_s: float = 30.0) -> int:
        """SIGTERM, and wait for its own end; answers its exit status. Raises `NotReady` if it had to be killed."""
        try:
            async with asyncio.timeout(within_s):
                return await self._end(signal.SIGTERM)
        except TimeoutError:
            await self.kill()
            raise NotReady(f"{self.name} did not stop within {within_s} s: {self.last_words()}") from None

    async def ended(self, within_s: float = 30.0) -> int:
        """Wait for its own end; answers its exit status. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal (SIGSTOP, SIGCONT, SIGHUP)."""
        self._process.send_signal(number)

    def last_words(self) -> str:
        """The end of what it wrote, both streams."""
        return f"exit status {self._process.returncode}\n" + "\n".join(self.lines[-30:])

    async def _end(self, number: signal.Signals) -> int:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
        status = await self._process.wait()
        await self._listening
        return status

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._log.open("ab") as log:
            async for line in self._process.stdout:
                log.write(line)
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self._heard.set()
        self._heard.set()


async def start(name: str, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Child:
    """Start a process in `folder` with extra environment. The caller ends it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
    )
    return Child(name, process, folder / f"{name}.log")


@asynccontextmanager
async def started(
    name: str, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """A process for the length of a block; killed at its end if it still runs."""
    child = await start(name, command, folder, env)
    try:
        yield child
    finally:
        await child.kill()


def posthorse(*arguments: str) -> list[str]:
    """The command line of this very installation."""
    return [sys.executable, "-m", "posthorse", *arguments]
