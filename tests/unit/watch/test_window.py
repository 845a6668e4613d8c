"""The sliding minute of attempts."""

from hypothesis import given
from hypothesis import strategies as st

from posthorse.watch.window import SPAN_S, Window


def test_the_last_minute_is_counted_and_no_more() -> None:
    """Attempts leave the window sixty seconds after they entered it, second by second."""
    window = Window()
    window.add(100.2, failed=True)
    window.add(130.9, failed=False)
    assert window.totals(100.3) == (2, 1)
    assert window.totals(159.9) == (2, 1)
    assert window.totals(160.0) == (1, 0)
    assert window.totals(189.9) == (1, 0)
    assert window.totals(190.0) == (0, 0)


def test_a_cleared_window_is_empty() -> None:
    """Nothing is remembered after a clear."""
    window = Window()
    window.add(5.0, failed=True)
    window.clear()
    assert window.totals(5.0) == (0, 0)


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=60))
def test_it_counts_what_a_list_would(steps: list[tuple[float, bool]]) -> None:
    """At every moment the totals are those of a plain list of attempts."""
    window, now_s, seen = Window(), 1_000.0, []
    for pause_s, failed in steps:
        now_s += pause_s
        window.add(now_s, failed=failed)
        seen.append((int(now_s), failed))
        live = [was_failed for second, was_failed in seen if second > int(now_s) - SPAN_S]
        assert window.totals(now_s) == (len(live), sum(live))
