"""Standings: the way back, by trials and a ramp, with its times."""

import pytest

from posthorse.mail.outcome import Fault, Rejection, Scope, Unclear
from posthorse.mail.standing import GOOD, Standing, StandingState
from tests.unit.watch.case import DOWN, EJECTED, ON_TRIAL, STRAINED, YES, A, B, Case


@pytest.mark.parametrize(
    ("roll", "ejections", "pause_s"),
    [(0.5, 1, 30), (0.5, 2, 60), (0.5, 3, 90), (0.5, 10, 300), (0.5, 25, 300), (0.0, 1, 24), (0.999999, 1, 36)],
)
def test_each_ejection_lasts_longer(roll: float, ejections: int, pause_s: float) -> None:
    """Thirty seconds times the count of ejections, at most 300 s, with a fifth of jitter both ways."""
    case = Case(roll=roll)
    case.trip(A)
    for _ in range(ejections - 1):
        case.now_s += 400
        case.end(A, DOWN)
    case.now_s += pause_s - 0.01
    assert case.state(A) is EJECTED
    case.now_s += 0.02
    assert case.state(A) is ON_TRIAL


def test_after_the_pause_five_trials_bring_it_back_in_steps() -> None:
    """At most five test messages at once; five handovers begin the ramp: 10, 25, 50 % and then all within a minute."""
    case = Case()
    case.trip(A)
    case.now_s += 30.1
    for left in (5, 4, 3, 2, 1):
        assert case.of(A) == Standing(state=ON_TRIAL, share=1.0, probes=left, why="on trial")
        case.begin(A)
    assert not case.of(A).usable
    for _ in range(4):
        case.finish(A, YES, case.now_s)
    assert case.of(A).probes == 0
    case.finish(A, YES, case.now_s)
    shares = []
    for _ in range(7):
        shares.append(case.of(A).share)
        case.now_s += 10
    assert shares == [0.10, 0.10, 0.25, 0.25, 0.50, 0.50, 1.0]
    assert case.of(A) is GOOD
    assert case.told == [(A, EJECTED), (A, ON_TRIAL), (A, STRAINED), (A, StandingState.GOOD)]


def test_one_failed_trial_ejects_it_for_longer() -> None:
    """The second pause is twice the first, and trials begin anew."""
    case = Case()
    case.trip(A)
    case.now_s += 31
    case.end(A, YES, YES, YES, YES, DOWN)
    assert case.state(A) is EJECTED
    case.now_s += 59
    assert case.state(A) is EJECTED
    case.now_s += 2
    assert case.of(A).probes == 5


def test_a_failure_while_it_ramps_back_needs_a_row_again() -> None:
    """One failure does not throw it back, five do, and the pause goes on growing until the ramp is done."""
    case = Case()
    case.trip(A)
    case.recover(A)
    case.end(A, DOWN)
    assert case.of(A).share == 0.10
    case.end(A, *[DOWN] * 4)
    case.now_s += 59
    assert case.state(A) is EJECTED
    case.recover(A)
    case.now_s += 61
    assert case.of(A) is GOOD
    case.trip(A)
    case.now_s += 31
    assert case.state(A) is ON_TRIAL


def test_trials_that_say_nothing_are_neither_passed_nor_failed() -> None:
    """A refused recipient, or an attempt stopped by ourselves, gives its place among the trials back."""
    case = Case()
    case.trip(A)
    case.now_s += 31
    for _ in range(10):
        case.end(A, Rejection(scope=Scope.RECIPIENT), Fault(scope=Scope.US))
    assert case.of(A) == Standing(state=ON_TRIAL, share=1.0, probes=5, why="on trial")


def test_urgent_mail_is_spared_the_trials_for_a_while() -> None:
    """Others test it first; if they did not bring it back within 15 s, urgent mail helps."""
    case = Case()
    case.trip(A)
    case.now_s += 30.1
    assert case.of(A).usable
    assert not case.of(A, urgent=True).usable
    case.now_s += 15
    assert case.of(A, urgent=True).usable
    case.end(A, YES)
    assert case.of(A, urgent=True).usable, "each trial passed does not put it off again"


def test_failures_of_attempts_that_began_before_the_ejection_change_nothing() -> None:
    """Whatever ends badly while it is closed does not prolong the pause, and later fails no trial."""
    case = Case()
    began_s = case.now_s
    case.now_s += 0.1
    case.trip(A)
    case.now_s += 10
    for _ in range(20):
        case.finish(A, DOWN, began_s)
    case.end(A, *[DOWN] * 5)
    case.now_s += 20.1
    assert case.state(A) is ON_TRIAL
    case.finish(A, Unclear(), began_s)
    assert case.of(A).probes == 5
    case.end(A, *[YES] * 5, DOWN)
    assert case.of(A).share == 0.10


def test_handovers_of_attempts_that_began_before_the_ejection_are_no_trials() -> None:
    """They tell how it was: the pause and all five trials remain, also with a probe out, and later while on trial."""
    case = Case()
    old_s = case.begin(A)
    case.now_s += 0.1
    case.trip(A)
    case.trip(B)
    case.now_s += 5
    probe_s = case.begin(A)
    case.now_s += 0.1
    for _ in range(10):
        case.finish(A, YES, old_s)
    assert case.state(A) is EJECTED
    case.finish(A, YES, probe_s)
    assert case.of(A).probes == 4
    for _ in range(10):
        case.finish(A, YES, old_s)
    assert case.of(A).probes == 4


def test_every_trial_that_ends_gives_its_place_back() -> None:
    """Whatever else ends meanwhile, a trial that says nothing is followed by another: no trial lasts without end."""
    case = Case()
    old_s = case.begin(A)
    case.now_s += 0.1
    case.trip(A)
    case.now_s += 31
    trials = [case.begin(A) for _ in range(5)]
    for _ in range(5):
        case.finish(A, YES, old_s)
    assert case.of(A).probes == 0, "five are out, whatever ends besides"
    case.now_s += 10
    for began_s in trials:
        case.finish(A, Fault(scope=Scope.US), began_s)
    assert case.of(A).probes == 5


def test_a_handover_of_before_makes_the_last_one_good_that_was_never_closed() -> None:
    """It is all there is, so any sign of life counts: a stall ends with the first late answer."""
    case = Case([(A,)])
    began_s = case.begin(A)
    case.now_s += 3
    assert case.standings.stalled(A, [3.0] * 5, case.now_s)
    case.finish(A, YES, began_s, took_s=3.0)
    assert case.of(A) is GOOD
    assert case.standings.typical_s(A) == 3.0


def test_one_that_ramped_back_and_became_the_last_one_is_good_after_one_handover() -> None:
    """The ramp ends when it is all there is."""
    case = Case()
    case.trip(A)
    case.recover(A)
    case.trip(B)
    case.trip(A)
    assert (case.state(A), case.state(B)) == (STRAINED, EJECTED)
    case.end(A, YES)
    assert case.of(A) is GOOD


def test_a_person_restores_it_at_once() -> None:
    """As good as new: no pause, no trial, no closed domain, no memory of ejections."""
    case = Case()
    case.end(A, Rejection(scope=Scope.SENDER_DOMAIN))
    case.trip(A)
    case.standings.forget(A)
    assert case.of(A) is GOOD
    case.trip(A)
    case.now_s += 30.1
    assert case.state(A) is ON_TRIAL


def test_an_outside_judgement_closes_it_like_a_trip() -> None:
    """`eject` follows the same rules: a pause for one of two, and never the last one."""
    case = Case()
    case.standings.eject(A, "a person said so", case.now_s)
    case.standings.eject(B, "a person said so", case.now_s)
    assert case.state(A) is EJECTED
    assert case.state(B) is STRAINED
