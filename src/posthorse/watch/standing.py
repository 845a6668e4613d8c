"""Standings: trip within seconds, recover by trial, never close the last one; pure, `now_s` is handed in.

Trip level only: reversible, per provider, nobody is paged. A provider is *ejected* after five failures in a row, when
half of at least twenty attempts of a minute count against it, when answers stall, or when two answers in a row speak
about our account. After the pause it is *on trial*: five handovers bring it back, in steps (10, 25, 50, 100 % over a
minute); one failure ejects it for longer. The last provider that is not ejected is never ejected: with all of them
looking bad the fault may be ours, so each gets a trickle of probes and the mail waits. A probe that an ejected provider
takes is its first trial passed: its pause is over. What began before an ejection is neither trial nor probe, however it
ends: it tells of the time before.

Left out: declaring an incident, blame, alerts; sending domains (`domains`), times of the recovery (`recovery`).
Constants: after Envoy's outlier detection and resilience4j's trials.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear, scope_of
from posthorse.mail.standing import GOOD, Standing, StandingState
from posthorse.watch.domains import ClosedDomains
from posthorse.watch.recovery import DEFAULT_RECOVERY, Recovery
from posthorse.watch.window import Window

STREAK_LIMIT = 5
RATIO_LIMIT = 0.5
RATIO_MINIMUM = 20
ACCOUNT_ANSWERS = 2
SLOW_CAP_S = 300.0
TRIALS = 5
TRIAL_URGENT_AFTER_S = 15.0
TRICKLE_S = 5.0
STALL_FLOOR_S = 2.0
STALL_COUNT = 5
_OURS = frozenset({Scope.CHANNEL, Scope.PROVIDER, Scope.ACCOUNT})


def failure_weight(outcome: Outcome) -> int:
    """How many failures an outcome counts against the provider: unclear two, what only concerns the mail none."""
    match outcome:
        case Handover():
            return 0
        case Unclear(scope=scope):
            return 0 if scope is Scope.US else 2
        case Fault(scope=scope) | Throttle(scope=scope) | Deferral(scope=scope):
            return 1 if scope in _OURS else 0
        case Rejection(scope=scope):
            return 1 if scope is Scope.ACCOUNT else 0


@dataclass(slots=True)
class _Record:
    """What is remembered of one provider."""

    window: Window
    streak: int = 0
    account_answers: int = 0
    ejected_at_s: float = -math.inf
    ejected_until_s: float = 0.0
    """Its trial begins here."""
    ejections: int = 0
    trial: bool = False
    trials_out: int = 0
    trials_passed: int = 0
    trial_told: bool = False
    bad_since_s: float | None = None
    """The trip after which it took nothing yet; None: it is well, or comes back."""
    ramp_since_s: float | None = None
    slow_until_s: float = 0.0
    last_probe_s: float = -TRICKLE_S
    failing: bool = False
    why: str = ""
    typical_s: float = 0.2
    last_answer_s: float = 0.0


class Standings:
    """The standing of every provider. Not thread-safe; one per node."""

    def __init__(
        self,
        groups: Iterable[frozenset[ProviderName]],
        names: Iterable[ProviderName],
        random: Callable[[], float],
        recovery: Recovery = DEFAULT_RECOVERY,
    ) -> None:
        """`groups`: the candidates of each route; the last open one of every group is kept open. `names`: all."""
        self._groups: tuple[frozenset[ProviderName], ...] = ()
        self._records: dict[ProviderName, _Record] = {}
        self.regroup(groups, names)
        self._random = random
        self._recovery = recovery
        self._domains = ClosedDomains()
        self.changed: Callable[[ProviderName, StandingState, str], None] = lambda name, state, why: None
        """Told of every trip and recovery."""

    def regroup(self, groups: Iterable[frozenset[ProviderName]], names: Iterable[ProviderName]) -> None:
        """Take over the candidate sets of changed routes; what is known of a provider stays."""
        self._groups = tuple(groups)
        self._records = {name: self._records.get(name) or _Record(window=Window()) for name in names}

    def of(
        self,
        name: ProviderName,
        peers: Sequence[ProviderName],
        sender_domain: str,
        now_s: float,
        *,
        urgent: bool = False,
    ) -> Standing:
        """The standing for a message from `sender_domain` whose candidates are `peers` (with `name` among them) now."""
        record = self._records[name]
        pause_s = self._domains.pause_s(name, sender_domain, now_s)
        if pause_s > 0:
            why = "it does not accept this sending domain"
            return Standing(state=self.state(name, now_s), share=0.0, why=why, pause_s=pause_s)
        if (
            not self._doubted(record, now_s)
            and not record.trial
            and record.ramp_since_s is None
            and record.slow_until_s <= now_s
        ):
            return GOOD
        if all(self._closed_to(peer, sender_domain, now_s) for peer in peers):
            return self._trickle(record, now_s)
        if record.ejected_until_s > now_s:
            return Standing(state=StandingState.EJECTED, share=0.0, why=record.why)
        if record.trial:
            others = [self._records[peer] for peer in peers if not self._closed_to(peer, sender_domain, now_s)]
            urgent = urgent and any(not other.trial for other in others)
            return self._on_trial(record, now_s, urgent=urgent)
        if record.slow_until_s > now_s:
            return Standing(state=StandingState.STRAINED, share=0.0, why="it asked for a pause")
        if record.ramp_since_s is not None:
            return self._ramping(name, record, now_s)
        # Kept open because it is the last one of another route: here others are open, so it only gets probes.
        return self._trickle(record, now_s) if record.failing else GOOD

    def state(self, name: ProviderName, now_s: float) -> StandingState:
        """The state for pictures and metrics, without regard to a message."""
        record = self._records[name]
        if record.ejected_until_s > now_s:
            return StandingState.EJECTED
        if record.trial:
            return StandingState.ON_TRIAL
        if record.failing or record.ramp_since_s is not None or record.slow_until_s > now_s:
            return StandingState.STRAINED
        return StandingState.GOOD

    def why(self, name: ProviderName) -> str:
        """What brought it where it is; empty while good."""
        return self._records[name].why

    def bad_for_s(self, name: ProviderName, now_s: float) -> float:
        """How long ago it tripped, if it took nothing since; 0 otherwise."""
        since_s = self._records[name].bad_since_s
        return 0.0 if since_s is None else now_s - since_s

    @property
    def names(self) -> tuple[ProviderName, ...]:
        """Every provider that is watched."""
        return tuple(self._records)

    def minute(self, name: ProviderName, now_s: float) -> tuple[int, int]:
        """(attempts, failures) of the last minute."""
        return self._records[name].window.totals(now_s)

    def typical_s(self, name: ProviderName) -> float:
        """How long an answer takes there at most, usually; seconds."""
        return self._records[name].typical_s

    def began(self, name: ProviderName, now_s: float) -> None:
        """An attempt starts there."""
        record = self._records[name]
        record.last_probe_s = now_s
        if record.trial and not self._shut(record, now_s):
            record.trials_out += 1
            if not record.trial_told:
                record.trial_told = True
                self.changed(name, StandingState.ON_TRIAL, "its pause is over")

    def ended(
        self,
        name: ProviderName,
        sender_domain: str,
        outcome: Outcome,
        duration_s: float | None,
        now_s: float,
        *,
        began_s: float,
    ) -> None:
        """An attempt ended there with this outcome; for a group, the one that says most about the provider.

        `duration_s`: from release to answer; None when nothing was released or no answer came. `began_s`: the `now_s`
        of its `began`.
        """
        record = self._records[name]
        if record.trials_out and began_s >= record.ejected_until_s:
            record.trials_out -= 1
        if scope_of(outcome) is Scope.US:
            return  # it says nothing about the provider
        if not isinstance(outcome, Unclear):
            record.last_answer_s = now_s
        if isinstance(outcome, Rejection) and outcome.scope is Scope.SENDER_DOMAIN and sender_domain:
            self._domains.close(name, sender_domain, now_s)
        if isinstance(outcome, Throttle) and outcome.scope in _OURS:
            record.slow_until_s = now_s + min(outcome.retry_after_s or 1.0, SLOW_CAP_S)
        if duration_s is not None:
            record.typical_s = max(duration_s, record.typical_s * 0.98 + duration_s * 0.02)
        if began_s < record.ejected_at_s:
            return  # it tells of the time before the ejection
        weight = failure_weight(outcome)
        record.window.add(now_s, failed=weight > 0)
        if weight:
            self._failed(name, record, outcome, weight, now_s)
        elif isinstance(outcome, Handover):
            if self._shut(record, now_s):
                self._lift(name, record, now_s)
            self._succeeded(name, record, now_s)

    def stalled(self, name: ProviderName, waiting_ages_s: Iterable[float], now_s: float) -> bool:
        """Trip when many released attempts wait far longer than usual and no answer comes; ages since each began."""
        record = self._records[name]
        limit_s = max(STALL_FLOOR_S, 3 * record.typical_s)
        overdue = sum(age > limit_s for age in waiting_ages_s)
        if overdue < STALL_COUNT or now_s - record.last_answer_s < limit_s or self._shut(record, now_s):
            return False
        return self._trip(name, record, f"{overdue} attempts wait over {limit_s:.1f} s and no answer comes", now_s)

    def eject(self, name: ProviderName, why: str, now_s: float) -> None:
        """Close it as a trip would; the last open one stays open."""
        self._trip(name, self._records[name], why, now_s)

    def forget(self, name: ProviderName) -> None:
        """A person restored it: as good as new."""
        self._records[name] = _Record(window=Window())
        self._domains.forget(name)

    def _shut(self, record: _Record, now_s: float) -> bool:
        return record.ejected_until_s > now_s

    def _last_open(self, name: ProviderName, now_s: float) -> bool:
        """No other provider is open: this one must not be closed. A safeguard (I10)."""
        return any(
            all(
                self._shut(self._records[other], now_s) or self._records[other].trial
                for other in group
                if other != name
            )
            for group in self._groups
            if name in group
        )

    def _doubted(self, record: _Record, now_s: float) -> bool:
        return self._shut(record, now_s) or record.failing or (record.trial and not record.trials_passed)

    def _closed_to(self, name: ProviderName, sender_domain: str, now_s: float) -> bool:
        return self._doubted(self._records[name], now_s) or self._domains.pause_s(name, sender_domain, now_s) > 0

    def _failed(self, name: ProviderName, record: _Record, outcome: Outcome, weight: int, now_s: float) -> None:
        record.streak += weight
        account = scope_of(outcome) is Scope.ACCOUNT and not isinstance(outcome, Throttle)  # "slower" is no refusal
        record.account_answers = record.account_answers + 1 if account else 0
        if record.trial:
            self._trip(name, record, "it did not pass its trial", now_s)
        elif record.account_answers >= ACCOUNT_ANSWERS:
            self._trip(name, record, "it refuses our account", now_s)
        elif record.streak >= STREAK_LIMIT:
            self._trip(name, record, f"{record.streak} failures in a row", now_s)
        else:
            attempts, failures = record.window.totals(now_s)
            if attempts >= RATIO_MINIMUM and failures >= RATIO_LIMIT * attempts:
                self._trip(name, record, f"{failures} of {attempts} attempts of a minute count against it", now_s)

    def _trip(self, name: ProviderName, record: _Record, why: str, now_s: float) -> bool:
        """Close it, or mark it as failing if it is the last one open; whether that changed anything."""
        if self._shut(record, now_s):
            return False
        record.why = why
        record.ramp_since_s = None
        record.bad_since_s = now_s if record.bad_since_s is None else record.bad_since_s
        if self._last_open(name, now_s) and not record.trial:
            if record.failing:
                return False
            record.failing = True
            self.changed(name, StandingState.STRAINED, f"{why}; the last one open stays open")
            return True
        record.ejections += 1
        pause_s = self._recovery.pause_after(record.ejections, self._random())
        record.ejected_at_s, record.ejected_until_s = now_s, now_s + pause_s
        record.trial, record.trials_out, record.trials_passed, record.trial_told = True, 0, 0, False
        record.failing = False
        record.streak = record.account_answers = 0
        record.window.clear()
        self.changed(name, StandingState.EJECTED, why)
        return True

    def _lift(self, name: ProviderName, record: _Record, now_s: float) -> None:
        """It took a probe while all looked bad: nobody else may be there to wait for, so it is on trial now."""
        record.ejected_until_s, record.trial_told = now_s, True
        self.changed(name, StandingState.ON_TRIAL, "it took a probe")

    def _succeeded(self, name: ProviderName, record: _Record, now_s: float) -> None:
        record.streak = record.account_answers = 0
        record.bad_since_s = None
        if record.failing:
            record.failing, record.why = False, ""
            record.window.clear()
            self.changed(name, StandingState.GOOD, "it takes mail again")
        if not record.trial or self._shut(record, now_s):
            return
        record.trials_passed += 1
        if record.trials_passed >= TRIALS:
            record.trial, record.trials_out = False, 0
            record.window.clear()  # what ended badly while it was closed is not held against it
            record.ramp_since_s, record.why = now_s, "it ramps back"
            self.changed(name, StandingState.STRAINED, record.why)

    def _on_trial(self, record: _Record, now_s: float, *, urgent: bool) -> Standing:
        left = max(0, TRIALS - record.trials_passed - record.trials_out)
        spared = urgent and now_s - record.ejected_until_s < TRIAL_URGENT_AFTER_S
        why = "on trial" if left else "on trial, its test messages are out"
        share = 1.0 if left and not spared else 0.0
        return Standing(state=StandingState.ON_TRIAL, share=share, probes=left, why=why)

    def _trickle(self, record: _Record, now_s: float) -> Standing:
        state = StandingState.EJECTED if self._shut(record, now_s) else StandingState.STRAINED
        due = now_s - record.last_probe_s >= TRICKLE_S and record.slow_until_s <= now_s
        why = f"{record.why or 'all providers look bad'}; only probes go out"
        return Standing(state=state, share=1.0 if due else 0.0, probes=int(due), why=why)

    def _ramping(self, name: ProviderName, record: _Record, now_s: float) -> Standing:
        age_s = now_s - (record.ramp_since_s or 0.0)
        share = self._recovery.share_at(age_s)
        if share >= 1.0:
            record.ramp_since_s, record.why, record.ejections = None, "", 0
            self.changed(name, StandingState.GOOD, "it may have all its mail again")
            return GOOD
        return Standing(state=StandingState.STRAINED, share=share, why="it ramps back")
