"""How much work a piece of code is, where a test bounds it: judged by its best run, as other runs tell of the machine.

CPU time of a thread includes what the kernel does in its name (bringing back memory it had put away, some tens of
milliseconds now and then) and what neighbours on the same core cost it. Too much work of ours comes in every run.
"""

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
TRIES = 5
LONGEST_BLOCK_S = 0.05
"""That one client may make others wait."""


def leave_garbage() -> None:
    """What a test made for its question is not searched through while the answer is measured."""
    gc.collect()
    gc.freeze()


def least_s(work: Callable[[], object], enough_s: float) -> float:
    """The least CPU time (seconds) of up to five runs; no further run once one took less than `enough_s`."""
    least = float("inf")
    for _ in range(TRIES):
        started = time.thread_time()
        work()
        least = min(least, time.thread_time() - started)
        if least < enough_s:
            break
    return least


def least_each_s(story: Callable[[], Sequence[float]], enough_s: float) -> list[float]:
    """Of a story that measures its steps: the least that each step took in up to five runs."""
    least = list(story())
    for _ in range(TRIES - 1):
        if max(least) < enough_s:
            break
        least = [min(pair) for pair in zip(least, story(), strict=True)]
    return least


class HeldUp(AssertionError):
    """One piece of work took longer than anybody may be made to wait."""


def unless_each_time(test: Callable[P, None]) -> Callable[P, None]:
    """A test that fails by `HeldUp` only if it does so five times in a row."""

    @wraps(test)
    def tried(*args: P.args, **kwargs: P.kwargs) -> None:
        for _ in range(TRIES - 1):
            with suppress(HeldUp):
                return test(*args, **kwargs)
        return test(*args, **kwargs)

    return tried
