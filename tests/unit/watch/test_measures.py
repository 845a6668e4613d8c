"""Measures: what is counted shows in the exposition under the names of the table, and counting is cheap."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import ProviderName
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import QueueCounts
from posthorse.watch import metrics
from posthorse.watch.exposition import Exposition
from posthorse.watch.journal import oldest_readings, recipients_readings, standing_readings
from posthorse.watch.measures import Measures, one_of
from posthorse.watch.metrics import METRICS, Kind, Metric, metrics_page

TOP = Path(__file__).resolve().parents[3]


def samples(measures: Measures) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample that a scrape gives, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(Exposition(measures).text().decode())
        for sample in family.samples
    }


def key(metric: Metric, suffix: str = "", **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """How a sample is found in `samples`."""
    return metric.full_name + suffix, frozenset(labels.items())


def full() -> Measures:
    """Measures in which everything happened once."""
    measures = Measures()
    measures.accepted(Stream.URGENT, "smtp")
    measures.answered("smtp", 0.003)
    measures.repeated("smtp")
    measures.refused("overload")
    measures.settled("relay", "handover")
    measures.attempted("relay", "handover", 0.2)
    measures.parked("relay")
    measures.late_answer("relay", "duplicate")
    measures.duplicate(Stream.STANDARD)
    measures.committed(0.002, 7)
    measures.spool_trouble("admit")
    measures.worker_failed("start")
    measures.log_lost(3)
    measures.bug("courier")
    measures.histograms[metrics.LAG].observe((), 0.0)
    measures.notified("relay", "taken")
    measures.notification_kept("relay", 0.003)
    measures.notification_unreadable("relay")
    measures.learnt("relay", "delivered")
    measures.event_unknown("relay")
    measures.ask(metrics.NOTIFICATION_LAG, lambda: {(): 0.5})
    measures.webhook_answered("shop", "taken")
    measures.ask(metrics.WEBHOOK_LAG, lambda: {("shop",): 0.5})
    measures.ask(metrics.WEBHOOK_WAITING, lambda: {("shop",): 2.0})
    measures.ask(metrics.WEBHOOK_STANDING, lambda: one_of("open", ["open", "disabled"], "shop"))
    counts = QueueCounts(by_carriage={(Stream.BULK, Carriage.QUEUED): 12}, oldest_waiting={Stream.BULK: 5_000_000})
    states = {ProviderName("relay"): StandingState.EJECTED}
    measures.ask(metrics.RECIPIENTS, lambda: recipients_readings(counts))
    measures.ask(metrics.OLDEST, lambda: oldest_readings(counts, 8_500_000))
    measures.ask(metrics.STANDING, lambda: standing_readings(states))
    measures.ask(metrics.NOT_CONFIRMED, lambda: {("relay",): 4.0})
    measures.ask(metrics.NOTIFICATIONS_KEPT, lambda: {("unreadable",): 2.0})
    measures.ask(metrics.SLOTS, lambda: {("relay",): 3.0})
    measures.ask(metrics.UP_SINCE, lambda: {(): 1.0})
    return measures


def test_every_fact_shows_under_its_labels() -> None:
    """Each counted fact is one sample with the value and labels it was counted with."""
    found = samples(full())
    assert found[key(metrics.ACCEPTED, stream="urgent", front="smtp")] == 1
    assert found[key(metrics.REFUSED, reason="overload")] == 1
    assert found[key(metrics.ATTEMPTS, provider="relay", outcome="handover")] == 1
    assert found[key(metrics.ATTEMPT_SECONDS, "_sum", provider="relay")] == 0.2
    assert found[key(metrics.COMMIT_CALLS)] == 7
    assert found[key(metrics.DUPLICATES, stream="standard")] == 1
    assert found[key(metrics.RECIPIENTS, stream="bulk", carriage="queued")] == 12
    assert found[key(metrics.OLDEST, stream="bulk")] == 3.5
    assert found[key(metrics.STANDING, provider="relay", standing="ejected")] == 1
    assert found[key(metrics.STANDING, provider="relay", standing="good")] == 0


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_of_the_table_can_be_scraped(metric: Metric) -> None:
    """No metric is documented that nothing fills, with exactly the documented labels."""
    extra = {"le"} if metric.kind is Kind.HISTOGRAM else set()
    name = metric.full_name + ("_bucket" if metric.kind is Kind.HISTOGRAM else "")
    labels = {frozenset(label for label, _ in pairs) for found, pairs in samples(full()) if found == name}
    assert labels == {frozenset({*metric.labels, *extra})}


def test_the_page_is_what_the_table_says() -> None:
    """docs/metrics.md lists every metric with its meaning."""
    assert metrics_page() in (TOP / "docs" / "metrics.md").read_text()


@pytest.mark.parametrize(("value", "bound"), [(0.0, "0.001"), (0.001, "0.001"), (0.0011, "0.005"), (99.0, "+Inf")])
def test_an_observation_falls_into_the_first_bucket_that_holds_it(value: float, bound: str) -> None:
    """Bounds belong to their bucket; what is above all of them is in +Inf only."""
    measures = Measures()
    measures.histograms[metrics.LAG].observe((), value)
    found = {dict(pairs)["le"]: count for (name, pairs), count in samples(measures).items() if name.endswith("_bucket")}
    assert min((float(le) for le, count in found.items() if count), default=None) == float(bound)


def test_label_values_cannot_break_the_page() -> None:
    """Quotes and line breaks in a label are escaped, as the format wants."""
    measures = Measures()
    measures.bug('a"\n# HELP x')
    assert samples(measures)[key(metrics.BUGS, where='a"\n# HELP x')] == 1


def test_a_fact_costs_a_few_microseconds_at_most() -> None:
    """Counting an accepted message costs under 10 us even on a slow machine (about 1 us on a good one)."""
    measures = Measures()
    best = min(_seconds_per_call(lambda: measures.accepted(Stream.URGENT, "smtp")) for _ in range(5))
    assert best < 10e-6


def _seconds_per_call(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(2_000):
        call()
    return (time.perf_counter() - began) / 2_000


def test_a_blocked_loop_shows_as_lag(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """Whoever blocks the loop for 150 ms leaves an observation of at least 50 ms."""

    async def scene(measures: Measures) -> None:
        watching = asyncio.create_task(measures.watch_lag())
        await asyncio.sleep(0.05)
        ends = time.perf_counter() + 0.2
        while time.perf_counter() < ends:
            pass
        await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    measures = Measures()
    run(scene(measures))
    (spread,) = [spread for _, spread in measures.histograms[metrics.LAG].items()]
    assert spread.total > 0.05
