"""The rules of people: withdrawals, decisions, suppressions, and what a restored copy must doubt."""

from dataclasses import replace

import pytest

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage
from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Fault, Handover, Scope
from posthorse.spool import rules
from posthorse.spool.desk_port import Decision
from posthorse.spool.port import Refusal, Settled
from posthorse.spool.rules import Change, Row
from tests.unit.spool.rows import (
    DOUBTED,
    ENDS,
    EXPIRES,
    HANDED_OVER,
    HELD_BY_COURIER,
    IN_DOUBT,
    LEASED,
    LIVE,
    NOW,
    OUT,
    QUEUED,
    RELEASED,
    RESCUE,
    RESCUE_OUT,
    SECOND,
    WAITING,
    A,
    B,
    answer,
)

# --- people ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "end"),
    [
        (WAITING, "by how"),
        (HELD_BY_COURIER, "by how"),
        (SECOND, LEASED),
        (OUT, RELEASED),
        (DOUBTED, IN_DOUBT),
        (replace(WAITING, carriage=HANDED_OVER, next_at=None), HANDED_OVER),
        (replace(WAITING, carriage=Carriage.REJECTED, next_at=None), Carriage.REJECTED),
    ],
)
@pytest.mark.parametrize("how", [rules.CANCELLED, rules.SUPERSEDED])
def test_withdrawal_ends_what_waits_and_marks_what_is_out(row: Row, end: Carriage | str, how: str) -> None:
    """What nobody may have got ends at once; of what may be out no further copy goes; ended mail stays as it is."""
    change = rules.withdraw(row, how)
    assert change.row.carriage is (Carriage(how) if isinstance(end, str) else end)
    assert (change.row == row) == (row.carriage in ENDS_OF_DUTY)
    assert change.row.next_at is None
    assert rules.withdraw(change.row, rules.CANCELLED) == Change(row=change.row)


@pytest.mark.parametrize("row", [*LIVE, replace(WAITING, carriage=HANDED_OVER, next_at=None)])
@pytest.mark.parametrize("decision", [Decision.ANOTHER_COPY, Decision.WAS_HANDED_OVER, Decision.WAS_NOT_SENT])
def test_decisions_about_doubt_apply_to_doubt_only(row: Row, decision: Decision) -> None:
    """A person can settle what is in doubt, and nothing else by the same word."""
    changed = rules.decide(row, decision, NOW) != Change(row=row)
    assert changed == (row.carriage is IN_DOUBT)


def test_another_copy_raises_the_budget_by_one() -> None:
    """A person lets one more copy out, over all providers, now."""
    spent = replace(DOUBTED, copies_released=2, doubtful=(2, 3), next_at=None)
    change = rules.decide(spent, Decision.ANOTHER_COPY, NOW)
    assert change == Change(row=replace(spent, copies_allowed=3, next_at=NOW, tried=()))
    assert rules.may_lease(change.row, NOW)


@pytest.mark.parametrize("row", [replace(DOUBTED, withdrawn=rules.CANCELLED), replace(DOUBTED, expires_at=NOW)])
def test_no_other_copy_of_what_was_withdrawn_or_is_late(row: Row) -> None:
    """Not even a person sends another copy of withdrawn or late mail."""
    assert rules.decide(row, Decision.ANOTHER_COPY, NOW) == Change(row=row)


def test_taken_as_handed_over_and_confirmed_late_is_no_duplicate() -> None:
    """The late yes of the attempt the person spoke about confirms the decision; the yes of another is news."""
    one = rules.decide(DOUBTED, Decision.WAS_HANDED_OVER, NOW).row
    assert one.carriage is HANDED_OVER
    assert rules.settle(one, answer(Handover(), fence=3), NOW) == (Change(row=one), Settled.RECORDED)
    two = rules.decide(replace(DOUBTED, copies_released=2, doubtful=(2, 3)), Decision.WAS_HANDED_OVER, NOW).row
    assert rules.settle(two, answer(Handover(), fence=3), NOW)[1] is Settled.RECORDED
    assert rules.settle(two, answer(Handover(), fence=2), NOW)[1] is Settled.LATE_APPLIED


def test_taken_as_never_sent_goes_back_to_the_queue_with_its_copies() -> None:
    """A person's word gives every copy back; a withdrawn one ends instead."""
    change = rules.decide(DOUBTED, Decision.WAS_NOT_SENT, NOW)
    assert (change.row.carriage, change.row.copies_released, change.row.tried) == (QUEUED, 0, ())
    withdrawn = replace(DOUBTED, withdrawn=rules.CANCELLED, next_at=None)
    assert rules.decide(withdrawn, Decision.WAS_NOT_SENT, NOW).row.carriage is Carriage.CANCELLED


@pytest.mark.parametrize("copies_allowed", [1, 2])
def test_the_answer_a_person_did_not_wait_for_is_still_heard(copies_allowed: int) -> None:
    """After `was not sent` a late yes stops what waits and counts what is out; a late no frees nothing twice."""
    back = rules.decide(replace(DOUBTED, copies_allowed=copies_allowed), Decision.WAS_NOT_SENT, NOW).row
    leased = rules.lease(back, 2_000).row
    out = rules.release(leased, 3_000, B).row
    yes, no = answer(Handover(), fence=3), answer(Fault(scope=Scope.PROVIDER), fence=3)
    assert rules.settle(back, yes, NOW)[0].row.carriage is HANDED_OVER
    stopped, told = rules.settle(leased, yes, NOW)
    assert (stopped.row.carriage, told) == (HANDED_OVER, Settled.LATE_APPLIED)
    assert rules.release_refusal(stopped.row, leased.fence, NOW, suppressed=False) is Refusal.STALE
    assert rules.settle(out, yes, NOW)[1] is Settled.LATE_APPLIED
    assert rules.settle(out, no, NOW)[0].row.copies_released == 1


@pytest.mark.parametrize(
    ("row", "tried"), [(replace(WAITING, tried=(A, B), next_at=EXPIRES), ()), (replace(DOUBTED, tried=(A, B)), (A,))]
)
def test_retry_now_begins_a_new_round_but_not_where_a_copy_may_be(row: Row, tried: tuple[ProviderName, ...]) -> None:
    """Due at once over all providers, save those that may hold a copy."""
    change = rules.decide(row, Decision.RETRY_NOW, NOW)
    assert change == Change(row=replace(row, next_at=NOW, tried=tried))


@pytest.mark.parametrize("row", [HELD_BY_COURIER, OUT, replace(DOUBTED, carriage=HANDED_OVER)])
def test_retry_now_leaves_alone_what_does_not_wait(row: Row) -> None:
    """What is under way or ended cannot be hurried."""
    assert rules.decide(row, Decision.RETRY_NOW, NOW) == Change(row=row)


def test_retry_now_does_not_pass_the_budget() -> None:
    """In doubt with its budget spent it stays without a due time."""
    spent = replace(DOUBTED, copies_allowed=1, next_at=None)
    assert rules.decide(spent, Decision.RETRY_NOW, NOW) == Change(row=spent)


@pytest.mark.parametrize("row", [WAITING, HELD_BY_COURIER, DOUBTED])
def test_cancel_ends_what_is_not_under_way(row: Row) -> None:
    """A person's cancellation ends waiting, leased and doubtful mail at once."""
    assert rules.decide(row, Decision.CANCEL, NOW).row.carriage is Carriage.CANCELLED


@pytest.mark.parametrize("row", LIVE)
def test_suppression_ends_only_what_waits_unsent(row: Row) -> None:
    """Waiting mail to a listed address ends; what is under way meets the list at its release."""
    end = Carriage.SUPPRESSED if row.carriage is QUEUED else row.carriage
    assert rules.suppress_waiting(row).row.carriage is end


# --- restored copies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", LIVE)
def test_a_restored_copy_doubts_all_that_is_not_final(row: Row) -> None:
    """Budget spent, never due by itself, no old lease valid, and an attempt that was out is still owed its answer."""
    change = rules.doubt(row)
    assert change.row.carriage is IN_DOUBT
    assert change.row.copies_released == row.copies_allowed
    assert change.row.next_at is None
    assert change.row.fence > row.fence or row.copies_released >= row.copies_allowed or row.fence == 0
    assert rules.release_refusal(change.row, row.fence, NOW, suppressed=False) is Refusal.STALE
    assert rules.doubt(change.row) == Change(row=change.row)
    if row.carriage is RELEASED:
        assert rules.settle(change.row, answer(Handover(), fence=row.fence), NOW)[0].row.carriage is HANDED_OVER


@pytest.mark.parametrize("carriage", ENDS, ids=lambda c: c.value)
def test_a_restored_copy_leaves_ends_of_duty_alone(carriage: Carriage) -> None:
    """What had ended had ended."""
    row = replace(WAITING, carriage=carriage, next_at=None)
    assert rules.doubt(row) == Change(row=row)


def test_a_restored_copy_knows_what_was_handed_over() -> None:
    """A further copy of handed-over mail was under way: handed over it stays."""
    assert rules.doubt(RESCUE).row.carriage is HANDED_OVER
    assert rules.doubt(RESCUE_OUT).row.carriage is HANDED_OVER
