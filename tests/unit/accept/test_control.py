"""Control headers: every value is meant or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept import headers
from posthorse.accept.control import MAX_DEADLINE_S, Controls, parse_deadline, read_controls
from posthorse.accept.refusal import RefusalKind, Refused
from posthorse.mail.stream import SECOND, Stream
from tests.unit.accept.kit import NOON

DEADLINES = [
    ("600", 600),
    ("90s", 90),
    ("10m", 600),
    ("2h", 7_200),
    ("5d", 432_000),
    ("2027-01-15T08:10:00Z", 600),
    ("2027-01-15T08:10:00+00:00", 600),
    ("2027-01-15 09:10:00.500000+01:00", 600.5),
]

BAD_DEADLINES = ["", "0", "-5", "1.5h", "10 m", "1w", "soon", "6d", "432001", "9999999999", "٣", "1e3"]
BAD_DEADLINES += ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "2027-01-15", "2027-13-01T00:00:00Z"]
BAD_DEADLINES += ["2027-01-15T08:10:00"]


@pytest.mark.parametrize(("text", "seconds"), DEADLINES)
def test_deadlines_are_seconds_durations_or_times(text: str, seconds: float) -> None:
    """Three ways to say it, counted from now."""
    assert parse_deadline(text, NOON) == seconds * SECOND


@pytest.mark.parametrize("text", BAD_DEADLINES)
def test_deadlines_that_cannot_be_meant_are_refused(text: str) -> None:
    """Past, beyond five days, or nonsense: refused, not ignored."""
    with pytest.raises(ValueError, match=r"must be|in the future|month|range"):
        parse_deadline(text, NOON)


@given(st.integers(min_value=1, max_value=MAX_DEADLINE_S))
def test_every_whole_second_within_five_days_is_a_deadline(seconds: int) -> None:
    """Plain seconds are exact."""
    assert parse_deadline(str(seconds), NOON) == seconds * SECOND


def read(**values: bytes) -> Controls | Refused:
    """Read headers by the names of their constants."""
    return read_controls({getattr(headers, name): value for name, value in values.items()}, NOON)


def test_all_controls_are_read() -> None:
    """Case, folds and white space around do not matter."""
    controls = read(
        STREAM=b" Urgent",
        DEADLINE=b"\r\n\t10m ",
        SUPERSEDE=b" otp-ada",
        IDEMPOTENCY_KEY=b" order 17/mail",
        CONFIGURATION_SET=b" codes",
        MESSAGE_TAGS=b" campaign=welcome,\r\n kind=otp",
    )
    assert controls == Controls(
        stream=Stream.URGENT,
        deadline_us=600 * SECOND,
        supersede_key="otp-ada",
        idempotency_key="order 17/mail",
        configuration_set="codes",
        tags={"campaign": "welcome", "kind": "otp"},
    )


BAD = [
    ("STREAM", b" fast"),
    ("STREAM", b""),
    ("STREAM", b" urgent, bulk"),
    ("DEADLINE", b" tomorrow"),
    ("SUPERSEDE", b" "),
    ("SUPERSEDE", b" \xc3\xa9"),
    ("IDEMPOTENCY_KEY", b" " + b"k" * 257),
    ("IDEMPOTENCY_KEY", b" a\x01b"),
    ("CONFIGURATION_SET", b" a b"),
    ("CONFIGURATION_SET", b" " + b"x" * 65),
    ("MESSAGE_TAGS", b" novalue"),
    ("MESSAGE_TAGS", b" a=b, =c"),
    ("MESSAGE_TAGS", b' {"a": "b"}'),
    ("MESSAGE_TAGS", b" posthorse:stream=fast"),
    ("MESSAGE_TAGS", b",".join(b"t%d=v" % number for number in range(51))),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_values_are_refused_for_good(name: str, value: bytes) -> None:
    """A mistake is answered with 5xx and the header's name, and repeats nothing of the value."""
    refused = read(**{name: value})
    assert isinstance(refused, Refused)
    assert refused.kind is RefusalKind.CONTROL
    assert not refused.temporary
    assert refused.text.isascii()
    assert getattr(headers, name).decode().lower() in refused.text.lower()


def test_no_controls_is_nothing_asked_for() -> None:
    """Most mail has none."""
    assert read_controls({}, NOON) == Controls()
