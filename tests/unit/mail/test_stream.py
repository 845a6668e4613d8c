"""Streams: one rule each, as promised to users."""

import pytest

from posthorse.mail.stream import BY_ORDER, RULES, Stream

HOUR_S = 3_600.0
PROMISED = {
    # stream: (deadline, copies, elsewhere after, answer timeout, first retry step)
    Stream.URGENT: (HOUR_S, 2, 8.0, 8.0, 5.0),
    Stream.STANDARD: (24 * HOUR_S, 2, 90.0, 10.0, 60.0),
    Stream.ONCE: (120 * HOUR_S, 1, None, 10.0, 60.0),
    Stream.BULK: (72 * HOUR_S, 1, None, 10.0, 300.0),
}


@pytest.mark.parametrize("stream", Stream, ids=lambda stream: stream.value)
def test_a_stream_promises_its_rule(stream: Stream) -> None:
    """Deadline, copies, doubt, patience and first retry step are those of the table users read."""
    rule = RULES[stream]
    promised = (
        rule.deadline_s,
        rule.copies_allowed,
        rule.elsewhere_after_s,
        rule.answer_timeout_s,
        rule.retry_base_s,
    )
    assert rule.stream is stream
    assert promised == PROMISED[stream]


def test_the_order_is_urgent_standard_once_bulk() -> None:
    """Streams are served in this order, and the stored number is the place in it."""
    assert BY_ORDER == (Stream.URGENT, Stream.STANDARD, Stream.ONCE, Stream.BULK)
    assert [RULES[stream].order for stream in BY_ORDER] == [0, 1, 2, 3]


@pytest.mark.parametrize("stream", Stream, ids=lambda stream: stream.value)
def test_a_second_copy_needs_a_rule_that_says_when(stream: Stream) -> None:
    """A stream that allows a second copy says when it goes, and one that does not never sends it by itself."""
    rule = RULES[stream]
    assert (rule.copies_allowed > 1) == (rule.elsewhere_after_s is not None)
