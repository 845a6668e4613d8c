"""The line between two machines: how long bytes take, how they are cut, and whether they arrive at all.

All choices come from one seeded source per network, so a seed fixes the weather of a whole world.
"""

import random
from dataclasses import dataclass, field
from enum import Enum

SEGMENT_BYTES = 16_384
"""The most that travels in one piece."""

WINDOW_BYTES = 65_536
"""How much the receiving kernel takes while its process does not read."""


CRUMB_BYTES, CRUMBS_UNTIL_BYTES = 9, 120
"""Largest crumb, and how far into a connection crumbs go on."""


class Cutting(Enum):
    """How a connection's bytes are cut into pieces; any split is legal on a byte stream."""

    WHOLE = "whole"
    """As written, writes of one instant together."""
    RANDOM = "random"
    """Pieces of any size, so that every border is met some day."""
    CRUMBS = "crumbs"
    """Pieces of a few bytes at first, then whole."""


class Door(Enum):
    """What a machine's port does to a new connection."""

    OPEN = "open"
    REFUSES = "refuses"
    """A reset answers at once: connection refused."""
    SILENT = "silent"
    """No SYN-ACK: connecting never completes."""
    RESETS = "resets"
    """Connects, then resets in both directions after so many bytes towards it."""
    SWALLOWS = "swallows"
    """Connects, then the path dies silently after so many bytes towards it."""


@dataclass(slots=True)
class DoorState:
    """How a door stands; `after_bytes` counts for `RESETS` and `SWALLOWS` only."""

    door: Door = Door.OPEN
    after_bytes: int = 0


@dataclass(slots=True)
class Line:
    """Conditions between two machines, the same in both directions."""

    dice: random.Random
    latency_s: float = 0.000_2
    jitter_s: float = 0.000_1
    is_cut: bool = False
    """Partitioned: what is under way waits and arrives when the line heals, as TCP sends again."""
    cuttings: tuple[Cutting, ...] = field(default=(Cutting.WHOLE, Cutting.WHOLE, Cutting.RANDOM, Cutting.CRUMBS))

    def delay_s(self) -> float:
        """Time on the way for one piece, in whole microseconds."""
        return round(self.latency_s + self.dice.random() * self.jitter_s, 6)

    def cutting(self) -> Cutting:
        """How a new connection's bytes will be cut."""
        return self.cuttings[int(self.dice.random() * len(self.cuttings))]

    def piece(self, cutting: Cutting, carried: int, size: int) -> int:
        """How many of `size` bytes go in the next piece, after `carried` bytes on this connection."""
        if cutting is Cutting.RANDOM:
            return 1 + int(self.dice.random() * size)
        if cutting is Cutting.CRUMBS and carried < CRUMBS_UNTIL_BYTES:
            return min(size, 1 + int(self.dice.random() * CRUMB_BYTES))
        return min(size, SEGMENT_BYTES)
