"""Token buckets: how often something may happen, per key, in bounded memory.

Promise: at most `max_keys` keys are remembered; the one unused for longest is forgotten first, which at worst gives it
a full bucket again. Monotonic seconds come from the caller. Left out: sharing between nodes.
"""


class TokenBuckets:
    """One bucket per key, all of one size and speed."""

    __slots__ = ("_buckets", "_burst", "_max_keys", "_rate_per_s")

    def __init__(self, *, rate_per_s: float, burst: float, max_keys: int = 10_000) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: dict[str, tuple[float, float]] = {}
        """Tokens and when they were counted; used keys move to the end."""

    def has(self, key: str, now_s: float) -> bool:
        """Whether one token could be taken now."""
        return self._level(key, now_s) >= 1

    def take(self, key: str, now_s: float) -> bool:
        """Take one token; False: there is none, and nothing was taken."""
        level = self._level(key, now_s)
        if level < 1:
            return False
        self._put(key, level - 1, now_s)
        return True

    def spend(self, key: str, now_s: float) -> None:
        """Take one token even if there is none: counted, never refused. The debt is at most one burst."""
        self._put(key, max(self._level(key, now_s) - 1, -self._burst), now_s)

    def __len__(self) -> int:
        return len(self._buckets)

    def _level(self, key: str, now_s: float) -> float:
        known = self._buckets.get(key)
        if known is None:
            return self._burst
        level, at = known
        return min(self._burst, level + (now_s - at) * self._rate_per_s)

    def _put(self, key: str, level: float, now_s: float) -> None:
        self._buckets.pop(key, None)
        if len(self._buckets) >= self._max_keys:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = (level, now_s)
