"""Every cause in the transition table has words in `explain`."""

from posthorse.control.explain import _CAUSE
from posthorse.mail.carriage import Cause


def test_every_cause_has_words() -> None:
    """A restored message is explained like any other."""
    assert set(_CAUSE) == set(Cause)
