"""What became of an answer once history has been asked about the other copies, and how the fact of it is called.

Pure functions. Promise: history is asked only where it can change the verdict; the common answer costs no look at it.
Left out: what an answer does to its row (`posthorse.spool.rules`), what proves a copy (`posthorse.spool.proof`).
"""

from collections.abc import Sequence

from posthorse.mail.carriage import Carriage
from posthorse.mail.outcome import Handover
from posthorse.spool.port import Settled, Settlement
from posthorse.spool.proof import Trail, is_forestalled, proves_second
from posthorse.spool.rules import Row


def asks_history(row: Row, settlement: Settlement, result: Settled) -> bool:
    """Whether history must say if this answer proves a second copy, or comes after an event."""
    match result:
        case Settled.APPLIED:
            return row.leased_from is Carriage.HANDED_OVER and isinstance(settlement.outcome, Handover)
        case Settled.RECORDED:
            return settlement.released and settlement.outcome is not None
        case _:
            is_over = row.carriage in (Carriage.RELEASED, Carriage.HANDED_OVER)
            return is_over and isinstance(settlement.outcome, Handover)


def weighed(settlement: Settlement, result: Settled, trails: Sequence[Trail]) -> Settled:
    """What became of a settlement, with what history says of the other copies."""
    yes = Trail(
        kind="late_answer", new=None, cause=None, fence=settlement.fence, provider=settlement.provider, is_yes=True
    )
    if isinstance(settlement.outcome, Handover) and proves_second(trails, yes):
        return Settled.SECOND_COPY if result is Settled.APPLIED else Settled.DUPLICATE
    if result is Settled.RECORDED and is_forestalled(trails, settlement.fence):
        return Settled.AFTER_EVENT
    return result


def kind_of(settlement: Settlement, result: Settled) -> str:
    """As which kind of fact an answer stands in history."""
    match result:
        case Settled.APPLIED:
            return "moved"
        case Settled.LATE_APPLIED:
            return "late_answer"
        case Settled.DUPLICATE | Settled.SECOND_COPY:
            return "duplicate"
        case Settled.AFTER_EVENT:
            return "after_event"
        case Settled.RECORDED:
            return "late_answer" if settlement.released else "tried"
