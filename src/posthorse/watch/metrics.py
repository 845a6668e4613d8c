"""The table of metrics: every name that `/metrics` shows, with its labels and what to make of it.

The reference page docs/metrics.md is written from it, and `Measures` may count nothing that is not in it.
"""

from dataclasses import dataclass
from enum import Enum

from posthorse.watch.labels import labels_section


class Kind(Enum):
    """How a metric behaves."""

    COUNTER = "counter"
    """Only rises; look at its rate."""
    GAUGE = "gauge"
    """The value now."""
    HISTOGRAM = "histogram"
    """Observations in buckets; look at quantiles."""


ACCEPT_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
ATTEMPT_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
COMMIT_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
LAG_BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    """Without the prefix `posthorse_` and a counter's `_total`."""
    kind: Kind
    labels: tuple[str, ...] = ()
    meaning: str
    look: str
    """When to look at it, and what a bad value says."""
    bounds: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As `/metrics` shows it."""
        return f"posthorse_{self.name}{'_total' if self.kind is Kind.COUNTER else ''}"


def _counter(name: str, labels: tuple[str, ...], meaning: str, look: str) -> Metric:
    return Metric(name=name, kind=Kind.COUNTER, labels=labels, meaning=meaning, look=look)


def _gauge(name: str, labels: tuple[str, ...], meaning: str, look: str) -> Metric:
    return Metric(name=name, kind=Kind.GAUGE, labels=labels, meaning=meaning, look=look)


def _histogram(name: str, labels: tuple[str, ...], bounds: tuple[float, ...], meaning: str, look: str) -> Metric:
    return Metric(name=name, kind=Kind.HISTOGRAM, labels=labels, bounds=bounds, meaning=meaning, look=look)


ACCEPTED = _counter(
    "messages_accepted",
    ("stream", "front"),
    "Messages we took responsibility for: durable and receipted.",
    "Falls to nothing while applications run: they cannot reach us, or acceptance is closed.",
)
REPEATED = _counter(
    "messages_repeated",
    ("front",),
    "Messages offered again under their idempotency key; answered with the first receipt.",
    "Rises when clients lose our answers.",
)
REFUSED = _counter(
    "messages_refused",
    ("reason",),
    "Offers we did not take, by reason.",
    "`overload`, `disk_low` and `spool` are ours to mend; the others are the client's.",
)
ACCEPT_SECONDS = _histogram(
    "accept_seconds",
    ("front",),
    ACCEPT_BOUNDS_S,
    "From the end of the data to the receipt.",
    "Follows `spool_commit_seconds`; else the event loop is busy.",
)
SETTLED = _counter(
    "recipients_settled",
    ("provider", "outcome"),
    "Ends of attempts, per recipient, once durable.",
    "The share of `fault` and `unclear` tells how a provider is.",
)
ATTEMPTS = _counter(
    "attempts",
    ("provider", "outcome"),
    "Attempts of a group at a provider, by the outcome that tells most of it.",
    "Attempts without handovers: the provider, or our account there, is in trouble.",
)
ATTEMPT_SECONDS = _histogram(
    "attempt_seconds",
    ("provider",),
    ATTEMPT_BOUNDS_S,
    "From the start of an attempt to its end.",
    "Throughput of a provider is about its slots divided by this.",
)
PARKED = _counter(
    "attempts_parked",
    ("provider",),
    "Attempts released and not answered in time; their late answer is still listened for.",
    "Each leaves mail in doubt, so the stream's rule decides about a second copy.",
)
LATE_ANSWERS = _counter(
    "late_answers",
    ("provider", "effect"),
    "Answers that nobody waited for any more.",
    "`duplicate` means that a second copy is proven by it.",
)
DUPLICATES = _counter(
    "duplicates",
    ("stream",),
    "Copies beyond the first that a provider is known to have taken, by an answer or by an event.",
    "Must stay 0 for `once` and `bulk`. Rises after a provider answered late or not at all.",
)
RECIPIENTS = _gauge(
    "recipients",
    ("stream", "carriage"),
    "Recipients in the spool by carriage; ends of duty as far as retention keeps them.",
    "`queued` that grows: more comes in than leaves. `in_doubt` that stays: `posthorse queue list --state in_doubt`.",
)
OLDEST = _gauge(
    "oldest_waiting_seconds",
    ("stream",),
    "How long the oldest recipient that is due and not held has waited.",
    "The first figure to alert on: for `urgent` more than a few seconds is an outage.",
)
NOT_CONFIRMED = _gauge(
    "not_confirmed",
    ("provider",),
    "Recipients that a provider with `notifications` took, and of which it has not told in time; counted up to 100000.",
    "Grows: the provider takes mail and does not deliver it, or its notifications do not reach us. "
    "`posthorse queue list --not-confirmed`.",
)
STANDING = _gauge(
    "standing",
    ("provider", "standing"),
    "1 for the present standing of a provider, 0 for the others.",
    "`ejected` for all of a route: mail waits, and the fault may be ours.",
)
SLOTS = _gauge(
    "slots_in_use",
    ("provider",),
    "Attempts under way.",
    "Always at the configured number: the provider is the bottleneck.",
)
COMMIT_SECONDS = _histogram(
    "spool_commit_seconds",
    (),
    COMMIT_BOUNDS_S,
    "One transaction of the spool, fsync included.",
    "The disk: every promise to a client waits for it.",
)
COMMIT_CALLS = _counter(
    "spool_commit_calls",
    (),
    "Calls that shared those transactions.",
    "Divided by the number of commits: how well they are grouped.",
)
SPOOL_TROUBLE = _counter(
    "spool_trouble",
    ("where",),
    "Times the spool could not promise durability, mail that was refused for it included.",
    "Anything above 0 needs a person: disk full, I/O error, failed fsync.",
)
WORKER_FAILURES = _counter(
    "worker_failures",
    ("how",),
    "Failures of the processes that take messages apart for SendGrid and Postmark.",
    "All but `broke`: such providers get no mail until it ends; `/readyz` and `posthorse providers list` say why.",
)
WEBHOOK_ANSWERS = _counter(
    "webhook_answers",
    ("endpoint", "result"),
    "Events told to customers' endpoints, by what came of it.",
    "`given_up` means that a customer was not told of something: `posthorse webhooks list`.",
)
WEBHOOK_LAG = _gauge(
    "webhook_lag_seconds",
    ("endpoint",),
    "How long the first fact of the history that an endpoint has not been told of has waited.",
    "Grows while an endpoint rests or is disabled; else the endpoint is slower than the mail.",
)
WEBHOOK_WAITING = _gauge(
    "webhook_waiting",
    ("endpoint",),
    "Facts that an endpoint did not take and is told of again.",
    "Above 0 for long: the endpoint fails for some events.",
)
WEBHOOK_STANDING = _gauge(
    "webhook_state",
    ("endpoint", "state"),
    "1 for the present state of an endpoint, 0 for the others.",
    "`disabled` needs a person: `posthorse webhooks enable`.",
)
LAG = _histogram(
    "loop_lag_seconds",
    (),
    LAG_BOUNDS_S,
    "How late the event loop woke up, measured ten times a second.",
    "Above 50 ms something blocked the process.",
)
LOG_LOST = _counter(
    "log_lines_lost",
    (),
    "Lines of the log that could not be written.",
    "Disk full, or whoever reads the log has gone. Mail goes on; its history is in the spool.",
)
BUGS = _counter(
    "bugs",
    ("where",),
    "Exceptions that should not be; the log has the traceback.",
    "Please report them.",
)
NOTIFICATIONS = _counter(
    "notifications",
    ("provider", "verdict"),
    "Requests to `/hooks/PROVIDER`, by what became of them.",
    "`taken` that stops while mail goes out: the provider cannot reach us, or has given up. Anything refused steadily: "
    "a setting is wrong at one of the two ends, or somebody tries.",
)
NOTIFICATION_SECONDS = _histogram(
    "notification_seconds",
    ("provider",),
    ACCEPT_BOUNDS_S,
    "From the last byte of a notification to its answer, of those that were kept.",
    "Follows `spool_commit_seconds`; providers give up after 3 to 15 seconds.",
)
NOTIFICATIONS_UNREADABLE = _counter(
    "notifications_unreadable",
    ("provider",),
    "Genuine notifications that made no sense to us, wholly or in part; they are kept with a note.",
    "Above 0: the provider tells in a new way; please report it.",
)
NOTIFICATION_LAG = _gauge(
    "notification_lag_seconds",
    (),
    "How long the oldest notification that nobody has read has waited; 0: there is none.",
    "More than a few seconds: the spool or the process is overloaded, and what is known of deliveries is old.",
)
NOTIFICATIONS_KEPT = _gauge(
    "notifications_kept",
    ("state",),
    "Notifications that are kept and were not simply read, by what became of them; counted up to 100000.",
    "`waiting` that grows: the spool or the process is overloaded. `unknown`: the account also sends mail that does "
    "not come from here. `unreadable`: please report it. `posthorse notifications list --state`.",
)
EVENTS = _counter(
    "events",
    ("provider", "kind"),
    "What was learnt of recipients after handover; each once, however often it was told.",
    "`hard_bounced` and `complained` beside `delivered`: how a provider, and our lists, are doing.",
)
EVENTS_UNKNOWN = _counter(
    "events_unknown",
    ("provider",),
    "Events about mail that this provider was never given, offered again for an hour in vain. They change nothing.",
    "Steady: the account also sends mail that does not come from here.",
)
UP_SINCE = _gauge(
    "start_time_seconds",
    (),
    "When this process became ready, in seconds since 1970 UTC.",
    "Changes at every start.",
)

METRICS: tuple[Metric, ...] = (
    ACCEPTED,
    REPEATED,
    REFUSED,
    ACCEPT_SECONDS,
    SETTLED,
    ATTEMPTS,
    ATTEMPT_SECONDS,
    PARKED,
    LATE_ANSWERS,
    DUPLICATES,
    RECIPIENTS,
    OLDEST,
    NOT_CONFIRMED,
    STANDING,
    SLOTS,
    COMMIT_SECONDS,
    COMMIT_CALLS,
    SPOOL_TROUBLE,
    WORKER_FAILURES,
    WEBHOOK_ANSWERS,
    WEBHOOK_LAG,
    WEBHOOK_WAITING,
    WEBHOOK_STANDING,
    LAG,
    LOG_LOST,
    BUGS,
    NOTIFICATIONS,
    NOTIFICATION_SECONDS,
    NOTIFICATIONS_UNREADABLE,
    NOTIFICATION_LAG,
    NOTIFICATIONS_KEPT,
    EVENTS,
    EVENTS_UNKNOWN,
    UP_SINCE,
)
"""Every metric, in the order of the page."""


def metrics_page() -> str:
    """The reference page in Markdown."""
    rows = [
        f"| `{metric.full_name}` | {metric.kind.value} | {', '.join(f'`{label}`' for label in metric.labels) or '-'} "
        f"| {metric.meaning} | {metric.look} |"
        for metric in METRICS
    ]
    return "\n".join([_INTRODUCTION, *rows, "", labels_section()])


_INTRODUCTION = """\
# Metrics

`/metrics` on every HTTP listener with the role `metrics`, in the text format of Prometheus. What the labels may say
stands [below](#label-values).

| metric | kind | labels | meaning | look at it |
|---|---|---|---|---|"""
