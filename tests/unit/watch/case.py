"""Standings of a few providers with a clock of their own, for the tests of their rules."""

from collections.abc import Iterable

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Fault, Handover, Outcome, Scope
from posthorse.mail.standing import Standing, StandingState
from posthorse.watch.standing import Standings

A, B, C = (ProviderName(name) for name in "ABC")
DOWN: Outcome = Fault(scope=Scope.PROVIDER)
YES: Outcome = Handover()
EJECTED, ON_TRIAL, STRAINED = StandingState.EJECTED, StandingState.ON_TRIAL, StandingState.STRAINED


class Case:
    """Standings of A and B (and C) with a clock of their own and no jitter."""

    def __init__(self, groups: Iterable[Iterable[ProviderName]] = ((A, B),), roll: float = 0.5) -> None:
        self.groups = [tuple(group) for group in groups]
        names = sorted({name for group in self.groups for name in group})
        self.now_s = 1_000.0
        self.told: list[tuple[ProviderName, StandingState]] = []
        self.standings = Standings([frozenset(group) for group in self.groups], names, lambda: roll)
        self.standings.changed = lambda name, state, why: self.told.append((name, state))

    def end(
        self, name: ProviderName, *outcomes: Outcome, domain: str = "example.com", took_s: float | None = 0.1
    ) -> None:
        """Attempts at `name`, one after the other, each with its outcome."""
        for outcome in outcomes:
            self.begin(name)
            self.finish(name, outcome, self.now_s, domain=domain, took_s=took_s)

    def begin(self, name: ProviderName) -> float:
        """An attempt starts; answers when."""
        self.standings.began(name, self.now_s)
        return self.now_s

    def finish(
        self,
        name: ProviderName,
        outcome: Outcome,
        began_s: float,
        *,
        domain: str = "example.com",
        took_s: float | None = 0.1,
    ) -> None:
        """An attempt that began then ends now."""
        self.standings.ended(name, domain, outcome, took_s, self.now_s, began_s=began_s)

    def of(
        self,
        name: ProviderName,
        peers: tuple[ProviderName, ...] | None = None,
        *,
        domain: str = "example.com",
        urgent: bool = False,
    ) -> Standing:
        """The standing now."""
        return self.standings.of(name, peers or self.groups[0], domain, self.now_s, urgent=urgent)

    def state(self, name: ProviderName) -> StandingState:
        """The state for pictures now."""
        return self.standings.state(name, self.now_s)

    def trip(self, name: ProviderName) -> None:
        """Five failures in a row."""
        self.end(name, *[DOWN] * 5)

    def recover(self, name: ProviderName) -> None:
        """From its ejection through all trials."""
        self.now_s += 400
        self.end(name, *[YES] * 5)
