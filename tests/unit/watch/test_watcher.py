"""The watcher: standings on a node's clock."""

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Fault, Handover, Scope
from posthorse.mail.standing import GOOD, StandingState
from posthorse.watch.watcher import Watcher

A, B = ProviderName("A"), ProviderName("B")


class HandClock:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> int:
        """Wall clock in microseconds."""
        return int(self.now_s * 1_000_000)

    def monotonic(self) -> float:
        """Seconds."""
        return self.now_s


class Even:
    """Always the middle."""

    def random(self) -> float:
        """One half."""
        return 0.5


def watcher(clock: HandClock) -> Watcher:
    """A watcher of A and B."""
    return Watcher([frozenset({A, B})], [A, B], clock, Even())


def test_it_judges_at_the_time_of_its_clock() -> None:
    """A trip now, a trial thirty seconds later by the monotonic clock."""
    clock = HandClock()
    watch = watcher(clock)
    told: list[tuple[ProviderName, StandingState, str]] = []
    watch.on_change(lambda name, state, why: told.append((name, state, why)))
    assert watch.standing(A, (A, B), "", urgent=True) is GOOD
    for _ in range(5):
        watch.ended(A, "", Fault(scope=Scope.PROVIDER), None, began_s=watch.began(A))
    assert watch.standing(A, (A, B), "", urgent=False).state is StandingState.EJECTED
    assert told == [(A, StandingState.EJECTED, "5 failures in a row")]
    clock.now_s += 31
    assert watch.standing(A, (A, B), "", urgent=False).state is StandingState.ON_TRIAL


def test_a_stall_is_judged_at_the_same_clock() -> None:
    """Ages come from the courier, silence from the clock."""
    clock = HandClock()
    watch = watcher(clock)
    watch.ended(A, "", Handover(), 0.1, began_s=watch.began(A))
    assert not watch.stalled(A, [5.0] * 5)
    clock.now_s += 5
    assert watch.stalled(A, [5.0] * 5)


def test_a_score_rewards_success_and_speed() -> None:
    """The share of attempts that did not fail over the usual time of an answer; never zero."""
    clock = HandClock()
    watch = watcher(clock)
    assert watch.score(A) == watch.score(B) > 0
    for _ in range(200):
        watch.ended(A, "", Handover(), 0.05, began_s=watch.began(A))
        watch.ended(B, "", Handover(), 0.5, began_s=watch.began(B))
    assert watch.score(A) > 5 * watch.score(B)
    for _ in range(200):
        watch.ended(A, "", Fault(scope=Scope.PROVIDER), None, began_s=watch.began(A))
    assert 0 < watch.score(A) < 15


def test_the_picture_shows_every_provider() -> None:
    """State, reason, the last minute and the usual time of each."""
    clock = HandClock()
    watch = watcher(clock)
    for _ in range(5):
        watch.ended(B, "", Fault(scope=Scope.PROVIDER), None, began_s=watch.began(B))
    picture = watch.picture()
    assert picture[A].state is StandingState.GOOD
    assert (picture[A].attempts, picture[A].why) == (0, "")
    assert picture[B].state is StandingState.EJECTED
    assert picture[B].why == "5 failures in a row"
