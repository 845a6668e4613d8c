"""Rounds of a measurement, each announced on stderr, so that nobody wonders whether a long one still runs."""

import sys
from collections.abc import Iterator


def rounds(what: str, count: int, *, warms_up: bool = True) -> Iterator[int]:
    """Numbers 1 to `count`; before them 0, the round that warms up and does not count, unless told otherwise."""
    for number in range(0 if warms_up else 1, count + 1):
        told = f"round {number} of {count}" if number else "warming up"
        print(f"{what}: {told}", file=sys.stderr, flush=True)
        yield number
