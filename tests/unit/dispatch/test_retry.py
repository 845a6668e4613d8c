"""Retry: full jitter, bounded below and above, never sooner than asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.dispatch.retry import RETRY_CAP_S, RETRY_FLOOR_S, retry_delay_s

rolls = st.floats(0, 1, exclude_max=True)


@given(st.floats(1, 1_000), st.integers(0, 10**9), rolls, st.none() | st.floats(-1e9, 1e9))
def test_a_delay_is_within_its_bounds(base_s: float, rounds: int, roll: float, asked_s: float | None) -> None:
    """At least the floor, at most the cap, and at least what the other side asked for, as far as that is sane."""
    delay_s = retry_delay_s(base_s, rounds, roll, asked_s)
    assert RETRY_FLOOR_S <= delay_s <= RETRY_CAP_S
    assert delay_s >= min(asked_s or 0.0, RETRY_CAP_S)


@pytest.mark.parametrize(("rounds", "step_s"), [(0, 60), (1, 120), (2, 240), (6, 3_840), (7, 4_000), (40, 4_000)])
def test_the_step_doubles_up_to_the_cap(rounds: int, step_s: float) -> None:
    """Full jitter draws from the whole step, which doubles with every completed round."""
    assert retry_delay_s(60, rounds, 0.5) == step_s / 2
    assert retry_delay_s(60, rounds, 0.0) == RETRY_FLOOR_S


def test_a_lower_cap_bounds_the_step() -> None:
    """Whoever knows better than the schedule may shorten it, and never lengthens it."""
    assert retry_delay_s(60, 9, 0.5, cap_s=30) == 15
    assert retry_delay_s(10, 0, 0.5, cap_s=30) == 5


@given(st.integers(0, 20), rolls, rolls)
def test_different_rolls_spread(rounds: int, one: float, other: float) -> None:
    """The roll alone decides the place within the step: it is monotonic in it."""
    low, high = sorted((one, other))
    assert retry_delay_s(300, rounds, low) <= retry_delay_s(300, rounds, high)


@pytest.mark.parametrize(("asked_s", "delay_s"), [(None, 30), (0, 30), (-5, 30), (45, 45), (10**9, RETRY_CAP_S)])
def test_what_the_other_side_asked_for_is_heard(asked_s: float | None, delay_s: float) -> None:
    """A later time is kept, an earlier or senseless one is not."""
    assert retry_delay_s(60, 0, 0.5, asked_s) == delay_s
