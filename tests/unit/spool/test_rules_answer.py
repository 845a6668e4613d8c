"""The rules of the present answer: how an attempt ends for one row."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.spool import rules
from posthorse.spool.port import Settled
from posthorse.spool.rules import Change, Row
from tests.unit.spool.rows import (
    HANDED_OVER,
    HELD_BY_COURIER,
    IN_DOUBT,
    LATER,
    NOW,
    OUT,
    QUEUED,
    RESCUE,
    RESCUE_OUT,
    SECOND,
    SECOND_OUT,
    A,
    B,
    answer,
)

CERTAIN_KINDS: tuple[Callable[..., Outcome], ...] = (Deferral, Rejection, Fault, Throttle)
CERTAIN_NOS: list[Outcome] = [kind(scope=scope) for kind in CERTAIN_KINDS for scope in Scope]


@pytest.mark.parametrize(
    ("row", "outcome", "final", "end", "copies"),
    [
        (OUT, Handover(), False, HANDED_OVER, 1),
        (SECOND_OUT, Handover(), False, HANDED_OVER, 2),
        (OUT, Unclear(), False, IN_DOUBT, 1),
        (SECOND_OUT, Unclear(), False, IN_DOUBT, 2),
        (RESCUE_OUT, Unclear(), False, HANDED_OVER, 2),
        (RESCUE_OUT, Fault(scope=Scope.PROVIDER), False, HANDED_OVER, 1),
        (OUT, Fault(scope=Scope.PROVIDER), False, QUEUED, 0),
        (SECOND_OUT, Fault(scope=Scope.PROVIDER), False, IN_DOUBT, 1),
        (OUT, Rejection(scope=Scope.RECIPIENT), True, Carriage.REJECTED, 0),
        (SECOND_OUT, Rejection(scope=Scope.RECIPIENT), True, IN_DOUBT, 1),
        (replace(OUT, withdrawn=rules.CANCELLED), Fault(scope=Scope.PROVIDER), False, Carriage.CANCELLED, 0),
        (replace(OUT, withdrawn=rules.SUPERSEDED), Rejection(scope=Scope.RECIPIENT), True, Carriage.SUPERSEDED, 0),
        (replace(OUT, withdrawn=rules.CANCELLED), Handover(), False, HANDED_OVER, 1),
        (replace(OUT, withdrawn=rules.CANCELLED), Unclear(), False, IN_DOUBT, 1),
        (HELD_BY_COURIER, Fault(scope=Scope.CHANNEL), False, QUEUED, 0),
        (HELD_BY_COURIER, Rejection(scope=Scope.MESSAGE), True, Carriage.REJECTED, 0),
        (SECOND, Fault(scope=Scope.CHANNEL), False, IN_DOUBT, 1),
        (RESCUE, Fault(scope=Scope.CHANNEL), False, HANDED_OVER, 1),
    ],
)
def test_the_present_answer_brings_the_row_to_rest(
    row: Row, outcome: Outcome, final: bool, end: Carriage, copies: int
) -> None:
    """A yes hands over, unclear doubts, a certain no gives its copy back and returns to where the lease came from."""
    change, settled = rules.settle(row, answer(outcome, fence=row.fence, final=final), NOW)
    assert settled is Settled.APPLIED
    assert (change.row.carriage, change.row.copies_released) == (end, copies)
    assert (change.row.attempts, change.row.tried) == (row.attempts + 1, (A, B))
    assert change.row.leased_from is None
    assert change.row.lease_until is None
    assert (row.fence in change.row.doubtful) == isinstance(outcome, Unclear)


@pytest.mark.parametrize("outcome", CERTAIN_NOS, ids=repr)
def test_every_certain_no_gives_its_copy_back(outcome: Outcome) -> None:
    """Of whatever kind and scope, a complete negative answer proves that this copy is not out."""
    change, _ = rules.settle(OUT, answer(outcome, fence=3), NOW)
    assert change.row.copies_released == 0
    assert change.row.next_at == LATER


@pytest.mark.parametrize(
    ("row", "next_at"),
    [
        (OUT, LATER),
        (replace(OUT, copies_allowed=1), None),
        (replace(OUT, withdrawn=rules.CANCELLED), None),
        (SECOND_OUT, None),
    ],
)
def test_doubt_comes_due_again_only_within_the_budget(row: Row, next_at: int | None) -> None:
    """In doubt it is tried again when the courier says, unless the budget is spent or it was withdrawn."""
    change, _ = rules.settle(row, answer(Unclear(), fence=row.fence), NOW)
    assert change.row.next_at == next_at


@pytest.mark.parametrize(
    ("row", "end"), [(HELD_BY_COURIER, QUEUED), (SECOND, IN_DOUBT), (RESCUE, HANDED_OVER)], ids=lambda x: ""
)
def test_a_lease_given_back_counts_as_no_attempt(row: Row, end: Carriage) -> None:
    """It rests where it was leased from, due when the courier says, with the round the courier left it."""
    change, settled = rules.settle(row, answer(None, fence=row.fence, released=False), NOW)
    assert settled is Settled.APPLIED
    assert change.row.carriage is end
    assert change.row.attempts == row.attempts
    assert change.row.tried == (A, B)
    assert change.row.next_at == (None if end is HANDED_OVER else LATER)


def test_what_was_released_cannot_be_given_back_unused() -> None:
    """Giving back a lease whose mark is committed changes nothing: without an answer it lapses into doubt."""
    assert rules.settle(OUT, answer(None, fence=3), NOW) == (Change(row=OUT), Settled.RECORDED)


def test_a_handover_without_its_mark_still_counts_as_out() -> None:
    """A database may lose a mark, a way out may break its word: what was taken is handed over, never sent again."""
    change, settled = rules.settle(HELD_BY_COURIER, answer(Handover(), fence=3, next_at=None), NOW)
    assert settled is Settled.APPLIED
    assert (change.row.carriage, change.row.copies_released) == (HANDED_OVER, 1)


@pytest.mark.parametrize(("released", "end", "copies"), [(True, IN_DOUBT, 1), (False, QUEUED, 0)])
def test_unclear_without_its_mark_is_doubt_only_if_the_caller_held_one(
    released: bool, end: Carriage, copies: int
) -> None:
    """Who had the mark may have sent; who had none certainly did not."""
    change, _ = rules.settle(HELD_BY_COURIER, answer(Unclear(), fence=3, released=released), NOW)
    assert (change.row.carriage, change.row.copies_released) == (end, copies)
