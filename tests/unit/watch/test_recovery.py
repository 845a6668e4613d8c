"""Recovery: pauses that grow to a bound, and steps back to all the mail, in the times an operator sets."""

import pytest

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Fault, Handover, Scope
from posthorse.mail.standing import StandingState
from posthorse.watch.recovery import Recovery
from posthorse.watch.standing import TRIALS, Standings

A, B = ProviderName("A"), ProviderName("B")


@pytest.mark.parametrize(("ejections", "pause_s"), [(1, 30.0), (2, 60.0), (9, 270.0), (10, 300.0), (99, 300.0)])
def test_pauses_grow_to_a_bound(ejections: int, pause_s: float) -> None:
    """Each ejection in a row makes the pause longer, up to ten times; jitter moves it by a fifth at most."""
    recovery = Recovery()
    assert recovery.pause_after(ejections, 0.5) == pause_s
    assert recovery.pause_after(ejections, 0.0) == pytest.approx(0.8 * pause_s)
    assert recovery.pause_after(ejections, 1.0) == pytest.approx(1.2 * pause_s)


@pytest.mark.parametrize(
    ("age_s", "share"), [(0, 0.1), (1.9, 0.1), (2, 0.25), (4, 0.5), (5.9, 0.5), (6, 1.0), (600, 1.0)]
)
def test_the_ramp_has_its_steps_at_thirds(age_s: float, share: float) -> None:
    """A tenth at once, a quarter and half at the thirds, everything at the end."""
    assert Recovery(ramp_s=6.0).share_at(age_s) == share


def test_standings_keep_the_times_they_are_given() -> None:
    """An ejected provider is tried after its own pause and is good after its own ramp; each step is told once."""
    told: list[StandingState] = []
    standings = Standings([frozenset({A, B})], [A, B], lambda: 0.5, Recovery(pause_s=4.0, ramp_s=6.0))
    standings.changed = lambda name, state, why: told.append(state)
    for _ in range(5):
        standings.began(A, 0.0)
        standings.ended(A, "", Fault(scope=Scope.CHANNEL), None, 0.0, began_s=0.0)
    assert not standings.of(A, (A, B), "", 3.9).usable
    for _ in range(TRIALS):
        standings.began(A, 4.0)
        standings.ended(A, "", Handover(), 0.1, 4.0, began_s=4.0)
    assert standings.of(A, (A, B), "", 4.0).share == 0.1
    assert standings.of(A, (A, B), "", 10.0).share == 1.0
    assert standings.of(A, (A, B), "", 11.0).share == 1.0
    assert told == [
        StandingState.EJECTED,
        StandingState.ON_TRIAL,
        StandingState.STRAINED,
        StandingState.GOOD,
    ]
