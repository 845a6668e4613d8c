"""The machine's clocks, and one that mail can rely on.

Promise: the machine's wall clock and its monotonic clock stay apart; only `SteadyClock` derives one from the other.
"""

import threading
import time

from posthorse.mail.ports import Clock

CATCHING_UP = 0.9
"""How fast a steady clock goes while the machine's wall clock is behind it."""


class SystemClock:
    """Port `Clock` on the machine's own clocks."""

    __slots__ = ()

    def now(self) -> int:
        """Wall clock: integer microseconds since 1970 UTC. May jump when the machine's time is set."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds since some unnamed start; never goes back."""
        return time.monotonic()


class SteadyClock:
    """Port `Clock` that is never set back. When the machine's wall clock is, what waits would not be due until that
    time has passed once more; this one goes on instead, a little slower, until the other has caught up. It is set
    forward at once. May be read in any thread.
    """

    __slots__ = ("_clock", "_last", "_lock", "_set_back", "monotonic")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.monotonic = clock.monotonic
        """Seconds since some unnamed start; never goes back."""
        self._last = (clock.now(), clock.monotonic())
        """What it showed last, and the monotonic time then."""
        self._set_back: tuple[int, float] | None = None
        """The same, just before the other was set back; None: it was not."""

    def now(self) -> int:
        """Integer microseconds since 1970 UTC."""
        with self._lock:
            now, at_s = self._clock.now(), self.monotonic()
            if now >= self._last[0]:
                self._set_back = None
            else:
                self._set_back = self._set_back or self._last
                shown, since_s = self._set_back
                now = max(now, shown + int((at_s - since_s) * CATCHING_UP * 1e6))
            self._last = (now, at_s)
            return now
