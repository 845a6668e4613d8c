"""Standings: the last open provider is never closed; with all of them bad, probes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Fault, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import GOOD, Standing, StandingState
from tests.unit.watch.case import DOWN, EJECTED, ON_TRIAL, STRAINED, YES, A, B, C, Case


def test_the_last_open_one_is_never_closed() -> None:
    """With the other one ejected or on trial it only becomes strained, whatever it does."""
    case = Case()
    case.trip(B)
    case.trip(A)
    assert (case.state(A), case.state(B)) == (STRAINED, EJECTED)
    case.now_s += 31
    assert case.state(B) is ON_TRIAL
    case.end(A, *[DOWN] * 10)
    assert case.state(A) is STRAINED
    assert case.told == [(B, EJECTED), (A, STRAINED)]


def test_one_that_recovered_lets_the_failing_one_be_closed() -> None:
    """Once the other is back in the ramp, the next failure of the failing one ejects it."""
    case = Case()
    case.trip(B)
    case.trip(A)
    case.recover(B)
    case.end(A, DOWN)
    assert case.state(A) is EJECTED


def test_a_handover_makes_the_failing_last_one_good_again() -> None:
    """It was never closed, so nothing has to be tried first."""
    case = Case([(A,)])
    case.trip(A)
    case.end(A, YES)
    assert case.of(A) is GOOD
    assert case.told == [(A, STRAINED), (A, StandingState.GOOD)]


def test_with_all_of_them_bad_each_gets_a_probe_every_five_seconds() -> None:
    """The mail waits, one message at a time finds out, urgent or not."""
    case = Case()
    case.trip(B)
    case.trip(A)
    for name in (A, B):
        assert not case.of(name).usable
    case.now_s += 5
    for name in (A, B):
        assert case.of(name).probes == 1
        assert case.of(name, urgent=True).usable
        case.begin(name)
        assert not case.of(name).usable
    case.now_s += 4.9
    assert not case.of(A).usable
    case.now_s += 0.2
    assert case.of(A).usable


def test_a_probe_that_an_ejected_one_takes_ends_its_pause() -> None:
    """With all of them bad nobody else need be waited for: it is on trial, its first trial passed."""
    case = Case()
    for _ in range(10):
        case.trip(A)
        case.now_s += 400
    case.trip(A)
    case.trip(B)
    case.now_s += 5
    assert case.of(A).probes == 1
    case.end(A, DOWN)
    case.now_s += 5
    case.end(A, YES)
    assert case.told[-1] == (A, ON_TRIAL)
    assert case.of(A) == Standing(state=ON_TRIAL, share=1.0, probes=4, why="on trial")
    assert case.state(B) is STRAINED, "the last open one is still kept open"
    case.end(A, *[YES] * 4)
    assert case.of(A).share == 0.10
    case.end(B, DOWN)
    assert case.state(B) is EJECTED


def test_a_probe_that_is_lost_lifts_nothing() -> None:
    """A failure, or our own trouble, is no sign of life."""
    case = Case()
    case.trip(A)
    case.trip(B)
    case.end(A, Fault(scope=Scope.US), DOWN, Rejection(scope=Scope.RECIPIENT))
    assert case.state(A) is EJECTED


def test_a_lifted_one_that_fails_its_trial_is_ejected_again() -> None:
    """One probe is no recovery: the pause grows as after any trial."""
    case = Case()
    case.trip(A)
    case.trip(B)
    case.end(A, YES, DOWN)
    assert case.state(A) is EJECTED
    case.now_s += 59
    assert case.state(A) is EJECTED
    case.now_s += 2
    assert case.state(A) is ON_TRIAL


def test_urgent_mail_tests_it_too_if_nobody_else_is_open() -> None:
    """To be spared only makes sense while it can go elsewhere."""
    case = Case()
    case.trip(A)
    case.trip(B)
    case.end(A, YES)
    assert case.of(A, urgent=True).usable
    case.end(B, YES)
    assert not case.of(A, urgent=True).usable


def test_the_last_one_is_judged_per_route() -> None:
    """A has no alternative for the mail of its own route; mail that has one is not held to A by that."""
    case = Case([(A, B), (A,)])
    case.trip(A)
    assert case.state(A) is STRAINED
    assert not case.of(A, (A, B)).usable, "mail with an open alternative goes there"
    case.now_s += 5
    assert case.of(A, (A, B)).probes == 1, "save the probes that find out whether it is back"
    assert case.of(A, (A,)).probes == 1
    case.end(A, YES)
    assert case.of(A, (A, B)) is GOOD


def test_a_providers_last_peers_by_a_persons_order_get_a_trickle() -> None:
    """If the only candidates left for a message are ejected, they still get probes."""
    case = Case()
    case.trip(A)
    case.now_s += 6
    assert case.of(A, (A,)).probes == 1
    assert case.of(A, (A, B)).usable is False


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([A, B, C]),
            st.sampled_from(
                [YES, DOWN, DOWN, Unclear(), Rejection(scope=Scope.ACCOUNT), Throttle(scope=Scope.ACCOUNT)]
            ),
            st.sampled_from([0.0, 0.5, 5.0, 40.0, 400.0]),
        ),
        max_size=120,
    )
)
def test_whatever_happens_every_route_keeps_a_way(steps: list[tuple[ProviderName, Outcome, float]]) -> None:
    """In any history no group is wholly ejected or on trial, and within 301 s of calm somebody may be tried."""
    case = Case([(A, B, C), (A, B), (C,)])
    for name, outcome, pause_s in steps:
        case.end(name, outcome)
        for group in case.groups:
            assert any(case.state(peer) not in (EJECTED, ON_TRIAL) for peer in group)
        case.now_s += pause_s
    case.now_s += 301
    for group in case.groups:
        assert any(case.of(peer, group).usable for peer in group)
        assert any(case.of(peer, group, urgent=True).usable for peer in group)
