"""What the word of a provider does to one recipient's row: the rule for events, beside those for answers.

Whatever a provider tells of a message proves that it took it; but only a provider that was given a copy is believed.
Pure functions. Promise: each copy is answered once, by its own answer or by an event, whichever comes first; so neither
the order of events, nor their number, nor an answer that comes between them changes where a row comes to rest.

Left out: fate and suppression, which every kind of event has its own word for (`posthorse.mail.event`), what proves a
second copy (`posthorse.spool.proof`), and who applies all this (`posthorse.spool.learner`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import ProviderName
from posthorse.spool.proof import TELLING, Trail
from posthorse.spool.rules import Change, Row, known_taken, rest, taken

_GIVEN = frozenset({Carriage.RELEASED, Carriage.HANDED_OVER})
"""Not in doubt: that may be a copy elsewhere, told beside a try here of which nothing was released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one provider was given of one recipient's mail."""

    provider: ProviderName
    fences: frozenset[int] = frozenset()
    """Attempts that were released to it. None, yet given: the spool was restored, and nobody knows who was."""
    has_told: bool = False
    """That it has a copy is on record: another word of it says nothing new about copies."""


def given_to(provider: ProviderName, trails: Iterable[Trail]) -> Given | None:
    """What history says that a provider was given; None: nothing, so that its word counts for nothing."""
    fences, has_told, is_blind = set(), False, False
    for trail in trails:
        is_blind = is_blind or trail.cause is Cause.RESTORE
        if trail.provider != provider:
            continue
        if trail.new in _GIVEN:
            fences.add(trail.fence)
        has_told = has_told or trail.is_yes or trail.kind in TELLING
    if not (fences or has_told or is_blind):
        return None
    return Given(provider=provider, fences=frozenset(fences), has_told=has_told)


def is_plain(row: Row, provider: ProviderName) -> bool:
    """Whether an event of this provider can only tell what became of the mail: it took the only copy there is."""
    is_only = row.copies_released <= 1 and not row.doubtful
    return is_only and row.carriage is Carriage.HANDED_OVER and row.provider == provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What an event does to a row."""

    change: Change
    fence: int | None = None
    """The attempt that it answers; None: none that is owed an answer."""


def learn(row: Row, given: Given) -> Lesson:
    """What a word of a provider that was given a copy does to the row.

    Of several copies that it owes an answer for, the oldest is answered: it has at least one.
    """
    if given.has_told:
        return Lesson(change=Change(row=row))
    owed = [fence for fence in row.doubtful if fence in given.fences]
    if owed:
        row = replace(row, doubtful=tuple(fence for fence in row.doubtful if fence != owed[0]))
    fence = owed[0] if owed else None
    match row.carriage:
        case Carriage.RELEASED if not owed and row.fence in given.fences:
            return Lesson(change=_answered(row), fence=row.fence)
        case Carriage.RELEASED:
            return Lesson(change=Change(row=known_taken(row, given.provider)), fence=fence)
        case Carriage.QUEUED | Carriage.LEASED | Carriage.IN_DOUBT:
            out = row if owed else replace(row, copies_released=min(row.copies_allowed, row.copies_released + 1))
            return Lesson(change=taken(out, given.provider, Cause.EVENT), fence=fence)
        case _:
            return Lesson(change=Change(row=row), fence=fence)


def _answered(row: Row) -> Change:
    """The event came before the answer to the present attempt, and says the same."""
    holders = (*row.tried[: row.copies_released - 1], row.provider)
    return rest(Change(row=replace(row, attempts=row.attempts + 1, tried=holders)), Carriage.HANDED_OVER, Cause.EVENT)
