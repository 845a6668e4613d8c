"""One direction of a connection: what the sender's kernel took and the receiver's process has not read yet.

Runs in no process, so it goes on while either end is paused or dead. Keeps the order of what was sent; delays it, cuts
it and breaks it as the line and the door say.
"""

from collections import deque
from collections.abc import Callable
from contextvars import Context
from enum import Enum

from posthorse.lab.world.line import WINDOW_BYTES, Cutting, Line
from posthorse.lab.world.loop import WorldLoop

KERNEL = Context()
"""Arrivals belong to no process."""


class Signal(Enum):
    """What travels besides bytes."""

    FIN = "fin"
    """The sender will send no more."""
    RST = "rst"
    """The connection is gone."""


Load = bytes | Signal


class Wire:
    """Bytes and signals under way towards one end; `deliver` gets each as it arrives."""

    def __init__(self, loop: WorldLoop, line: Line, deliver: Callable[[Load], None]) -> None:
        self._loop = loop
        self.line = line
        self._deliver = deliver
        self._cutting = line.cutting()
        self._carried_bytes = 0
        self._held_bytes = 0
        self._under_way: deque[tuple[float, float, Load]] = deque()
        """Arrival, departure and load."""
        self._armed = False
        self.severed = False
        """The machine or the path is gone: what arrives is neither taken nor answered."""
        self.breaks_after: int | None = None
        """How many more bytes arrive before `on_break`; None: it holds."""
        self.on_break: Callable[[], None] = lambda: None

    @property
    def room(self) -> int:
        """Bytes the receiver's window still takes."""
        return WINDOW_BYTES - self._held_bytes

    def was_read(self, size: int) -> None:
        """The receiver read or dropped so many bytes: the window opens."""
        self._held_bytes -= size

    def next_piece(self, size: int) -> int:
        """How many of `size` waiting bytes go next."""
        return self.line.piece(self._cutting, self._carried_bytes, min(size, self.room))

    def ship(self, load: Load) -> None:
        """Put bytes or a signal on the way."""
        now = self._loop.time()
        if isinstance(load, bytes):
            self._carried_bytes += len(load)
            self._held_bytes += len(load)
        arrives_at = now + self.line.delay_s()
        if self._under_way:
            latest, left_at, last = self._under_way[-1]
            if (
                left_at == now
                and isinstance(last, bytes)
                and isinstance(load, bytes)
                and self._cutting is Cutting.WHOLE
            ):
                self._under_way[-1] = (latest, now, last + load)
                return
            arrives_at = max(arrives_at, latest)
        self._under_way.append((arrives_at, now, load))
        self._arm()

    def rearm(self) -> None:
        """The line healed: what waited may arrive."""
        self._arm()

    def _arm(self) -> None:
        if self._under_way and not self._armed:
            self._armed = True
            when = max(self._loop.time(), self._under_way[0][0])
            self._loop.call_at(when, self._arrive, context=KERNEL)

    def _arrive(self) -> None:
        self._armed = False
        if self.line.is_cut:
            return
        now = self._loop.time()
        while self._under_way and self._under_way[0][0] <= now:
            self._take(self._under_way.popleft()[2])
        self._arm()

    def _take(self, load: Load) -> None:
        if self.severed:
            return
        size = len(load) if isinstance(load, bytes) else 0
        if self.breaks_after is not None:
            if size > self.breaks_after:
                self.breaks_after = None
                self.on_break()
                return
            self.breaks_after -= size
        self._deliver(load)
