"""An asyncio event loop of our own in virtual time, in one seeded order.

Duty: run unchanged asyncio code so that nothing ever waits and a seed decides every race. Promises:

- When nothing is ready, time leaps to the next timer; `time()` is seconds since the world began.
- Callbacks given to `call_soon` keep asyncio's first-in-first-out order. Only what asyncio leaves open is permuted by
  the seed: the order of timers that are due at the same instant, which includes every arrival from the network.
- Tasks and futures hash by their number of creation, so that sets of them (`asyncio.wait`, task groups) are walked in
  the same order in every process, whatever their addresses.
- Nothing ready and no timer is `WorldDeadlock`, naming the tasks that wait; too many steps or too late, `WorldOverrun`.
- A callback of a paused or killed process is parked (`posthorse.lab.world.life`).

Left out: threads, signals, files, subprocesses, TLS. Each raises, since it could not be repeated.
"""

import asyncio
import gc
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, TypeVarTuple

from posthorse.lab.world.callbacks import WorldFuture, WorldHandle, WorldTask, WorldTimer, make_task
from posthorse.lab.world.life import Life, Pulse
from posthorse.lab.world.trace import Trace

if TYPE_CHECKING:
    from posthorse.lab.world.network import Network

BUSY_STEPS = 100
BUSY_STEP_S = 1e-6
"""After so many steps at one instant each further one takes this long: work takes time, and a timer that fires a
rounding error too early must not stop the world."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class WorldError(Exception):
    """The simulation itself cannot go on."""


class WorldDeadlock(WorldError):
    """Nothing is ready and no timer is set: the tasks named wait for what cannot come."""


class WorldOverrun(WorldError):
    """The world ran beyond its bound of steps or of virtual time: something spins or never comes to rest."""


class WorldLoop(asyncio.BaseEventLoop):
    """An event loop in virtual time. `seed` decides the order of timers due together."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, seed: int, *, max_steps: int = 2_000_000, until_s: float = 30 * 86_400.0) -> None:
        super().__init__()
        self._clock_resolution = 1e-9
        self._selector = _Leap(self)
        self._now = 0.0
        self._serial = 0
        self._still = 0
        """Steps since the clock last leapt."""
        self._dice = random.Random(f"schedule/{seed}")
        self._ending = False
        self.seed = seed
        self.max_steps = max_steps
        self.until_s = until_s
        self.steps = 0
        self.trace = Trace(self.time)
        self.lives: list[Life] = []
        self.network: Network | None = None
        self.mishaps: list[dict[str, Any]] = []
        """What reached the exception handler: bugs in callbacks and in tasks nobody awaited."""
        self.set_task_factory(make_task)
        self.set_exception_handler(lambda _, context: self._record_mishap(context))

    # --- asyncio's surface ------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the world began."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run soon, in the order of the calls."""
        self._check_closed()  # type: ignore[attr-defined]
        handle = WorldHandle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run at the virtual time `when`; among timers of one instant the seed decides."""
        self._check_closed()  # type: ignore[attr-defined]
        timer = WorldTimer(when, self._dice.random(), callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        return timer

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `delay` virtual seconds from now."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """A future that hashes by its number of creation."""
        return WorldFuture(self, self.serial())

    def serial(self) -> int:
        """The next number of creation."""
        self._serial += 1
        return self._serial

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """The world has one thread, so this is `call_soon`."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Refused: a thread cannot be repeated."""
        raise WorldError("no threads in a world: hand in an Offload that runs the function at once")

    async def getaddrinfo(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: names are resolved by the world's network."""
        raise WorldError("no resolver in a world: connect through its network")

    async def create_server(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """Listen in the world's network, on the machine of the running process."""
        return self._plain_network(options).listen(protocol_factory, host, port)

    async def create_connection(
        self, protocol_factory: Callable[[], Any], host: Any = None, port: Any = None, **options: Any
    ) -> tuple[asyncio.Transport, Any]:
        """Connect through the world's network, from the machine of the running process."""
        return await self._plain_network(options).connect(protocol_factory, host, port)

    def _plain_network(self, options: dict[str, Any]) -> "Network":
        if options.get("ssl") or options.get("sock"):
            raise WorldError("no TLS and no real sockets in a world")
        if self.network is None:
            raise WorldError("this world has no network")
        return self.network

    def _process_events(self, event_list: object) -> None:
        del event_list

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so nobody needs waking."""

    # --- processes --------------------------------------------------------------------------------------------------

    def resume(self, life: Life) -> None:
        """Put back what was parked while `life` was paused."""
        life.pulse = Pulse.RUNNING
        life.held = False
        parked, life.parked = life.parked, []
        self._ready.extend(handle for handle in parked if not handle.cancelled())

    def tasks_of(self, life: Life) -> list[asyncio.Task[Any]]:
        """The tasks of a process that are not done, in the order of their making."""
        tasks = [task for task in asyncio.all_tasks(self) if isinstance(task, WorldTask) and task.life is life]
        return sorted(tasks, key=hash)

    # --- running ----------------------------------------------------------------------------------------------------

    def step(self, timeout: float | None) -> None:
        """One iteration of the loop: nothing to wait for (0), the next timer to leap to, or nothing at all (None)."""
        self.steps += 1
        if timeout:
            head = self._scheduled[0].when()
            if head > self._now:
                self._now, self._still = head, 0
                self.trace.mark(head)
            if head > self.until_s and not self._ending:
                raise WorldOverrun(f"virtual time passed {self.until_s:.0f} s and it goes on\n{self.waiting()}")
        elif timeout is None:
            raise WorldDeadlock(f"nothing is ready and no timer is set\n{self.waiting()}")
        self._still += 1
        if self._still > BUSY_STEPS:
            self._now += BUSY_STEP_S
        if self.steps > self.max_steps and not self._ending:
            raise WorldOverrun(f"more than {self.max_steps} steps: something spins\n{self.waiting()}")

    def waiting(self) -> str:
        """One line per task that is not done: its process, name and the line it waits at."""
        tasks = sorted(asyncio.all_tasks(self), key=hash)
        return "\n".join(task.whereabouts() for task in tasks if isinstance(task, WorldTask)) or "no task is waiting"

    def end(self) -> None:
        """Take the world down after it was judged: let every task that is left run its own cancellation, then close.

        What they do then is outside the story: bounds, deadlocks and mishaps no longer count.
        """
        self._ending = True
        self.set_exception_handler(lambda *_: None)
        for life in self.lives:
            self.resume(life)
        for _ in range(50):
            left = [task for task in asyncio.all_tasks(self) if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            for _ in range(3):
                self.call_soon(self.stop)
                self.run_forever()
        self.run_until_complete(self.shutdown_asyncgens())
        if self.network is not None:
            self.network.end()
        self.close()

    def _record_mishap(self, context: dict[str, Any]) -> None:
        self.mishaps.append(context)
        self.trace.note(f"mishap {context.get('message')} {context.get('exception')!r}")


def run_world(main: Callable[[WorldLoop], Coroutine[Any, Any, T]], seed: int, **bounds: Any) -> T:
    """Run `main` in a new world and take the world down. A mishap in a callback or an unawaited task is raised."""
    loop = WorldLoop(seed, **bounds)
    collects = gc.isenabled()
    gc.disable()  # a world is small and short, and what is collected when must not depend on the process
    try:
        result = loop.run_until_complete(main(loop))
        if loop.mishaps:
            mishap = loop.mishaps[0]
            raise WorldError(f"{len(loop.mishaps)} mishaps, first: {mishap}") from mishap.get("exception")
        return result
    finally:
        loop.end()
        if collects:
            gc.enable()


class _Leap:
    """Stands where a selector would: instead of waiting for sockets it moves the clock."""

    def __init__(self, loop: WorldLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> tuple[()]:
        """Called once in every iteration of asyncio's loop."""
        self._loop.step(timeout)
        return ()
