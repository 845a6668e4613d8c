"""Outcomes: a closed set, each with one name and one scope."""

from typing import get_args

import pytest

from posthorse.mail.outcome import (
    KINDS,
    CertainNo,
    Deferral,
    Fault,
    Handover,
    Outcome,
    Rejection,
    Scope,
    Throttle,
    Unclear,
    kind_of,
    scope_of,
)


def test_every_kind_has_one_name_of_its_own() -> None:
    """The table of names holds each member of the union once, and no two share a name."""
    assert set(KINDS) == set(get_args(Outcome))
    assert len(set(KINDS.values())) == len(KINDS) == 6


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("kind", [Deferral, Rejection, Fault, Throttle, Unclear], ids=lambda kind: kind.__name__)
def test_an_outcome_tells_its_kind_and_scope(
    kind: type[Deferral | Rejection | Fault | Throttle | Unclear], scope: Scope
) -> None:
    """Kind and scope can be asked of every outcome."""
    outcome = kind(scope=scope)
    assert kind_of(outcome) == kind.__name__.lower()
    assert scope_of(outcome) is scope


def test_a_handover_speaks_for_the_provider() -> None:
    """A handover has no scope of its own: the provider as a whole took the mail."""
    assert kind_of(Handover()) == "handover"
    assert scope_of(Handover()) is Scope.PROVIDER


def test_a_certain_no_is_everything_but_handover_and_unclear() -> None:
    """What gives a copy back is every outcome that proves that none is out."""
    assert set(get_args(CertainNo)) == set(get_args(Outcome)) - {Handover, Unclear}
