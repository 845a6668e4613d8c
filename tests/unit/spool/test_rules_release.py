"""The rules of one row up to its release: who may lease, who gets the mark, and what a refused mark does."""

from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage, Cause, IllegalMove
from posthorse.spool import rules
from posthorse.spool.port import Refusal
from posthorse.spool.rules import Change, Row
from tests.unit.spool.rows import (
    DOUBTED,
    ENDS,
    EXPIRES,
    HANDED_OVER,
    HELD_BY_COURIER,
    IN_DOUBT,
    LEASED,
    NOW,
    OUT,
    QUEUED,
    RELEASED,
    RESCUE,
    SECOND,
    WAITING,
    B,
    steps,
)

# --- lease ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "may"),
    [
        (WAITING, True),
        (replace(WAITING, next_at=NOW + 1), False),
        (replace(WAITING, next_at=None), False),
        (replace(WAITING, hold=1), False),
        (replace(WAITING, expires_at=NOW), False),
        (DOUBTED, True),
        (replace(DOUBTED, copies_allowed=1), False),
        (replace(DOUBTED, withdrawn=rules.CANCELLED), False),
        (replace(DOUBTED, hold=1), False),
        (replace(DOUBTED, next_at=None), False),
        *[(replace(WAITING, carriage=end), False) for end in ENDS],
        (replace(HELD_BY_COURIER, next_at=NOW), False),
        (replace(OUT, next_at=NOW), False),
    ],
)
def test_only_due_mail_with_budget_may_be_leased(row: Row, may: bool) -> None:
    """Waiting, due, not held, not late, and for mail in doubt a copy left in the budget and no withdrawal."""
    assert rules.may_lease(row, NOW) is may


@pytest.mark.parametrize("row", [WAITING, DOUBTED])
def test_a_lease_raises_the_fence_and_remembers_its_base(row: Row) -> None:
    """The fence rises by one, the base is where it waited, and it is due no more."""
    change = rules.lease(row, 2_000)
    assert steps(change) == [(LEASED, Cause.LEASE)]
    assert change.row == replace(
        row, carriage=LEASED, fence=row.fence + 1, leased_from=row.carriage, lease_until=2_000, next_at=None
    )


@pytest.mark.parametrize("carriage", set(Carriage) - {QUEUED, IN_DOUBT, LEASED}, ids=lambda c: c.value)
def test_leasing_what_does_not_wait_is_an_illegal_move(carriage: Carriage) -> None:
    """A lease from any other state raises and changes nothing."""
    with pytest.raises(IllegalMove):
        rules.lease(replace(WAITING, carriage=carriage), 2_000)


# --- release --------------------------------------------------------------------------------------------------------

EVERYTHING_WRONG = replace(
    HELD_BY_COURIER, withdrawn=rules.CANCELLED, expires_at=NOW, hold=1, copies_released=2, copies_allowed=2
)


@pytest.mark.parametrize(
    ("row", "fence", "suppressed", "refusal"),
    [
        (HELD_BY_COURIER, 3, False, None),
        (HELD_BY_COURIER, 2, False, Refusal.STALE),
        (HELD_BY_COURIER, 4, False, Refusal.STALE),
        (OUT, 3, False, Refusal.STALE),
        (WAITING, 0, False, Refusal.STALE),
        (replace(HELD_BY_COURIER, carriage=HANDED_OVER), 3, False, Refusal.STALE),
        (HELD_BY_COURIER, 3, True, Refusal.SUPPRESSED),
        (replace(HELD_BY_COURIER, withdrawn=rules.SUPERSEDED), 3, False, Refusal.WITHDRAWN),
        (replace(HELD_BY_COURIER, expires_at=NOW), 3, False, Refusal.EXPIRED),
        (replace(HELD_BY_COURIER, expires_at=NOW + 1), 3, False, None),
        (replace(HELD_BY_COURIER, hold=1), 3, False, Refusal.HELD),
        (replace(HELD_BY_COURIER, copies_released=2), 3, False, Refusal.BUDGET),
        (SECOND, 4, False, None),
        (replace(SECOND, copies_allowed=1), 4, False, Refusal.BUDGET),
        (EVERYTHING_WRONG, 2, True, Refusal.STALE),
        (EVERYTHING_WRONG, 3, True, Refusal.SUPPRESSED),
        (EVERYTHING_WRONG, 3, False, Refusal.WITHDRAWN),
        (replace(EVERYTHING_WRONG, withdrawn=""), 3, False, Refusal.EXPIRED),
        (replace(EVERYTHING_WRONG, withdrawn="", expires_at=EXPIRES), 3, False, Refusal.HELD),
        (replace(EVERYTHING_WRONG, withdrawn="", expires_at=EXPIRES, hold=None), 3, False, Refusal.BUDGET),
    ],
)
def test_the_release_mark_is_refused_for_the_first_reason_that_holds(
    row: Row, fence: int, suppressed: bool, refusal: Refusal | None
) -> None:
    """Fence, list, withdrawal, deadline, hold, budget: in this order, and none of them may be missing."""
    assert rules.release_refusal(row, fence, NOW, suppressed=suppressed) is refusal


def test_a_release_counts_one_copy_and_notes_where_it_went() -> None:
    """One more copy is out, the lease lasts until the answer is due, the provider is known."""
    change = rules.release(SECOND, 3_000, B)
    assert steps(change) == [(RELEASED, Cause.RELEASE)]
    assert change.row == replace(SECOND, carriage=RELEASED, copies_released=2, lease_until=3_000, provider=B)


@pytest.mark.parametrize(
    ("row", "reason", "end", "next_at"),
    [
        (HELD_BY_COURIER, Refusal.SUPPRESSED, Carriage.SUPPRESSED, None),
        (HELD_BY_COURIER, Refusal.EXPIRED, Carriage.EXPIRED, None),
        (HELD_BY_COURIER, Refusal.HELD, QUEUED, NOW),
        (HELD_BY_COURIER, Refusal.BUDGET, QUEUED, NOW),
        (replace(HELD_BY_COURIER, withdrawn=rules.CANCELLED), Refusal.WITHDRAWN, Carriage.CANCELLED, None),
        (replace(HELD_BY_COURIER, withdrawn=rules.SUPERSEDED), Refusal.WITHDRAWN, Carriage.SUPERSEDED, None),
        (SECOND, Refusal.SUPPRESSED, IN_DOUBT, None),
        (SECOND, Refusal.EXPIRED, IN_DOUBT, None),
        (SECOND, Refusal.HELD, IN_DOUBT, NOW),
        (SECOND, Refusal.BUDGET, IN_DOUBT, None),
        (replace(SECOND, withdrawn=rules.CANCELLED), Refusal.WITHDRAWN, IN_DOUBT, None),
        (RESCUE, Refusal.SUPPRESSED, HANDED_OVER, None),
        (RESCUE, Refusal.HELD, HANDED_OVER, None),
    ],
)
def test_a_refused_release_moves_its_row_on(row: Row, reason: Refusal, end: Carriage, next_at: int | None) -> None:
    """Queued mail ends or waits as the reason says; what may be out elsewhere rests where it was."""
    change = rules.refuse(row, reason, NOW)
    assert change.row.carriage is end
    assert change.row.next_at == next_at
    assert change.row.lease_until is None
    assert change.row.copies_released == row.copies_released


@pytest.mark.parametrize("row", [WAITING, HELD_BY_COURIER, OUT, DOUBTED])
def test_a_stale_caller_moves_nothing(row: Row) -> None:
    """Whoever lost its lease cannot touch the row."""
    assert rules.refuse(row, Refusal.STALE, NOW) == Change(row=row)
