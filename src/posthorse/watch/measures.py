"""Measures: what the gateway counts about itself, one function per fact.

Promise: a fact costs well under a microsecond while mail moves; names and labels are those of `metrics`. What is a
state rather than a fact (queue, standings, slots) is not counted here but asked for when somebody scrapes.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from posthorse.mail.stream import Stream
from posthorse.watch import metrics
from posthorse.watch.metrics import METRICS, Kind, Metric
from posthorse.watch.tally import Counter, Histogram

Readings = Mapping[tuple[str, ...], float]
"""Values of a gauge by its label values."""

LAG_EVERY_S = 0.1


class Measures:
    """All tallies of one process."""

    def __init__(self) -> None:
        self.counters = {metric: Counter() for metric in METRICS if metric.kind is Kind.COUNTER}
        self.histograms = {metric: Histogram(metric.bounds) for metric in METRICS if metric.kind is Kind.HISTOGRAM}
        self.gauges: dict[Metric, Callable[[], Readings]] = {}
        self._accepted = self.counters[metrics.ACCEPTED]
        self._accept_seconds = self.histograms[metrics.ACCEPT_SECONDS]
        self._settled = self.counters[metrics.SETTLED]
        self._attempts = self.counters[metrics.ATTEMPTS]
        self._attempt_seconds = self.histograms[metrics.ATTEMPT_SECONDS]
        self._commit_seconds = self.histograms[metrics.COMMIT_SECONDS]
        self._commit_calls = self.counters[metrics.COMMIT_CALLS]

    def accepted(self, stream: Stream, front: str) -> None:
        """A message is durable and gets its receipt."""
        self._accepted.add((stream.value, front))

    def answered(self, front: str, duration_s: float) -> None:
        """A client got its receipt, so long after the last byte of its message came."""
        self._accept_seconds.observe((front,), duration_s)

    def repeated(self, front: str) -> None:
        """A repetition got its first receipt again."""
        self.counters[metrics.REPEATED].add((front,))

    def refused(self, reason: str) -> None:
        """An offer was not taken; `reason` from a closed set."""
        self.counters[metrics.REFUSED].add((reason,))

    def settled(self, provider: str, outcome: str) -> None:
        """The end of an attempt is durable for one recipient."""
        self._settled.add((provider, outcome))

    def attempted(self, provider: str, outcome: str, duration_s: float) -> None:
        """An attempt of a group ended."""
        self._attempts.add((provider, outcome))
        self._attempt_seconds.observe((provider,), duration_s)

    def parked(self, provider: str) -> None:
        """Nobody waits for this attempt any more."""
        self.counters[metrics.PARKED].add((provider,))

    def late_answer(self, provider: str, effect: str) -> None:
        """A late answer came, and did this."""
        self.counters[metrics.LATE_ANSWERS].add((provider, effect))

    def duplicate(self, stream: Stream) -> None:
        """A recipient is known to have a second copy."""
        self.counters[metrics.DUPLICATES].add((stream.value,))

    def committed(self, duration_s: float, calls: int) -> None:
        """The spool finished one transaction that this many calls shared."""
        self._commit_seconds.observe((), duration_s)
        self._commit_calls.add((), calls)

    def spool_trouble(self, where: str) -> None:
        """The spool could not promise durability."""
        self.counters[metrics.SPOOL_TROUBLE].add((where,))

    def log_lost(self, lines: int) -> None:
        """So many lines of the log were not written."""
        self.counters[metrics.LOG_LOST].add((), lines)

    def bug(self, where: str) -> None:
        """An exception that should not be."""
        self.counters[metrics.BUGS].add((where,))

    def notified(self, provider: str, verdict: str) -> None:
        """A request to a hook was answered."""
        self.counters[metrics.NOTIFICATIONS].add((provider, verdict))

    def notification_kept(self, provider: str, duration_s: float) -> None:
        """A notification was durable so long after its last byte."""
        self.histograms[metrics.NOTIFICATION_SECONDS].observe((provider,), duration_s)

    def notification_unreadable(self, provider: str) -> None:
        """A genuine notification made no sense, or a part of it."""
        self.counters[metrics.NOTIFICATIONS_UNREADABLE].add((provider,))

    def learnt(self, provider: str, kind: str) -> None:
        """An event was applied."""
        self.counters[metrics.EVENTS].add((provider, kind))

    def event_unknown(self, provider: str) -> None:
        """An event is about mail that the provider was not given."""
        self.counters[metrics.EVENTS_UNKNOWN].add((provider,))

    def webhook_answered(self, endpoint: str, result: str) -> None:
        """An endpoint was told of an event, and this came of it."""
        self.counters[metrics.WEBHOOK_ANSWERS].add((endpoint, result))

    def worker_failed(self, how: str) -> None:
        """A process that takes messages apart failed."""
        self.counters[metrics.WORKER_FAILURES].add((how,))

    def ask(self, metric: Metric, readings: Callable[[], Readings]) -> None:
        """Read this gauge from `readings` whenever somebody scrapes; must be quick and must not raise."""
        assert metric.kind is Kind.GAUGE, metric.name
        self.gauges[metric] = readings

    async def watch_lag(self) -> None:
        """Measure until cancelled how late the loop wakes up."""
        loop, lag = asyncio.get_running_loop(), self.histograms[metrics.LAG]
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            lag.observe((), max(0.0, loop.time() - due))


def one_of(member: str, members: Iterable[str], *labels: str) -> Readings:
    """Readings of a gauge that is 1 for the present member of a closed set and 0 for the others."""
    return {(*labels, each): float(each == member) for each in members}
