"""What is wrong with a configuration, all of it at once: where, what, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that must be changed before the configuration can be used."""

    path: str
    """As in `providers[1].port`; counted from 0. Empty: the whole file."""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        told = f"{self.path}: {self.what}" if self.path else self.what
        return f"{told}; {self.remedy}" if self.remedy else told


class ConfigProblems(Exception):
    """The configuration cannot be used; nothing of it took effect."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
