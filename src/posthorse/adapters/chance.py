"""Chance: numbers for jitter and choice, and the ids that name things.

Promise: ids of one maker strictly increase, even when the wall clock stands still or jumps back, and ids of two makers
do not collide. They name things; they are no secrets.
"""

import random

from posthorse.mail.ids import ID_BYTES
from posthorse.mail.ports import Clock

_CHANCE_BITS = 80
"""Below the 48 bits of milliseconds, which last until the year 10889."""
_STEP_BITS = 48
"""Within one millisecond ids grow by a random step, so that two makers never run in step."""


class SystemRng:
    """Port `Rng`, seeded by the operating system."""

    __slots__ = ("_random",)

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - jitter and choice, never a secret

    def random(self) -> float:
        """A float in [0, 1)."""
        return self._random.random()


class TimeOrderedIds:
    """Port `Ids`: 48 bits of milliseconds, then 80 bits of chance; as RFC 9562's UUIDv7 without its marks."""

    __slots__ = ("_clock", "_last", "_random")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._random = random.Random()  # noqa: S311 - ids are names, not secrets
        self._last = 0

    def new(self) -> bytes:
        """16 bytes, greater than every id this maker gave before."""
        millisecond = self._clock.now() // 1_000
        if millisecond > self._last >> _CHANCE_BITS:
            # The highest bit stays free: 2**31 steps of one millisecond before it would borrow from the next.
            self._last = millisecond << _CHANCE_BITS | self._random.getrandbits(_CHANCE_BITS - 1)
        else:
            self._last += 1 + self._random.getrandbits(_STEP_BITS)
        return self._last.to_bytes(ID_BYTES, "big")
