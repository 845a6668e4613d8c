"""Tallies: counts kept as plain numbers, so that counting costs a fraction of a microsecond.

Promise: nothing here allocates per observation, locks or formats; everything is turned into the exposition format only
when somebody scrapes (`exposition`). One thread (the event loop's) counts.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence


class Counter:
    """A number that only rises, per combination of labels."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, labels: tuple[str, ...], count: int = 1) -> None:
        """Count under these label values, in the order of the table."""
        self._counts[labels] = self._counts.get(labels, 0) + count

    def value(self, *labels: str) -> int:
        """The count of one combination; 0 if it never happened."""
        return self._counts.get(labels, 0)

    def items(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Every combination that ever happened."""
        yield from list(self._counts.items())


class Spread:
    """How observations spread over buckets, for one combination of labels."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        """Upper bounds, rising; one more bucket takes the rest."""
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Put one observation into its bucket."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound, observations up to it), the last one `+Inf`."""
        found, so_far = [], 0
        for bound, count in zip((*map(_text, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, so_far))
        return found


class Histogram:
    """Spreads per combination of labels."""

    __slots__ = ("_bounds", "_spreads")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._spreads: dict[tuple[str, ...], Spread] = {}

    def observe(self, labels: tuple[str, ...], value: float) -> None:
        """Observe under these label values, in the order of the table."""
        spread = self._spreads.get(labels)
        if spread is None:
            spread = self._spreads[labels] = Spread(self._bounds)
        spread.observe(value)

    def items(self) -> Iterator[tuple[tuple[str, ...], Spread]]:
        """Every combination that was ever observed."""
        yield from list(self._spreads.items())


def _text(bound: float) -> str:
    return repr(float(bound))
