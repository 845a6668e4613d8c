"""When an event is tried again, and when an endpoint is left alone for a while. Pure.

An event that a living endpoint refuses is tried eight times over some 28 hours. An endpoint that fails several times in
a row rests, and then one event tries whether it is back: a dead endpoint costs a call every few minutes, however many
events wait for it. An event that fails again is refused if the endpoint took another one since; else it may be the
endpoint, so that this is no try, and the event is due again after the rest.

An event that fails again, or of a replay, makes others like it wait, and never one that is new. So an endpoint that
refuses one kind of events keeps the feed of all others.

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


def next_look(tries: int, now: int, rest_left_s: float) -> int:
    """When an event shows again whether the endpoint is back, microseconds UTC: after the rest, or soon."""
    return now + int((rest_left_s or min(LONGEST_REST_S, DELAYS_S[min(tries, len(DELAYS_S) - 1)])) * SECOND)


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

    def rest_left_s(self, now_s: float) -> float:
        """How long it must not be called yet."""
        return max(0.0, self._rest_until_s - now_s)

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
        if wait_s is not None:
            rest_s = max(wait_s, rest_s if self.is_trying else 0.0)
        self._rests = min(self._rests + 1, 16)
        self._rest_until_s = now_s + rest_s
        return True


class Wellbeing:
    """What is known of one endpoint, by new events and by those that were told before. Any success is one of both."""

    __slots__ = ("_again", "_new", "_took_at")

    def __init__(self, *, is_trying: bool = False) -> None:
        """`is_trying`: there are signs that it was not well, so begin with one event."""
        self._new, self._again = Patience(is_trying=is_trying), Patience(is_trying=is_trying)
        self._took_at = 0

    @property
    def is_trying(self) -> bool:
        """Nobody knows whether it lives."""
        return self._new.is_trying or self._again.is_trying

    @property
    def is_trying_new(self) -> bool:
        """New events failed, too: one event at a time."""
        return self._new.is_trying

    def rest_left_s(self, now_s: float, *, new: bool) -> float:
        """For how long such an event must not be sent yet."""
        left_s = self._new.rest_left_s(now_s)
        return left_s if new else max(left_s, self._again.rest_left_s(now_s))

    def again_at_once(self, now_s: float, most: int) -> int:
        """How many that were told before may be sent now."""
        if self.rest_left_s(now_s, new=False):
            return 0
        return 1 if self.is_trying else most

    def succeeded(self, now: int) -> None:
        """It took an event; microseconds UTC."""
        self._took_at = now
        self._new.succeeded()
        self._again.succeeded()

    def refuses(self, failed_at: int) -> bool:
        """Whether it took another event since this one was not taken: then the next failure is the event's own."""
        return self._took_at > failed_at

    def failed(self, now_s: float, *, new: bool, wait_s: float | None = None) -> bool:
        """It did not, and that says something of the endpoint. Answers whether people should know that it rests: new
        events failed in a row, or one that only tried.
        """
        was_trying = self.is_trying
        patience = self._new if new or wait_s is not None else self._again
        return patience.failed(now_s, wait_s) and (was_trying or patience is self._new)
