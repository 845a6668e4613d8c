"""Standings: what counts against a provider, and when it trips."""

import pytest

from posthorse.mail.outcome import Deferral, Fault, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import GOOD, Standing
from posthorse.watch.standing import failure_weight
from tests.unit.watch.case import DOWN, EJECTED, STRAINED, YES, A, Case

OURS = {Scope.ACCOUNT, Scope.CHANNEL, Scope.PROVIDER}


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("kind", [Deferral, Rejection, Fault, Throttle, Unclear], ids=lambda kind: kind.__name__)
def test_only_what_speaks_of_the_provider_counts_against_it(
    kind: type[Deferral | Rejection | Fault | Throttle | Unclear], scope: Scope
) -> None:
    """Unclear weighs two; recipients, content, domains, operators and we ourselves weigh nothing."""
    if kind is Unclear:
        weight = 0 if scope is Scope.US else 2
    elif kind is Rejection:
        weight = int(scope is Scope.ACCOUNT)
    else:
        weight = int(scope in OURS)
    assert failure_weight(kind(scope=scope)) == weight
    assert failure_weight(YES) == 0


@pytest.mark.parametrize(
    "outcome", [YES, *[Rejection(scope=scope) for scope in set(Scope) - {Scope.ACCOUNT}]], ids=repr
)
def test_what_concerns_the_mail_never_closes_a_provider(outcome: Outcome) -> None:
    """A thousand refused recipients in a row leave the standing good for everybody else."""
    case = Case()
    case.end(A, *[outcome] * 1_000)
    assert case.of(A, domain="other.example") is GOOD
    assert case.told == []


@pytest.mark.parametrize(
    ("outcomes", "trips"),
    [
        ([DOWN] * 4, False),
        ([DOWN] * 5, True),
        ([*[DOWN] * 4, YES, *[DOWN] * 4], False),
        ([*[DOWN] * 4, Rejection(scope=Scope.RECIPIENT), DOWN], True),
        ([Unclear(), Unclear()], False),
        ([Unclear(), Unclear(), Unclear()], True),
        ([Unclear(), Unclear(), DOWN], True),
        ([Deferral(scope=Scope.CHANNEL)] * 5, True),
        ([Throttle(scope=Scope.PROVIDER)] * 5, True),
        ([Rejection(scope=Scope.ACCOUNT)], False),
        ([Rejection(scope=Scope.ACCOUNT)] * 2, True),
        ([Fault(scope=Scope.ACCOUNT), Rejection(scope=Scope.ACCOUNT)], True),
        ([Rejection(scope=Scope.ACCOUNT), YES, Rejection(scope=Scope.ACCOUNT)], False),
        ([Rejection(scope=Scope.ACCOUNT), DOWN, Rejection(scope=Scope.ACCOUNT)], False),
        ([Throttle(scope=Scope.ACCOUNT)] * 4, False),
        ([Throttle(scope=Scope.ACCOUNT)] * 5, True),
        ([YES, DOWN] * 9, False),
        ([YES, DOWN] * 10, True),
        ([YES, YES, DOWN] * 30, False),
    ],
)
def test_it_trips_on_a_row_a_ratio_or_a_word_about_the_account(outcomes: list[Outcome], trips: bool) -> None:
    """Five in a row (unclear counts two), half of at least twenty in a minute, or two answers about the account."""
    case = Case()
    case.end(A, *outcomes)
    assert (case.state(A) is EJECTED) is trips
    assert case.told == ([(A, EJECTED)] if trips else [])
    assert case.of(A).usable is (not trips and not isinstance(outcomes[-1], Throttle))


def test_the_ratio_looks_at_the_last_minute_only() -> None:
    """Failures of an hour ago do not count, neither do successes."""
    case = Case()
    case.end(A, *[YES, DOWN] * 9)
    case.now_s += 3_600
    case.end(A, YES, DOWN)
    assert case.state(A) is not EJECTED
    case.end(A, *[DOWN, YES, DOWN] * 6)
    assert case.state(A) is EJECTED


def test_the_reason_is_kept_in_words() -> None:
    """`explain` and the log say why."""
    case = Case()
    case.trip(A)
    assert case.of(A) == Standing(state=EJECTED, share=0.0, why="5 failures in a row")
    assert case.standings.why(A) == "5 failures in a row"


@pytest.mark.parametrize(
    ("ages", "since_answer_s", "typical_s", "stalls"),
    [
        ([2.1] * 5, 2.1, 0.1, True),
        ([2.1] * 4, 2.1, 0.1, False),
        ([1.9] * 50, 2.1, 0.1, False),
        ([2.1] * 5, 1.9, 0.1, False),
        ([4.0] * 5, 4.0, 2.0, False),
        ([6.1] * 5, 6.1, 2.0, True),
        ([], 100.0, 0.1, False),
    ],
)
def test_it_stalls_when_many_wait_far_longer_than_usual(
    ages: list[float], since_answer_s: float, typical_s: float, stalls: bool
) -> None:
    """Five released attempts over three times the usual (at least 2 s), and no answer at all meanwhile."""
    case = Case()
    case.end(A, YES, took_s=typical_s)
    case.now_s += since_answer_s
    assert case.standings.stalled(A, ages, case.now_s) is stalls
    assert (case.state(A) is EJECTED) is stalls
    assert case.standings.stalled(A, ages, case.now_s) is False, "it just tripped once"


def test_our_own_trouble_is_no_answer() -> None:
    """An attempt that failed by our own doing neither counts nor breaks a silence."""
    case = Case()
    case.end(A, YES)
    case.now_s += 10
    case.end(A, *[Fault(scope=Scope.US)] * 50)
    assert case.standings.minute(A, case.now_s) == (1, 0)
    assert case.standings.stalled(A, [9.0] * 5, case.now_s)


def test_a_stall_of_the_last_one_is_told_once() -> None:
    """It stays open, and what waits is planned anew once, not at every tick."""
    case = Case([(A,)])
    case.end(A, YES)
    case.now_s += 10
    assert [case.standings.stalled(A, [9.0] * 5, case.now_s) for _ in range(3)] == [True, False, False]
    assert case.told == [(A, STRAINED)]
