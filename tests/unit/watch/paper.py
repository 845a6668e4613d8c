"""Paper: what a log is written on when it is to be read again."""

import json
from typing import Any


class StoppedClock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = 1_700_000_000_123_456

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return 0.0


class Paper:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.broken = False

    def __call__(self, data: bytes) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.written.append(data)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.written).splitlines()]
