"""Exposition: the tallies in Prometheus' text format, made when somebody scrapes."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from posthorse.watch.measures import Measures

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Exposition(Collector):
    """Everything `Measures` knows, for prometheus-client."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """The page that `/metrics` answers with."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[Metric]:
        """Nothing: without it the registry would count everything once when it starts."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples."""
        for metric, counter in self._measures.counters.items():
            family = CounterMetricFamily(metric.full_name.removesuffix("_total"), metric.meaning, labels=metric.labels)
            for labels, count in counter.items():
                family.add_metric(labels, count)
            yield family
        for metric, histogram in self._measures.histograms.items():
            spreads = HistogramMetricFamily(metric.full_name, metric.meaning, labels=metric.labels)
            for labels, spread in histogram.items():
                spreads.add_metric(labels, spread.cumulative(), spread.total)
            yield spreads
        for metric, readings in self._measures.gauges.items():
            gauge = GaugeMetricFamily(metric.full_name, metric.meaning, labels=metric.labels)
            for labels, value in readings().items():
                gauge.add_metric(labels, value)
            yield gauge
