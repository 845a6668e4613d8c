"""Recovery: how long an ejected provider is left alone, and in which steps one that is back gets its mail.

Pure. The proportions are fixed; the two times are what an operator may set.
"""

from dataclasses import dataclass

PAUSES_AT_MOST = 10
"""However often it was ejected, a pause is no longer than so many first ones."""
JITTER = 0.2
"""Part of a pause, either way, so that many gateways do not come back at once."""
STEPS = ((0.0, 0.10), (1 / 3, 0.25), (2 / 3, 0.50), (1.0, 1.0))
"""From this part of the ramp on, this share of the mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The times of a recovery."""

    pause_s: float = 30.0
    """After the first ejection; after each further one longer by as much."""
    ramp_s: float = 60.0
    """From the last trial to all the mail."""

    def pause_after(self, ejections: int, roll: float) -> float:
        """The pause after so many ejections in a row, in seconds; `roll` in [0, 1) decides the jitter."""
        return self.pause_s * min(ejections, PAUSES_AT_MOST) * (1 + JITTER * (2 * roll - 1))

    def share_at(self, age_s: float) -> float:
        """The share of the mail so long after the last trial."""
        return max(share for part, share in STEPS if age_s >= part * self.ramp_s)


DEFAULT_RECOVERY = Recovery()
