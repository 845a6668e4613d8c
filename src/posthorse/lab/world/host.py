"""A simulated machine and the process on it: started, paused, resumed, killed at any instant, started again.

A kill is a `kill -9`: not one more line of the process runs, `finally` blocks included, until the world has been
judged; its connections end as the kernel ends them, or without a word when the whole machine vanishes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from posthorse.lab.world.life import LIFE, Life, Pulse
from posthorse.lab.world.network import Network


class Host:
    """One machine with at most one living process."""

    def __init__(self, network: Network, name: str) -> None:
        self.name = name
        self.address = network.add_machine(name)
        self.life: Life | None = None
        self._network = network
        self._loop = network.loop
        self._lives = 0
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def is_up(self) -> bool:
        """Whether a process runs, or will when resumed."""
        return self.life is not None and self.life.pulse is not Pulse.DEAD

    def start(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Start a process whose first task runs `main`; what that raises is a mishap of the world.

        The machine must not have a living process.
        """
        if self.is_up:
            raise RuntimeError(f"{self.name} runs already")
        self._lives += 1
        self.life = Life(self.name, self._lives)
        self._loop.lives.append(self.life)
        self._network.revive(self.name)
        self._loop.trace.note(f"start {self.name}#{self._lives}")
        self.spawn(main).add_done_callback(self._look_at_end)

    def spawn(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """Run one more task in the living process."""
        if self.life is None or not self.is_up:
            raise RuntimeError(f"{self.name} has no process")
        context = copy_context()
        context.run(LIFE.set, self.life)
        task = context.run(lambda: self._loop.create_task(work()))
        self._tasks.append(task)
        return task

    def crash(self, *, vanish: bool = False) -> None:
        """Kill the process at once. With `vanish` the machine goes too: nobody is told, and nothing is answered."""
        if self.life is None or not self.is_up:
            return
        self._loop.trace.note(f"crash {self.life.host}#{self.life.number}{' vanish' if vanish else ''}")
        self.life.pulse = Pulse.DEAD
        self.life.held = True
        self.life.buried = self._loop.tasks_of(self.life)
        self._network.kill(self.life, vanish=vanish)

    def pause(self) -> None:
        """Stop the process (SIGSTOP): connections stay, the kernel takes and acknowledges bytes."""
        if self.life is not None and self.life.pulse is Pulse.RUNNING:
            self._loop.trace.note(f"pause {self.name}")
            self.life.pulse = Pulse.PAUSED
            self.life.held = True

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT), not knowing that time has passed."""
        if self.life is not None and self.life.pulse is Pulse.PAUSED:
            self._loop.trace.note(f"resume {self.name}")
            self._loop.resume(self.life)

    def _look_at_end(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._loop.call_exception_handler({"message": f"{self.name} ended", "exception": error, "task": task})
