"""Handles, timers, tasks and futures of the world's loop: they obey their process and hash the same in every run."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Protocol

from posthorse.lab.world.life import LIFE


class Numbering(Protocol):
    """What gives each task and future its number: the world's loop."""

    def serial(self) -> int:
        """The next number of creation."""
        ...


class WorldHandle(asyncio.Handle):
    """A callback that obeys its process."""

    __slots__ = ("_life",)

    def __init__(
        self, callback: Callable[..., object], args: Any, loop: asyncio.AbstractEventLoop, context: Context | None
    ) -> None:
        super().__init__(callback, args, loop, context)
        self._life = self._context.get(LIFE)  # type: ignore[attr-defined]

    def _run(self) -> None:
        life = self._life
        if life is not None and life.held:
            life.parked.append(self)
            return
        super()._run()


class WorldTimer(asyncio.TimerHandle):
    """A timer that obeys its process; `tie` orders the timers of one instant."""

    __slots__ = ("_life", "tie")

    _when: float
    _scheduled: bool

    def __init__(
        self,
        when: float,
        tie: float,
        callback: Callable[..., object],
        args: Any,
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self._life = self._context.get(LIFE)  # type: ignore[attr-defined]
        self.tie = tie
        self._scheduled = True

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        one, two = self._when, other._when  # type: ignore[attr-defined]
        if one == two:
            return self.tie < other.tie  # type: ignore[attr-defined,no-any-return]
        return one < two  # type: ignore[no-any-return]

    def _run(self) -> None:
        life = self._life
        if life is not None and life.held:
            life.parked.append(self)
            return
        super()._run()


class WorldFuture(asyncio.Future[Any]):
    """A future that hashes by its number of creation, so that sets are walked alike in every run."""

    def __init__(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        super().__init__(loop=loop)
        self._number = number

    def __hash__(self) -> int:
        return self._number


class WorldTask(asyncio.Task[Any]):
    """A task that hashes by its number of creation, and knows its process."""

    def __init__(
        self, coro: Coroutine[Any, Any, Any], *, loop: asyncio.AbstractEventLoop, number: int, **more: Any
    ) -> None:
        self._number = number
        if more.get("name") is None:
            more["name"] = f"task-{number}"
        super().__init__(coro, loop=loop, **more)
        context: Context | None = more.get("context")
        self.life = LIFE.get() if context is None else context.get(LIFE)

    def __hash__(self) -> int:
        return self._number

    def whereabouts(self) -> str:
        """One line: process, name, coroutine and the line it waits at."""
        coro: Any = self.get_coro()
        place = "not started"
        inner = coro
        while inner is not None:
            frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None)
            if frame is not None:
                place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
        return f"  {self.life} {self.get_name()} {getattr(coro, '__qualname__', coro)} at {place}"


def make_task(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> WorldTask:
    """The task factory of the world's loop."""
    numbering: Numbering = loop  # type: ignore[assignment]
    return WorldTask(coro, loop=loop, number=numbering.serial(), **more)
