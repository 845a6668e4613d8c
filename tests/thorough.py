"""Which cases of a parametrised test `make quick` leaves to `make test`; the rule stands in tests/conftest.py."""

from collections.abc import Iterable

import pytest


def first_quick(count: int, cases: Iterable[object]) -> list[object]:
    """The first `count` cases for `make quick` too, the others only for `make test`."""
    return [
        case if number < count else pytest.param(case, marks=pytest.mark.thorough) for number, case in enumerate(cases)
    ]
