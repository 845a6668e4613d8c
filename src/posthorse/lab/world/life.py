"""One run of a simulated process: it runs, is paused, or is dead, and all its callbacks obey.

Which process a callback belongs to travels in a context variable, exactly as the tasks and timers a process starts
inherit its context. A callback of a process that does not run is parked, never dropped: a pause (SIGSTOP) ends by
putting the parked ones back, and a killed process (SIGKILL) stays as it was, so that none of its `finally` blocks runs
before the world has been judged.
"""

import asyncio
from contextvars import ContextVar
from enum import Enum
from typing import Any


class Pulse(Enum):
    """Whether a process makes progress."""

    RUNNING = "running"
    PAUSED = "paused"
    """Stopped for a while; its connections stay open and its kernel still answers."""
    DEAD = "dead"
    """Killed; nothing of it ever runs again."""


class Life:
    """One run of one host's process."""

    __slots__ = ("buried", "held", "host", "number", "parked", "pulse")

    def __init__(self, host: str, number: int) -> None:
        self.host = host
        self.number = number
        self.pulse = Pulse.RUNNING
        self.held = False
        """True unless running: read on every callback, so it is kept as a plain attribute."""
        self.parked: list[asyncio.Handle] = []
        self.buried: list[asyncio.Task[Any]] = []
        """Tasks of a killed process: kept, since a task that is collected would run its cleanup."""

    def __repr__(self) -> str:
        return f"<{self.host}#{self.number} {self.pulse.value}>"


LIFE: ContextVar[Life | None] = ContextVar("posthorse_world_life", default=None)
"""The process the running callback belongs to; None: the world itself (the test, the referee)."""
