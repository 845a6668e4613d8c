"""Which call a request is, by its signature and the id it came with."""

import pytest

from posthorse.accept.ses import replays
from posthorse.accept.ses.replays import GOOD_FOR_US, TOGETHER_S, FirstCalls
from posthorse.mail.stream import SECOND

ONE, TWO = b"a" * 64, b"b" * 64
NOW = GOOD_FOR_US


def test_equal_calls_of_one_second_are_each_their_own() -> None:
    """They are signed alike, and their ids tell them apart."""
    calls = FirstCalls()
    assert [calls.told(ONE, b"id %d" % n, NOW + n) for n in range(3)] == [b"id 0", b"id 1", b"id 2"]


def test_captured_request_with_another_id_is_the_first_call() -> None:
    """From a few seconds on, for as long as its signature is good."""
    calls = FirstCalls()
    assert calls.told(ONE, b"id 1", NOW) == b"id 1"
    assert calls.told(ONE, b"id 2", NOW + TOGETHER_S * SECOND + 1) == b"id 1"
    assert calls.told(ONE, b"", NOW + 1) == b"id 1"
    assert calls.told(ONE, b"id 2", NOW + GOOD_FOR_US + 1) == b"id 1"
    assert calls.told(TWO, b"id 2", NOW + GOOD_FOR_US + 1) == b"id 2"


def test_client_without_ids_is_known_by_its_signature_alone() -> None:
    """An id that somebody adds to its request makes no other call of it."""
    calls = FirstCalls()
    assert calls.told(ONE, b"", NOW) == ONE
    assert calls.told(ONE, b"added", NOW + 1) == ONE


def test_long_id_counts_as_any_other() -> None:
    """What is remembered of it is short."""
    calls = FirstCalls()
    long = calls.told(ONE, b"x" * 30_000, NOW)
    assert long == calls.told(TWO, b"x" * 30_000, NOW)
    assert len(long) == 20


def test_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten first."""
    monkeypatch.setattr(replays, "MAX_CALLS", 10)
    calls = FirstCalls()
    signatures = [b"%016x" % number for number in range(25)]
    for signature in signatures:
        calls.told(signature, b"", 1)
    assert calls.told(signatures[15], b"other", 1) == signatures[15]
    assert calls.told(signatures[0], b"other", 1) == b"other"
    assert len(calls._now) + len(calls._before) <= 20
