"""The fronts that speak HTTP: which application answers which path, made from the configuration and renewed with it.

Left out: what they do (`posthorse.accept`, `posthorse.feedback`), which listener serves what (`listeners`).
"""

from collections.abc import Iterable, Sequence

from posthorse.web.router import Mount


class Fronts:
    """Everything mounted beside health and metrics."""

    def __init__(self) -> None:
        self._mounts: list[Mount] = []

    def add(self, mounts: Iterable[Mount]) -> None:
        """Have one more front, before anything listens."""
        self._mounts += mounts

    def mounts(self) -> Sequence[Mount]:
        """For the router of each listener."""
        return tuple(self._mounts)
