"""What one recipient's row may do: the rules of release, settlement, lapse, expiry and decision, in one place.

Pure functions over a `Row`, the clock reading handed in. Every adapter applies them (an adapter may run the straight
path in SQL, held to the same contract suite). Promise: no rule lets a copy out that the budget, a withdrawal, a
suppression, a hold or the deadline forbids, and no answer is counted twice.

Words used here: *base* is where the row rests without the present lease (`leased_from`); *doubtful* fences are released
attempts without a complete answer, each one a copy that may be out, unless a person took it as never sent; *holders*,
the first `copies_released` of `tried`, are the providers where a copy may be.
"""

from dataclasses import dataclass, replace

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Cause, check_move
from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Handover, Outcome, Rejection, Unclear
from posthorse.spool.desk_port import Decision
from posthorse.spool.port import Refusal, Settled, Settlement

CANCELLED = "cancelled"
SUPERSEDED = "superseded"
_WITHDRAWN_END = {CANCELLED: (Carriage.CANCELLED, Cause.CANCEL), SUPERSEDED: (Carriage.SUPERSEDED, Cause.SUPERSEDE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The changing part of one recipient. Times in microseconds UTC."""

    carriage: Carriage
    expires_at: int
    copies_allowed: int
    copies_released: int = 0
    fence: int = 0
    leased_from: Carriage | None = None
    lease_until: int | None = None
    next_at: int | None = None
    """When it may be leased; None: not by itself."""
    attempts: int = 0
    tried: tuple[ProviderName, ...] = ()
    withdrawn: str = ""
    """`cancelled`, `superseded` or empty: no further copy may be released."""
    hold: int | None = None
    doubtful: tuple[int, ...] = ()
    provider: ProviderName = ProviderName("")
    """Where its latest release went; who took it, if that was learnt later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step for history."""

    old: Carriage
    new: Carriage
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row after a rule, and the steps that led there (none: carriage stayed)."""

    row: Row
    moves: tuple[Move, ...] = ()


def _moved(change: Change, new: Carriage, cause: Cause) -> Change:
    """The change carried one step on; raises `IllegalMove` for a step outside the table."""
    old = change.row.carriage
    if old is new:
        return change
    check_move(old, new, cause)
    return Change(row=replace(change.row, carriage=new), moves=(*change.moves, Move(old=old, new=new, cause=cause)))


def _at_rest(row: Row) -> Row:
    """The row without its lease; what may never be leased again by itself loses its due time."""
    due = row.next_at
    if row.carriage is Carriage.IN_DOUBT and (row.withdrawn or row.copies_released >= row.copies_allowed):
        due = None
    if row.carriage in ENDS_OF_DUTY:
        due = None
    return replace(row, leased_from=None, lease_until=None, next_at=due)


def rest(change: Change, new: Carriage, cause: Cause) -> Change:
    """Move to a resting place; a withdrawn row that comes to rest queued ends at once."""
    change = _moved(change, new, cause)
    if change.row.carriage is Carriage.QUEUED and change.row.withdrawn:
        change = _moved(change, *_WITHDRAWN_END[change.row.withdrawn])
    return replace(change, row=_at_rest(change.row))


def _base(row: Row) -> Carriage:
    """Where the row rests when its present lease comes to nothing."""
    return row.leased_from or Carriage.QUEUED


def may_lease(row: Row, now: int) -> bool:
    """Waiting, due, not held, and allowed another copy."""
    if row.next_at is None or row.next_at > now or row.hold is not None or row.expires_at <= now:
        return False
    if row.carriage is Carriage.QUEUED:
        return True
    return row.carriage is Carriage.IN_DOUBT and not row.withdrawn and row.copies_released < row.copies_allowed


def lease(row: Row, until: int) -> Change:
    """Claim a row that `may_lease`: a new, higher fence; its base is remembered."""
    change = _moved(Change(row=row), Carriage.LEASED, Cause.LEASE)
    held = replace(change.row, fence=row.fence + 1, leased_from=row.carriage, lease_until=until, next_at=None)
    return replace(change, row=held)


def holds_lease(row: Row, fence: int) -> bool:
    """Whether the row is leased under this fence and not released: what its lease's holder may go on with."""
    return row.carriage is Carriage.LEASED and row.fence == fence


def renew(row: Row, until: int) -> Change:
    """A lease that lasts longer; the fence stays, so nobody else can have come in between."""
    return Change(row=replace(row, lease_until=until))


def release_refusal(row: Row, fence: int, now: int, *, suppressed: bool) -> Refusal | None:
    """Why this lease may not release now; None: it may. The order is the order of telling."""
    if not holds_lease(row, fence):
        return Refusal.STALE
    if suppressed:
        return Refusal.SUPPRESSED
    if row.withdrawn:
        return Refusal.WITHDRAWN
    if row.expires_at <= now:
        return Refusal.EXPIRED
    if row.hold is not None:
        return Refusal.HELD
    if row.copies_released >= row.copies_allowed:
        return Refusal.BUDGET
    return None


def release(row: Row, until: int, provider: ProviderName) -> Change:
    """The release mark: one more copy counts as out from here on."""
    change = _moved(Change(row=row), Carriage.RELEASED, Cause.RELEASE)
    out = replace(change.row, copies_released=row.copies_released + 1, lease_until=until, provider=provider)
    return replace(change, row=out)


def refuse(row: Row, reason: Refusal, now: int) -> Change:
    """Move on a row whose release was refused; a stale caller moves nothing."""
    change = Change(row=row)
    base = _base(row)
    if reason is Refusal.STALE:
        return change
    if base is not Carriage.QUEUED:
        due = now if reason is Refusal.HELD else None
        return rest(Change(row=replace(row, next_at=due)), base, Cause.RETURN)
    match reason:
        case Refusal.SUPPRESSED:
            return rest(change, Carriage.SUPPRESSED, Cause.SUPPRESS)
        case Refusal.EXPIRED:
            return rest(change, Carriage.EXPIRED, Cause.EXPIRY)
        case _:
            return rest(Change(row=replace(row, next_at=now)), Carriage.QUEUED, Cause.RETURN)


def settle(row: Row, settlement: Settlement, now: int) -> tuple[Change, Settled]:
    """Record how an attempt ended; an attempt that is no longer the row's present one is a late answer."""
    present = row.fence == settlement.fence and row.carriage in (Carriage.LEASED, Carriage.RELEASED)
    if not present:
        return _settle_late(row, settlement, now)
    tried = replace(row, tried=settlement.tried)
    outcome = settlement.outcome
    if outcome is None and row.carriage is Carriage.RELEASED:
        return Change(row=row), Settled.RECORDED  # not unused: without its answer it lapses into doubt
    if outcome is None:
        given_back = replace(tried, next_at=settlement.next_at)
        return rest(Change(row=given_back), _base(row), Cause.RETURN), Settled.APPLIED
    attempts = row.attempts + bool(settlement.provider)
    tried = replace(tried, attempts=attempts, next_at=settlement.next_at)
    if _base(row) is Carriage.HANDED_OVER and not isinstance(outcome, Handover):
        tried = replace(tried, provider=_taker(row))
    return _settle_present(tried, settlement, outcome), Settled.APPLIED


def _settle_present(row: Row, settlement: Settlement, outcome: Outcome) -> Change:
    marked = row.carriage is Carriage.RELEASED
    base = _base(row)
    if isinstance(outcome, Handover) or (isinstance(outcome, Unclear) and (marked or settlement.released)):
        if not marked:  # the mark was lost with a database, or the way out broke its word: the copy is out all the same
            row = replace(row, copies_released=row.copies_released + 1)
        if isinstance(outcome, Handover):
            return rest(Change(row=row), Carriage.HANDED_OVER, Cause.ANSWER)
        return rest(Change(row=_doubting(row)), _unclear_rest(base), Cause.ANSWER)
    if marked:
        row = replace(row, copies_released=row.copies_released - 1)
    if settlement.final and base is Carriage.QUEUED and not row.withdrawn:
        return rest(Change(row=row), Carriage.REJECTED, Cause.ANSWER)
    return rest(Change(row=row), base, Cause.ANSWER)


def _doubting(row: Row) -> Row:
    """The row with its present attempt among those whose answer is owed."""
    return replace(row, doubtful=(*row.doubtful, row.fence))


def _unclear_rest(base: Carriage) -> Carriage:
    """What is known to be handed over stays so, whatever became of a further copy."""
    return Carriage.HANDED_OVER if base is Carriage.HANDED_OVER else Carriage.IN_DOUBT


def _settle_late(row: Row, settlement: Settlement, now: int) -> tuple[Change, Settled]:
    """The answer to an older attempt: it counts only while that attempt is doubtful, so never twice."""
    unchanged = Change(row=row)
    outcome = settlement.outcome
    if settlement.fence not in row.doubtful or outcome is None or isinstance(outcome, Unclear):
        return unchanged, Settled.RECORDED
    answered = replace(row, doubtful=tuple(f for f in row.doubtful if f != settlement.fence))
    if isinstance(outcome, Handover):
        return _late_handover(answered, settlement.provider)
    # A person may have given the copy back before; what is certainly still out is never taken off.
    certain = len(answered.doubtful) + (row.carriage in (Carriage.RELEASED, Carriage.HANDED_OVER))
    copies = max(row.copies_released - 1, min(row.copies_released, certain))
    others = tuple(name for name in row.tried if name != settlement.provider)
    tried = (*others, settlement.provider) if others != row.tried else row.tried
    return _late_no(replace(answered, copies_released=copies, tried=tried), outcome, now), Settled.LATE_APPLIED


def _late_handover(row: Row, provider: ProviderName) -> tuple[Change, Settled]:
    match row.carriage:
        case Carriage.IN_DOUBT | Carriage.QUEUED | Carriage.LEASED:
            return taken(row, provider, Cause.LATE_ANSWER), Settled.LATE_APPLIED
        case Carriage.RELEASED:
            return Change(row=known_taken(row, provider)), Settled.LATE_APPLIED
        case Carriage.HANDED_OVER:
            return Change(row=row), Settled.LATE_APPLIED
        case _:
            return Change(row=row), Settled.RECORDED


def known_taken(row: Row, provider: ProviderName) -> Row:
    """A released row with an older copy that is known to be taken: it rests handed over, and its taker comes first."""
    others = (name for name in row.tried if name != provider)
    return replace(row, leased_from=Carriage.HANDED_OVER, tried=(provider, *others))


def _taker(row: Row) -> ProviderName:
    """Who took the older copy of a row whose base is handed over."""
    return row.tried[0] if row.tried else row.provider


def taken(row: Row, provider: ProviderName, cause: Cause) -> Change:
    """A row without a copy under way is handed over after all; a lease that has not released is fenced off."""
    stopped = replace(row, fence=row.fence + 1) if row.carriage is Carriage.LEASED else row
    out = replace(stopped, next_at=None, copies_released=max(1, row.copies_released), provider=provider or row.provider)
    return rest(Change(row=out), Carriage.HANDED_OVER, cause)


def _late_no(row: Row, outcome: Outcome, now: int) -> Change:
    """A copy came back: what waited on it may go on, within the budget."""
    final = isinstance(outcome, Rejection) and outcome.scope.value in ("message", "recipient")
    change = Change(row=replace(row, next_at=now))
    if row.carriage is Carriage.IN_DOUBT:
        if row.copies_released:
            return replace(change, row=_at_rest(change.row))
        if final and not row.withdrawn:
            return rest(change, Carriage.REJECTED, Cause.LATE_ANSWER)
        return rest(change, Carriage.QUEUED, Cause.LATE_ANSWER)
    present = row.carriage is Carriage.RELEASED
    if row.leased_from is Carriage.IN_DOUBT and row.copies_released == present:
        return Change(row=replace(row, leased_from=Carriage.QUEUED))
    return Change(row=row)


def lapse(row: Row, now: int) -> Change:
    """The lease ran out: without its own release mark it sent nothing; with one, nobody knows."""
    if row.carriage is Carriage.RELEASED:
        holders = (*row.tried[: row.copies_released - 1], row.provider)
        doubting = replace(_doubting(row), next_at=now, attempts=row.attempts + 1, tried=holders)
        if _base(row) is Carriage.HANDED_OVER:
            doubting = replace(doubting, provider=_taker(row))
        return rest(Change(row=doubting), _unclear_rest(_base(row)), Cause.LAPSE)
    return rest(Change(row=replace(row, next_at=now)), _base(row), Cause.LAPSE)


def expire(row: Row) -> Change:
    """The deadline passed: waiting mail ends; what is in doubt stays, but is never sent again."""
    if row.carriage is Carriage.QUEUED:
        return rest(Change(row=row), Carriage.EXPIRED, Cause.EXPIRY)
    if row.carriage is Carriage.IN_DOUBT:
        return Change(row=replace(row, next_at=None))
    return Change(row=row)


def suppress_waiting(row: Row) -> Change:
    """The address was put on a list while it waited."""
    if row.carriage is Carriage.QUEUED:
        return rest(Change(row=row), Carriage.SUPPRESSED, Cause.SUPPRESS)
    return Change(row=row)


def withdraw(row: Row, how: str) -> Change:
    """Cancelled or superseded: what waits ends now, what is under way gets no further copy."""
    if row.carriage in ENDS_OF_DUTY or row.withdrawn:
        return Change(row=row)
    marked = replace(row, withdrawn=how)
    if row.carriage is Carriage.QUEUED:
        return rest(Change(row=marked), *_WITHDRAWN_END[how])
    if row.carriage is Carriage.LEASED and _base(row) is Carriage.QUEUED:
        return rest(Change(row=marked), *_WITHDRAWN_END[how])
    return Change(row=_at_rest(marked) if row.carriage is Carriage.IN_DOUBT else marked)


def decide(row: Row, decision: Decision, now: int) -> Change:
    """A person's decision; whatever does not apply to the row changes nothing (no moves, the same row)."""
    match decision:
        case Decision.CANCEL:
            if row.carriage is Carriage.IN_DOUBT:
                marked = replace(row, withdrawn=CANCELLED)
                return rest(Change(row=marked), Carriage.CANCELLED, Cause.DECISION)
            return withdraw(row, CANCELLED)
        case Decision.WITHDRAW:
            return withdraw(row, CANCELLED)
        case Decision.RETRY_NOW:
            if row.carriage in (Carriage.QUEUED, Carriage.IN_DOUBT):
                return Change(row=_at_rest(replace(row, next_at=now, tried=row.tried[: row.copies_released])))
            return Change(row=row)
        case Decision.ANOTHER_COPY:
            if row.carriage is Carriage.IN_DOUBT and not row.withdrawn and row.expires_at > now:
                more = replace(row, copies_allowed=row.copies_released + 1, next_at=now, tried=())
                return Change(row=more)
            return Change(row=row)
        case Decision.WAS_HANDED_OVER:
            if row.carriage is Carriage.IN_DOUBT:  # the person's word answers the latest attempt
                told = replace(row, doubtful=row.doubtful[:-1])
                return rest(Change(row=told), Carriage.HANDED_OVER, Cause.DECISION)
            return Change(row=row)
        case Decision.WAS_NOT_SENT:
            if row.carriage is Carriage.IN_DOUBT:
                back = replace(row, copies_released=0, next_at=now, tried=())
                return rest(Change(row=back), Carriage.QUEUED, Cause.DECISION)
            return Change(row=row)


def doubt(row: Row) -> Change:
    """After a restore: whatever is not final may have been sent by the spool this one was copied from."""
    spent = row.carriage is Carriage.IN_DOUBT and row.copies_released >= row.copies_allowed
    if row.carriage in ENDS_OF_DUTY or spent:
        return Change(row=row)
    known = _doubting(row) if row.carriage is Carriage.RELEASED else row
    blind = replace(known, copies_released=row.copies_allowed, fence=row.fence + 1, next_at=None)
    return rest(Change(row=blind), _unclear_rest(_base(row)), Cause.RESTORE)
