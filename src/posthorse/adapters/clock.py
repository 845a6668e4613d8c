"""The machine's clocks.

Promise: the wall clock and the monotonic clock stay apart; nothing derives one from the other.
"""

import time


class SystemClock:
    """Port `Clock` on the machine's own clocks."""

    __slots__ = ()

    def now(self) -> int:
        """Wall clock: integer microseconds since 1970 UTC. May jump when the machine's time is set."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds since some unnamed start; never goes back."""
        return time.monotonic()
