"""Durations, sizes and rates: read with a unit or not at all, and written so that they read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.config.units import parse_duration, parse_rate, parse_size, write_duration, write_rate, write_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("10s", 10), ("5m", 300), ("1.5h", 5_400), ("7d", 604_800), ("0s", 0), (" 3 s ", 3)],
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    """Every unit of duration is understood, also with blanks around it."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("1B", 1), ("64KiB", 65_536), ("10MiB", 10_485_760), ("1GB", 10**9), ("1.5kB", 1_500)]
)
def test_a_size_is_read_with_its_unit(text: str, size_bytes: int) -> None:
    """Binary and decimal units of size are told apart."""
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(("text", "per_second"), [("50/s", 50), ("600/m", 10), ("36/h", 0.01), ("86400/d", 1)])
def test_a_rate_is_read_with_its_unit(text: str, per_second: float) -> None:
    """A rate counts per second, minute, hour or day."""
    assert parse_rate(text) == per_second


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "10 parsecs", "1e3s", "10S", "inf s", "1_0s", "10s10s", "٣s"])
def test_a_duration_without_a_plain_number_and_a_known_unit_is_refused(text: str) -> None:
    """What could be misread is refused and not guessed."""
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["10", "10M", "10mib", "MiB", "-1MiB", "1.5B"])
def test_a_size_that_could_be_misread_is_refused(text: str) -> None:
    """A bare `M` could be either million: it is refused, and so is half a byte."""
    with pytest.raises(ValueError, match=r"size|whole number"):
        parse_size(text)


@pytest.mark.parametrize("text", ["50", "50/", "/s", "50/w", "50 per s"])
def test_a_rate_without_a_known_unit_is_refused(text: str) -> None:
    """A rate names the time it counts in."""
    with pytest.raises(ValueError, match="rate"):
        parse_rate(text)


@given(st.integers(1, 10**8))
def test_durations_read_back_as_they_were_written(milliseconds: int) -> None:
    """Writing and reading a duration gives the same milliseconds."""
    assert parse_duration(write_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, rel=1e-5)


@given(st.integers(0, 2**50))
def test_sizes_read_back_as_they_were_written(size_bytes: int) -> None:
    """Writing and reading a size gives the same bytes."""
    assert parse_size(write_size(size_bytes)) == size_bytes


@given(st.integers(1, 10**6), st.sampled_from([1, 60, 3_600, 86_400]))
def test_rates_read_back_as_they_were_written(count: int, seconds: int) -> None:
    """Writing and reading a rate gives the same number per second."""
    assert parse_rate(write_rate(count / seconds)) == pytest.approx(count / seconds, rel=1e-4)
