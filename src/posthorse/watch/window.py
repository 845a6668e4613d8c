"""A sliding minute of attempts, folded by second: constant memory, whatever the rate."""

SPAN_S = 60


class Window:
    """Attempts and failures of the last minute."""

    __slots__ = ("_attempts", "_failures", "_seconds")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._seconds = [-1] * SPAN_S
        self._attempts = [0] * SPAN_S
        self._failures = [0] * SPAN_S

    def add(self, now_s: float, *, failed: bool) -> None:
        """Count one attempt."""
        second = int(now_s)
        slot = second % SPAN_S
        if self._seconds[slot] != second:
            self._seconds[slot] = second
            self._attempts[slot] = self._failures[slot] = 0
        self._attempts[slot] += 1
        self._failures[slot] += failed

    def totals(self, now_s: float) -> tuple[int, int]:
        """(attempts, failures) of the last minute."""
        oldest = int(now_s) - SPAN_S
        live = [slot for slot, second in enumerate(self._seconds) if second > oldest]
        return sum(self._attempts[slot] for slot in live), sum(self._failures[slot] for slot in live)
