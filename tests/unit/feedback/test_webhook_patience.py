"""When an event is tried again, and when an endpoint is left alone."""

from hypothesis import given
from hypothesis import strategies as st

from posthorse.feedback.webhook_patience import (
    DELAYS_S,
    FAILURES,
    JITTER,
    LONGEST_REST_S,
    Patience,
    Wellbeing,
    next_look,
    next_try,
)
from posthorse.mail.stream import SECOND

HOURS_28 = 28 * 3_600


def test_eight_tries_over_some_28_hours() -> None:
    """From the first try to the eighth it is between 27 and 31 hours, and after it the event is given up."""
    for chance in (0.0, 0.999):
        at, tries = 0, 1
        while (following := next_try(tries, at, chance)) is not None:
            at, tries = following, tries + 1
        assert tries == 8
        assert 0.95 * HOURS_28 <= at / SECOND <= (1 + JITTER) * HOURS_28


@given(tries=st.integers(0, 100), chance=st.floats(0, 1, exclude_max=True), wait_s=st.floats(0, 3_600))
def test_a_delay_is_bounded(tries: int, chance: float, wait_s: float) -> None:
    """A delay is never shorter than its step or what was asked for, nor longer than both with their jitter."""
    at = next_try(tries, 0, chance, wait_s)
    if tries > len(DELAYS_S):
        assert at is None
    else:
        step_s = DELAYS_S[max(tries, 1) - 1]
        assert at is not None
        assert max(step_s, wait_s) * SECOND - 1 <= at <= max(step_s * (1 + JITTER), wait_s) * SECOND


def test_several_failures_in_a_row_begin_a_rest() -> None:
    """A success between them counts them anew; the rest is over after its time, and one event is tried."""
    patience = Patience()
    for _ in range(FAILURES - 1):
        assert not patience.failed(0.0)
    patience.succeeded()
    begun = [patience.failed(0.0) for _ in range(FAILURES)]
    assert begun == [False] * (FAILURES - 1) + [True]
    assert patience.rests(4.9)
    assert not patience.rests(5.1)
    assert patience.is_trying
    patience.succeeded()
    assert not patience.is_trying


def test_rests_grow_and_calls_under_way_do_not_lengthen_them() -> None:
    """Each failed trial makes the next rest twice as long, up to five minutes; late failures change nothing."""
    patience, now_s = Patience(), 0.0
    for _ in range(FAILURES):
        patience.failed(now_s)
    assert not patience.failed(now_s + 1.0)
    lengths = []
    for _ in range(10):
        start_s = now_s
        while patience.rests(now_s):
            now_s += 1.0
        lengths.append(now_s - start_s)
        assert patience.failed(now_s)
    assert lengths == [5, 10, 20, 40, 80, 160] + [LONGEST_REST_S] * 4


def test_who_asks_to_be_left_alone_is() -> None:
    """A single answer with a time to wait begins a rest of that length."""
    patience = Patience()
    assert patience.failed(0.0, 60.0)
    assert patience.rests(59.0)
    assert not patience.rests(60.0)


def test_what_fails_again_keeps_nothing_new_waiting() -> None:
    """Events that were told before and fail in a row rest by themselves; a success of either kind ends both rests."""
    being = Wellbeing()
    assert [being.failed(0.0, new=False) for _ in range(FAILURES)] == [False] * FAILURES
    assert (being.rest_left_s(1.0, new=True), being.rest_left_s(1.0, new=False)) == (0.0, 4.0)
    assert (being.is_trying, being.is_trying_new) == (True, False)
    assert (being.again_at_once(1.0, 16), being.again_at_once(5.0, 16)) == (0, 1)
    assert being.failed(5.0, new=False), "it tried, and failed: people should know"
    being.succeeded(7)
    assert (being.is_trying, being.again_at_once(99.0, 16)) == (False, 16)
    assert (being.refuses(6), being.refuses(7)) == (True, False)


def test_new_events_that_fail_keep_everything_waiting() -> None:
    """So does an answer with a time to wait, whatever it answered."""
    for failures, wait_s in ((FAILURES, None), (1, 60.0)):
        being = Wellbeing()
        assert [being.failed(0.0, new=wait_s is None, wait_s=wait_s) for _ in range(failures)][-1]
        assert being.rest_left_s(1.0, new=True) == being.rest_left_s(1.0, new=False) > 0
        assert being.is_trying_new


@given(tries=st.integers(0, 8), rest_left_s=st.floats(0, 3_600))
def test_the_next_look_comes_after_the_rest_and_soon(tries: int, rest_left_s: float) -> None:
    """Never within the rest, and without one within five minutes."""
    at = next_look(tries, 0, rest_left_s)
    assert rest_left_s * SECOND - 1 <= at <= max(rest_left_s, LONGEST_REST_S) * SECOND
