"""One attempt to connect in the simulated network, from SYN to SYN-ACK."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context

from posthorse.lab.world.life import LIFE, Pulse
from posthorse.lab.world.line import Line
from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.transport import WorldTransport
from posthorse.lab.world.wire import KERNEL

GIVES_UP_S = 127.0
"""Linux sends SYN six times before it reports a timeout."""

REPEATS_S = 1.0
"""A SYN that nobody answers is sent again after this long."""

Meeting = WorldTransport | OSError | None
"""What a SYN meets: the caller's new end, a refusal, or silence."""


class Call:
    """A process on `source` connects to a port of `goal`. `meet` is asked each time a SYN arrives."""

    def __init__(
        self, loop: WorldLoop, line: Line, source: str, goal: tuple[str, int], meet: "Callable[[Call], Meeting]"
    ) -> None:
        self.line = line
        self.source = source
        self.goal = goal
        self.context: Context = copy_context()
        self._loop = loop
        self._meet = meet
        self._life = LIFE.get()
        self._answer: asyncio.Future[WorldTransport] = loop.create_future()
        self._near: WorldTransport | None = None

    async def connect(self) -> WorldTransport:
        """The caller's end, connected but not yet open. Raises OSError: refused, timed out."""
        self._loop.call_later(self.line.delay_s(), self._arrive, context=KERNEL)
        gives_up = self._loop.call_later(GIVES_UP_S, self._give_up, context=KERNEL)
        try:
            return await self._answer
        except asyncio.CancelledError:
            if self._near is not None:
                self._near.abort()
            raise
        finally:
            gives_up.cancel()

    def _arrive(self) -> None:
        if self._is_over():
            return
        met = self._meet(self)
        match met:
            case None:
                self._loop.call_later(REPEATS_S, self._arrive, context=KERNEL)
            case OSError():
                self._loop.call_later(self.line.delay_s(), self._fail, met, context=KERNEL)
            case _:
                self._near = met
                self._loop.call_later(self.line.delay_s(), self._succeed, met, context=KERNEL)

    def _is_over(self) -> bool:
        return self._answer.done() or (self._life is not None and self._life.pulse is Pulse.DEAD)

    def _give_up(self) -> None:
        self._fail(TimeoutError(110, f"connection timed out: {self.goal[0]}:{self.goal[1]}"))

    def _fail(self, error: OSError) -> None:
        if not self._is_over():
            self._answer.set_exception(error)

    def _succeed(self, transport: WorldTransport) -> None:
        if not self._is_over():
            self._answer.set_result(transport)
