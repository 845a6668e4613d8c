"""What happened in a world, as one running hash and the last lines.

Two runs of a seed agree exactly when their digests agree; the last lines tell a person how a failing seed ended.
"""

import hashlib
import struct
from collections import deque
from collections.abc import Callable

_packed = struct.Struct("<d").pack


class Trace:
    """A running hash over everything noted, with the latest lines kept for reading."""

    def __init__(self, now: Callable[[], float], *, keep: int = 400) -> None:
        self._now = now
        self._hash = hashlib.blake2b(digest_size=16)
        self.lines: deque[str] = deque(maxlen=keep)

    def note(self, line: str) -> None:
        """Record one line at the present virtual time."""
        line = f"{self._now():.6f} {line}"
        self._hash.update(line.encode())
        self.lines.append(line)

    def mark(self, number: float) -> None:
        """Fold a number into the hash only: cheap enough for every leap of the clock."""
        self._hash.update(_packed(number))

    def digest(self) -> str:
        """The hash of everything so far, in hexadecimal."""
        return self._hash.hexdigest()
