"""Watcher: the standings on the node's clock, as dispatch and operators ask for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Outcome
from posthorse.mail.ports import Clock, Rng
from posthorse.mail.standing import Standing, StandingState
from posthorse.watch.recovery import DEFAULT_RECOVERY, Recovery
from posthorse.watch.standing import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPicture:
    """A provider as an operator sees it."""

    state: StandingState
    why: str
    attempts: int
    """Of the last minute."""
    failures: int
    typical_s: float
    """How long an answer takes at most, usually."""
    bad_for_s: float
    """How long ago it tripped, if it took nothing since; 0: it is well, or comes back."""


class Watcher:
    """Standings with the clock filled in."""

    def __init__(
        self,
        groups: Iterable[frozenset[ProviderName]],
        names: Iterable[ProviderName],
        clock: Clock,
        rng: Rng,
        recovery: Recovery = DEFAULT_RECOVERY,
    ) -> None:
        self.standings = Standings(groups, names, rng.random, recovery)
        self._clock = clock

    def on_change(self, told: Callable[[ProviderName, StandingState, str], None]) -> None:
        """`told` hears of every trip and recovery."""
        self.standings.changed = told

    def standing(
        self, name: ProviderName, peers: Sequence[ProviderName], sender_domain: str, *, urgent: bool
    ) -> Standing:
        """The standing of `name` for such a message now, among the candidates `peers`."""
        return self.standings.of(name, peers, sender_domain, self._clock.monotonic(), urgent=urgent)

    def score(self, name: ProviderName) -> float:
        """Share of attempts that did not fail in the last minute, over the time an answer takes; above 0."""
        attempts, failures = self.standings.minute(name, self._clock.monotonic())
        share = 1 - failures / attempts if attempts else 1.0
        return max(0.01, share) / max(0.01, self.standings.typical_s(name))

    def began(self, name: ProviderName) -> float:
        """An attempt starts; answers when, as `ended` asks for it."""
        began_s = self._clock.monotonic()
        self.standings.began(name, began_s)
        return began_s

    def ended(
        self, name: ProviderName, sender_domain: str, outcome: Outcome, duration_s: float | None, *, began_s: float
    ) -> None:
        """The attempt that `began` then ended; `duration_s` from release to answer, None without one."""
        self.standings.ended(name, sender_domain, outcome, duration_s, self._clock.monotonic(), began_s=began_s)

    def stalled(self, name: ProviderName, waiting_ages_s: Iterable[float]) -> bool:
        """Whether these attempts, released and unanswered, just tripped the provider."""
        return self.standings.stalled(name, waiting_ages_s, self._clock.monotonic())

    def picture(self) -> Mapping[ProviderName, ProviderPicture]:
        """Every provider now."""
        now_s = self._clock.monotonic()
        return {name: self._picture(name, now_s) for name in self.standings.names}

    def _picture(self, name: ProviderName, now_s: float) -> ProviderPicture:
        attempts, failures = self.standings.minute(name, now_s)
        return ProviderPicture(
            state=self.standings.state(name, now_s),
            why=self.standings.why(name),
            attempts=attempts,
            failures=failures,
            typical_s=self.standings.typical_s(name),
            bad_for_s=self.standings.bad_for_s(name, now_s),
        )
