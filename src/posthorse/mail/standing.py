"""Standing: the present judgement of a provider, as the watch gives it to dispatch."""

from dataclasses import dataclass
from enum import Enum


class StandingState(Enum):
    """How a provider is looked upon now."""

    GOOD = "good"
    """Takes all mail its slots allow."""
    STRAINED = "strained"
    """Takes part of the mail: it ramps back, was asked to slow down, or is the last one left."""
    EJECTED = "ejected"
    """Takes no mail for a while."""
    ON_TRIAL = "on_trial"
    """Takes a few messages that test whether it is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A provider's standing for one message now."""

    state: StandingState
    share: float = 1.0
    """Part of the mail it should get while others are open, 0..1; 0: none at this moment."""
    probes: int | None = None
    """At most this many messages may go there now, as a test; None: no such limit."""
    why: str = ""
    """In words, for `explain` and the log; empty while good."""
    pause_s: float = 0.0
    """Unusable for at least so many seconds more; 0: nobody can say."""

    @property
    def usable(self) -> bool:
        """May be tried now."""
        return self.share > 0


GOOD = Standing(state=StandingState.GOOD)
