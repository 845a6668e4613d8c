"""The rules of one recipient's row, one by one, as tables."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Cause, IllegalMove
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.spool import rules
from posthorse.spool.desk_port import Decision
from posthorse.spool.port import Refusal, Settled, Settlement
from posthorse.spool.rules import Change, Row

NOW, LATER, EXPIRES = 1_000, 1_500, 9_000
A, B, C = (ProviderName(name) for name in "ABC")
QUEUED, LEASED, RELEASED = Carriage.QUEUED, Carriage.LEASED, Carriage.RELEASED
IN_DOUBT, HANDED_OVER = Carriage.IN_DOUBT, Carriage.HANDED_OVER

WAITING = Row(carriage=QUEUED, expires_at=EXPIRES, copies_allowed=2, next_at=NOW)
HELD_BY_COURIER = replace(WAITING, carriage=LEASED, leased_from=QUEUED, lease_until=2_000, next_at=None, fence=3)
OUT = replace(HELD_BY_COURIER, carriage=RELEASED, copies_released=1, provider=B)
DOUBTED = replace(WAITING, carriage=IN_DOUBT, copies_released=1, fence=3, doubtful=(3,), tried=(A,), provider=A)
SECOND = replace(DOUBTED, carriage=LEASED, leased_from=IN_DOUBT, lease_until=2_000, next_at=None, fence=4)
SECOND_OUT = replace(SECOND, carriage=RELEASED, copies_released=2, provider=B)
RESCUE = replace(SECOND, leased_from=HANDED_OVER, doubtful=())
RESCUE_OUT = replace(RESCUE, carriage=RELEASED, copies_released=2, provider=B)

CERTAIN_KINDS: tuple[Callable[..., Outcome], ...] = (Deferral, Rejection, Fault, Throttle)
CERTAIN_NOS: list[Outcome] = [kind(scope=scope) for kind in CERTAIN_KINDS for scope in Scope]


def answer(
    outcome: Outcome | None, *, fence: int, final: bool = False, released: bool = True, next_at: int | None = LATER
) -> Settlement:
    """A settlement of an attempt at B."""
    return Settlement(
        message_id=MessageId(bytes(16)),
        n=0,
        fence=fence,
        outcome=outcome,
        final=final,
        next_at=next_at,
        tried=(A, B),
        provider=B,
        released=released,
    )


def steps(change: Change) -> list[tuple[Carriage, Cause]]:
    """Where the change leads, step by step."""
    return [(move.new, move.cause) for move in change.moves]


ENDS = [carriage for carriage in Carriage if carriage in ENDS_OF_DUTY]

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


# --- the present answer ---------------------------------------------------------------------------------------------


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


# --- late answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "end", "settled"),
    [
        (DOUBTED, HANDED_OVER, Settled.LATE_APPLIED),
        (SECOND, HANDED_OVER, Settled.LATE_APPLIED),
        (SECOND_OUT, RELEASED, Settled.DUPLICATE),
        (replace(DOUBTED, carriage=HANDED_OVER, copies_released=2, next_at=None), HANDED_OVER, Settled.DUPLICATE),
        (replace(DOUBTED, carriage=Carriage.CANCELLED, next_at=None), Carriage.CANCELLED, Settled.RECORDED),
        (replace(DOUBTED, carriage=QUEUED, copies_released=0, tried=()), HANDED_OVER, Settled.LATE_APPLIED),
    ],
)
def test_a_late_yes_settles_doubt_stops_a_newer_lease_or_is_a_duplicate(
    row: Row, end: Carriage, settled: Settled
) -> None:
    """It ends the doubt, takes the fence from a courier that has not released, and is counted where a copy followed."""
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


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "end", "next_at", "tried"),
    [
        (HELD_BY_COURIER, QUEUED, NOW, ()),
        (SECOND, IN_DOUBT, NOW, (A,)),
        (RESCUE, HANDED_OVER, None, (A,)),
        (OUT, IN_DOUBT, NOW, (B,)),
        (replace(OUT, tried=(C, A)), IN_DOUBT, NOW, (B,)),
        (replace(OUT, copies_allowed=1), IN_DOUBT, None, (B,)),
        (replace(OUT, withdrawn=rules.CANCELLED), IN_DOUBT, None, (B,)),
        (SECOND_OUT, IN_DOUBT, None, (A, B)),
        (replace(HELD_BY_COURIER, withdrawn=rules.SUPERSEDED), Carriage.SUPERSEDED, None, ()),
    ],
)
def test_a_lapsed_lease_sent_nothing_unless_it_was_released(
    row: Row, end: Carriage, next_at: int | None, tried: tuple[ProviderName, ...]
) -> None:
    """Unreleased it returns to its base; released it is in doubt, and the provider that may hold it leads `tried`."""
    change = rules.lapse(row, NOW)
    assert (change.row.carriage, change.row.next_at, change.row.tried) == (end, next_at, tried)
    assert change.row.copies_released == row.copies_released
    assert {cause for _, cause in steps(change)} <= {Cause.LAPSE, Cause.SUPERSEDE}


@pytest.mark.parametrize(
    ("row", "end"),
    [
        (WAITING, Carriage.EXPIRED),
        (replace(WAITING, hold=4), Carriage.EXPIRED),
        (DOUBTED, IN_DOUBT),
        (HELD_BY_COURIER, LEASED),
        (OUT, RELEASED),
        (replace(WAITING, carriage=HANDED_OVER, next_at=None), HANDED_OVER),
    ],
)
def test_expiry_ends_only_what_waits_unsent(row: Row, end: Carriage) -> None:
    """Queued mail expires, held or not; what may be out stays what it is and is never sent again."""
    change = rules.expire(row)
    assert change.row.carriage is end
    assert change.row.next_at is None


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


LIVE = [WAITING, HELD_BY_COURIER, OUT, DOUBTED, SECOND, SECOND_OUT]


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
    """The late yes of the attempt the person spoke about confirms the decision; the yes of another is a duplicate."""
    one = rules.decide(DOUBTED, Decision.WAS_HANDED_OVER, NOW).row
    assert one.carriage is HANDED_OVER
    assert rules.settle(one, answer(Handover(), fence=3), NOW) == (Change(row=one), Settled.RECORDED)
    two = rules.decide(replace(DOUBTED, copies_released=2, doubtful=(2, 3)), Decision.WAS_HANDED_OVER, NOW).row
    assert rules.settle(two, answer(Handover(), fence=3), NOW)[1] is Settled.RECORDED
    assert rules.settle(two, answer(Handover(), fence=2), NOW)[1] is Settled.DUPLICATE


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
    assert rules.settle(out, yes, NOW)[1] is Settled.DUPLICATE
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
