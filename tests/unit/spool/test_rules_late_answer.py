"""The rules of late answers: what an older attempt may still move."""

from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.outcome import Fault, Handover, Outcome, Rejection, Scope, Unclear
from posthorse.spool import rules
from posthorse.spool.port import Settled
from posthorse.spool.rules import Change, Row
from tests.unit.spool.rows import (
    DOUBTED,
    HANDED_OVER,
    IN_DOUBT,
    LATER,
    LEASED,
    NOW,
    QUEUED,
    RELEASED,
    SECOND,
    SECOND_OUT,
    WAITING,
    A,
    B,
    answer,
)


@pytest.mark.parametrize(
    ("row", "end", "settled"),
    [
        (DOUBTED, HANDED_OVER, Settled.LATE_APPLIED),
        (SECOND, HANDED_OVER, Settled.LATE_APPLIED),
        (SECOND_OUT, RELEASED, Settled.LATE_APPLIED),
        (replace(DOUBTED, carriage=HANDED_OVER, copies_released=2, next_at=None), HANDED_OVER, Settled.LATE_APPLIED),
        (replace(DOUBTED, carriage=Carriage.CANCELLED, next_at=None), Carriage.CANCELLED, Settled.RECORDED),
        (replace(DOUBTED, carriage=QUEUED, copies_released=0, tried=()), HANDED_OVER, Settled.LATE_APPLIED),
    ],
)
def test_a_late_yes_settles_doubt_or_stops_a_newer_lease(row: Row, end: Carriage, settled: Settled) -> None:
    """It ends the doubt, and takes the fence from a courier that has not released."""
    change, told = rules.settle(row, answer(Handover(), fence=3), NOW)
    assert told is settled
    assert change.row.carriage is end
    assert change.row.doubtful == ()
    assert change.row.copies_released == max(1, row.copies_released)
    assert change.row.fence == row.fence + (row.carriage is LEASED)
    again = rules.settle(change.row, answer(Handover(), fence=3), NOW)
    assert again == (Change(row=change.row), Settled.RECORDED)


@pytest.mark.parametrize(
    ("second", "end"),
    [(Fault(scope=Scope.PROVIDER), HANDED_OVER), (Unclear(), HANDED_OVER), (Handover(), HANDED_OVER)],
)
def test_after_a_late_yes_the_newer_copy_never_brings_a_third(second: Outcome, end: Carriage) -> None:
    """The first copy was taken while the second was out: however the second ends, nothing more is sent."""
    known, _ = rules.settle(SECOND_OUT, answer(Handover(), fence=3), NOW)
    change, _ = rules.settle(known.row, answer(second, fence=4), NOW)
    assert change.row.carriage is end
    assert change.row.next_at is None
    assert rules.lapse(known.row, 5_000).row.carriage is HANDED_OVER


@pytest.mark.parametrize(
    ("row", "final", "end", "copies"),
    [
        (DOUBTED, False, QUEUED, 0),
        (DOUBTED, True, Carriage.REJECTED, 0),
        (replace(DOUBTED, withdrawn=rules.CANCELLED, next_at=None), False, Carriage.CANCELLED, 0),
        (replace(DOUBTED, withdrawn=rules.SUPERSEDED, next_at=None), True, Carriage.SUPERSEDED, 0),
        (replace(DOUBTED, copies_released=2, doubtful=(3, 4), fence=4, next_at=None), False, IN_DOUBT, 1),
        (replace(DOUBTED, copies_released=2, doubtful=(3, 4), fence=4, next_at=None), True, IN_DOUBT, 1),
        (replace(DOUBTED, copies_released=2, next_at=None), False, IN_DOUBT, 1),  # restored: the rest is not known
        (SECOND, False, LEASED, 0),
        (SECOND_OUT, False, RELEASED, 1),
        (replace(DOUBTED, carriage=HANDED_OVER, copies_released=2, next_at=None), False, HANDED_OVER, 1),
    ],
)
def test_a_late_no_gives_its_copy_back(row: Row, final: bool, end: Carriage, copies: int) -> None:
    """What waited on it goes on or ends; what is under way elsewhere goes on; what else may be out stays in doubt."""
    scope = Scope.RECIPIENT if final else Scope.PROVIDER
    change, settled = rules.settle(row, answer(Rejection(scope=scope), fence=3), NOW)
    assert settled is Settled.LATE_APPLIED
    assert (change.row.carriage, change.row.copies_released) == (end, copies)
    assert 3 not in change.row.doubtful
    assert change.row.fence == row.fence
    assert change.row.next_at == (NOW if end in (QUEUED, IN_DOUBT) else None)


@pytest.mark.parametrize("row", [SECOND, SECOND_OUT])
def test_when_nothing_is_out_any_more_the_newer_attempt_falls_back_to_the_queue(row: Row) -> None:
    """After the late no of the only other copy, a certain no of the newer attempt leaves nothing in doubt."""
    change, _ = rules.settle(row, answer(Fault(scope=Scope.PROVIDER), fence=3), NOW)
    after, _ = rules.settle(change.row, answer(Fault(scope=Scope.PROVIDER), fence=4), NOW)
    assert (after.row.carriage, after.row.copies_released) == (QUEUED, 0)
    assert after.row.next_at == LATER


def test_after_a_late_no_the_provider_left_in_doubt_still_leads_the_round() -> None:
    """The holders of copies come first in `tried`: B said no at last, so A, which did not, stays in front."""
    both = replace(DOUBTED, copies_released=2, doubtful=(3, 4), fence=4, tried=(B, A), next_at=None)
    change, _ = rules.settle(both, answer(Fault(scope=Scope.PROVIDER), fence=3), NOW)
    assert change.row.tried == (A, B)
    assert change.row.tried[: change.row.copies_released] == (A,)


@pytest.mark.parametrize("outcome", [None, Unclear()])
@pytest.mark.parametrize("row", [WAITING, DOUBTED, SECOND, SECOND_OUT, replace(DOUBTED, carriage=HANDED_OVER)])
def test_a_late_nothing_changes_nothing(row: Row, outcome: Outcome | None) -> None:
    """Unclear, or a lease given back, of an older fence is history only."""
    assert rules.settle(row, answer(outcome, fence=2), NOW) == (Change(row=row), Settled.RECORDED)
    if row.fence != 3 or row.carriage in (IN_DOUBT, HANDED_OVER):
        assert rules.settle(row, answer(outcome, fence=3), NOW) == (Change(row=row), Settled.RECORDED)


@pytest.mark.parametrize("outcome", [Handover(), Fault(scope=Scope.PROVIDER), Rejection(scope=Scope.RECIPIENT)])
@pytest.mark.parametrize("row", [DOUBTED, SECOND, SECOND_OUT, WAITING, replace(DOUBTED, carriage=Carriage.EXPIRED)])
def test_an_answer_nobody_is_owed_changes_nothing(row: Row, outcome: Outcome) -> None:
    """The answer of a fence that released nothing, or was answered before, is history only."""
    assert rules.settle(row, answer(outcome, fence=1), NOW) == (Change(row=row), Settled.RECORDED)
