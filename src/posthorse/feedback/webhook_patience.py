"""When an event is tried again, and when an endpoint is left alone for a while. Pure.

An event is tried eight times over some 28 hours. An endpoint that fails several times in a row rests, and then one
event tries whether it is back: a dead endpoint costs a call every few minutes, however many events wait for it.

Left out: what counts as failing (`webhook_call`).
"""

from posthorse.mail.stream import SECOND

DELAYS_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
"""After the first, second, ... try; after the last of them one more try, and then it is given up."""
JITTER = 0.1
"""Delays are longer by up to this part, so that what failed together does not come back together."""
FAILURES = 5
"""So many in a row, and the endpoint rests."""
FIRST_REST_S, LONGEST_REST_S = 5.0, 300.0


def next_try(tries: int, now: int, chance: float, wait_s: float | None = None) -> int | None:
    """When an event that was tried so often is tried again, microseconds UTC; None: it is given up.

    `chance`: in [0, 1). `wait_s`: the endpoint asked to be left alone for so long.
    """
    if tries > len(DELAYS_S):
        return None
    delay_s = DELAYS_S[max(tries, 1) - 1] * (1 + JITTER * chance)
    return now + int(max(delay_s, wait_s or 0.0) * SECOND)


class Patience:
    """What is known of one endpoint's well-being. Times are seconds of a monotonic clock."""

    __slots__ = ("_failures", "_rest_until_s", "_rests")

    def __init__(self, *, is_trying: bool = False) -> None:
        """`is_trying`: there are signs that it was not well, so begin with one event."""
        self._failures = 0
        self._rests = int(is_trying)
        self._rest_until_s = float("-inf")

    @property
    def is_trying(self) -> bool:
        """It rested, and has not been found well since: one event at a time."""
        return self._rests > 0

    def rests(self, now_s: float) -> bool:
        """Whether it must not be called now."""
        return now_s < self._rest_until_s

    def succeeded(self) -> None:
        """It took an event."""
        self._failures = self._rests = 0

    def failed(self, now_s: float, wait_s: float | None = None) -> bool:
        """It did not. Answers whether a rest begins with this; failures while it rests (calls that were under way)
        change nothing. `wait_s`: it asks to be left alone for so long.
        """
        if self.rests(now_s):
            return False
        self._failures += 1
        if self._failures < FAILURES and not self.is_trying and wait_s is None:
            return False
        rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2**self._rests)
        self._rests = min(self._rests + 1, 16)
        self._rest_until_s = now_s + (rest_s if wait_s is None else wait_s)
        return True
