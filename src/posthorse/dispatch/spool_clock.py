"""The spool's clock, as far as a node knows it.

The spool judges leases, deadlines and schedules by its own clock, so every time that dispatch names must be in it; a
node whose wall clock is wrong would else bring mail minutes late. Promise: `now` follows the last reading that came
back fast enough to be trusted; before the first one it is the node's own wall clock.
"""

from posthorse.mail.ports import Clock

SLOWEST_READING_S = 1.0
"""A reading that took longer says too little about now."""


class SpoolClock:
    """A clock (`posthorse.mail.ports.Clock`) whose wall time is the spool's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_us = 0
        self.monotonic = clock.monotonic
        """Seconds, the node's own."""

    def now(self) -> int:
        """Microseconds since 1970 UTC by the spool's clock."""
        return self._clock.now() + self._ahead_us

    def heard(self, at: int, asked_s: float) -> None:
        """The spool read `at` from its clock for a call made at `asked_s` (monotonic) that returned just now."""
        took_s = self.monotonic() - asked_s
        if at and took_s <= SLOWEST_READING_S:
            self._ahead_us = at + int(took_s * 500_000) - self._clock.now()
