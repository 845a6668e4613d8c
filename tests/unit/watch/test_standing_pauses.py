"""Standings: throttles, closed sending domains, and what is kept for the picture."""

from itertools import product

import pytest

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.standing import GOOD, Standing, StandingState
from posthorse.watch.domains import DOMAINS_KEPT
from tests.unit.watch.case import DOWN, EJECTED, STRAINED, YES, A, B, C, Case


@pytest.mark.parametrize(
    ("asked_s", "pause_s"), [(None, 1.0), (0.0, 1.0), (7.0, 7.0), (300.0, 300.0), (86_400.0, 300.0)]
)
def test_a_throttle_pauses_as_long_as_it_asks(asked_s: float | None, pause_s: float) -> None:
    """At least a moment, at most five minutes; nothing is ejected."""
    case = Case()
    case.end(A, Throttle(scope=Scope.ACCOUNT, retry_after_s=asked_s))
    case.now_s += pause_s - 0.01
    assert case.of(A) == Standing(state=STRAINED, share=0.0, why="it asked for a pause")
    case.now_s += 0.02
    assert case.of(A).usable


def test_a_throttle_about_one_recipient_pauses_nothing() -> None:
    """An operator that slows one mailbox down says nothing about the provider."""
    case = Case()
    case.end(A, *[Throttle(scope=Scope.RECIPIENT, retry_after_s=60)] * 10)
    assert case.of(A) is GOOD


def test_an_unverified_domain_closes_the_provider_for_that_domain_only() -> None:
    """For five minutes, after one answer; other domains and the null sender go on."""
    case = Case()
    case.end(A, Rejection(scope=Scope.SENDER_DOMAIN), domain="new.example")
    assert case.of(A, domain="new.example").share == 0.0
    assert case.of(A, domain="example.com") is GOOD
    assert case.of(A, domain="") is GOOD
    assert case.state(A) is StandingState.GOOD
    case.now_s += 301
    assert case.of(A, domain="new.example") is GOOD


def test_closed_domains_are_bounded() -> None:
    """However many domains are refused, memory is bounded, and old ones make room."""
    case = Case()
    for number in range(DOMAINS_KEPT + 50):
        case.end(A, Rejection(scope=Scope.SENDER_DOMAIN), domain=f"d{number}.example")
    assert case.of(A, domain="d0.example").share == 0.0
    assert len(case.standings._domains) == DOMAINS_KEPT
    case.now_s += 301
    case.end(A, Rejection(scope=Scope.SENDER_DOMAIN), domain="late.example")
    assert case.of(A, domain="late.example").share == 0.0
    assert len(case.standings._domains) == 1


def test_changed_routes_keep_what_is_known() -> None:
    """A reload with other groups forgets nothing about the providers that stay, and new ones begin good."""
    case = Case()
    case.trip(A)
    case.standings.regroup([frozenset({A, C})], [A, C])
    assert case.state(A) is EJECTED
    assert case.of(C, (A, C)) is GOOD
    assert case.standings.names == (A, C)


def test_the_usual_time_of_an_answer_follows_slowly() -> None:
    """It jumps up to the longest answer and sinks by two per cent of the difference with each shorter one."""
    case = Case()
    case.end(A, YES, took_s=1.0)
    assert case.standings.typical_s(A) == 1.0
    case.end(A, *[YES] * 100, took_s=0.1)
    assert 0.1 < case.standings.typical_s(A) < 0.3
    case.end(A, Unclear(), took_s=None)
    assert case.standings.typical_s(A) < 0.3


@pytest.mark.parametrize(("name", "outcome"), list(product([A, B], [DOWN, YES])))
def test_attempts_and_failures_are_counted_for_the_picture(name: ProviderName, outcome: Outcome) -> None:
    """Each attempt of the minute is in the totals of its own provider."""
    case = Case()
    case.end(name, outcome)
    assert case.standings.minute(name, case.now_s) == (1, int(outcome is DOWN))
    assert case.standings.minute(A if name == B else B, case.now_s) == (0, 0)
