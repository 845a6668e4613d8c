"""How many copies of one recipient's mail are known to be taken, as history has it.

Pure functions. Promise: the number depends on what was said, not on its order; a second copy is told exactly when the
fact is written that proves it. A yes to a handover proves the copy of its attempt. An event proves that its provider
has a copy, not which one: whatever it answered or answers, that is one of them. A copy that is merely out, a doubt and
a person's word prove nothing.

Left out: where a row comes to rest (`posthorse.spool.rules`, `posthorse.spool.learning`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import ProviderName

TELLING = frozenset({"event", "duplicate"})
"""Kinds of facts that say that their provider has a copy, without a move."""

ANSWERED = frozenset({"late_answer", "after_event"})
"""Kinds of facts that hold an answer which may have moved nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """One fact of the history that says who was given a copy, or has one."""

    kind: str
    new: Carriage | None
    cause: Cause | None
    fence: int
    provider: ProviderName
    is_yes: bool = False
    """An answer of the provider said that it took the copy of this fence."""


def proven(trails: Iterable[Trail]) -> int:
    """How many copies are known to be taken, each by its own answer or at least one by a provider's event."""
    answered: dict[ProviderName, set[int]] = {}
    for trail in trails:
        if trail.is_yes:
            answered.setdefault(trail.provider, set()).add(trail.fence)
        elif trail.kind == "event":
            answered.setdefault(trail.provider, set())
    return sum(max(1, len(fences)) for fences in answered.values())


def proves_second(trails: Sequence[Trail], new: Trail) -> bool:
    """Whether a further fact proves one more copy beyond the first."""
    return proven((*trails, new)) > max(1, proven(trails))


def is_forestalled(trails: Iterable[Trail], fence: int) -> bool:
    """Whether an event had settled this attempt while its answer was still waited for, and no answer came since."""
    was_told = False
    for trail in trails:
        if trail.fence != fence:
            continue
        if trail.new is Carriage.IN_DOUBT or trail.kind in ANSWERED:
            return False
        was_told = was_told or (trail.new is Carriage.HANDED_OVER and trail.cause is Cause.EVENT)
    return was_told
