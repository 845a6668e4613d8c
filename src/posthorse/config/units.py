"""Durations, sizes and rates as people write them in the configuration, and back.

Promise: a number without a unit is refused, since nobody can tell what it means; what is written out reads back as the
same value.
"""

import re
from collections.abc import Mapping

_DURATIONS: dict[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SIZES: dict[str, int] = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_RATES: dict[str, float] = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")
_WRITTEN_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*([a-z])")


def parse_duration(text: str) -> float:
    """Seconds of `"10s"`, `"5m"`, `"1.5h"`, `"7d"`, `"250ms"`. Raises ValueError."""
    number, factor = _split(text, _WRITTEN, _DURATIONS, 'a duration with its unit, such as "10s", "5m", "2h" or "7d"')
    return number * factor


def parse_size(text: str) -> int:
    """Bytes of `"10MiB"`, `"64KiB"`, `"1GB"`. Raises ValueError."""
    number, factor = _split(text, _WRITTEN, _SIZES, 'a size with its unit, such as "64KiB", "10MiB" or "1GB"')
    size = number * factor
    if size != int(size):
        raise ValueError("is not a whole number of bytes")
    return int(size)


def parse_rate(text: str) -> float:
    """Per second of `"50/s"`, `"600/m"`, `"10000/d"`. Raises ValueError."""
    number, seconds = _split(text, _WRITTEN_RATE, _RATES, 'a rate with its unit, such as "50/s", "600/m" or "10000/d"')
    return number / seconds


def write_duration(seconds: float) -> str:
    """The shortest form that reads back as the same value."""
    for unit in ("d", "h", "m", "s"):
        count = seconds / _DURATIONS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or seconds == 0 else f"{seconds * 1000:g}ms"


def write_size(size_bytes: float) -> str:
    """The shortest form in binary units that reads back as the same value."""
    for unit in ("GiB", "MiB", "KiB"):
        if size_bytes and size_bytes % _SIZES[unit] == 0:
            return f"{int(size_bytes // _SIZES[unit])}{unit}"
    return f"{int(size_bytes)}B"


def write_rate(per_second: float) -> str:
    """Per second where that is a short number, else per minute, hour or day."""
    for unit, seconds in _RATES.items():
        count = per_second * seconds
        if round(count, 6) == round(count):
            return f"{round(count)}/{unit}"
    return f"{per_second:g}/s"


def _split(text: str, pattern: re.Pattern[str], units: Mapping[str, float], wanted: str) -> tuple[float, float]:
    found = pattern.fullmatch(text.strip())
    if found is None or found[2] not in units:
        raise ValueError(f"is not {wanted}")
    return float(found[1]), units[found[2]]
