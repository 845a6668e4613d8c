"""The parts of the bench: what each starts, in which order it measures, and what it says about it.

Each part starts its peers on empty folders, and stops them whatever happens.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import api, faults, features, handover, notifications, throughput, webhooks
from bench.figures import Row
from bench.gateway import Gateway
from bench.http_sink import HttpSink
from bench.postfix import Postfix, wait_for_port
from bench.record import Measured, load_now, measured
from bench.sink import Sink
from bench.tls import Certificate, Tunnels

SINK, OURS, THEIRS, FAULTS = 22025, 22026, 22036, 22046
TLS_SINK, OUR_TLS, THEIR_TLS = 22056, 22057, 22058
HTTP_SINK = 22066


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for on the command line."""

    folder: Path
    """On the disk to be measured."""
    rounds: int
    messages: int
    fault_rounds: int


@dataclass(slots=True)
class Told:
    """What a part found."""

    rows: list[Row]
    settings: dict[str, str]
    notes: list[str]


def measure(part: str, wanted: Wanted) -> Measured:
    """Run one part."""
    load = load_now()
    told = PARTS[part](wanted)
    for note in told.notes:
        print(note, file=sys.stderr)
    return measured(part, told.rows, told.settings, told.notes, load, wanted.folder)


def _throughput(wanted: Wanted) -> Told:
    folder = wanted.folder
    ours, theirs = Gateway(folder / "gateway", OURS, {"sink": SINK}), Postfix(folder / "postfix", THEIRS, SINK)
    with _sink() as sink, _running(ours) as our_pid, _running(theirs) as their_pid:
        mine, other = (ours, our_pid), (theirs, their_pid)
        rows = throughput.rows(mine, other, sink, rounds=wanted.rounds, messages=wanted.messages)
        rows.append(throughput.stored_row(mine, other, sink, rounds=wanted.rounds, messages=wanted.messages))
        rows.append(throughput.p99_row(ours, theirs, rounds=wanted.rounds))
        calls = throughput.fsyncs(our_pid, ours, folder), throughput.fsyncs(their_pid, theirs, folder)
        notes = [f"fsync calls for 200 messages: gateway {calls[0]}, Postfix {calls[1]}", _checked(sink)]
        return Told(rows, {"gateway": ours.settings, "Postfix": theirs.settings}, notes)


@dataclass(frozen=True, slots=True)
class _Port:
    """A way into a peer."""

    port: int


def _tls(wanted: Wanted) -> Told:
    """A TLS connection for every message that comes in, TLS on the way out; both peers keep those connections."""
    folder = wanted.folder / "tls"
    certificate = Certificate(folder / "certificate")
    ours = Gateway(folder / "gateway", OURS, {"sink": TLS_SINK}, certificate=certificate)
    theirs = Postfix(folder / "postfix", THEIRS, TLS_SINK, certificate=certificate)
    tunnels = Tunnels(certificate)
    with _sink() as sink, _running(ours) as our_pid, _running(theirs) as their_pid:
        try:
            tunnels.start(clients={OUR_TLS: ours.tls_port, THEIR_TLS: theirs.tls_port}, servers={TLS_SINK: SINK})
            for port in (OUR_TLS, THEIR_TLS):
                wait_for_port(port)
            mine, other = (_Port(OUR_TLS), our_pid), (_Port(THEIR_TLS), their_pid)
            rows = throughput.rows(
                mine, other, sink, rounds=wanted.rounds, messages=wanted.messages // 2, ways=throughput.TLS
            )
        finally:
            tunnels.stop()
        return Told(rows, {"gateway": ours.settings, "Postfix": theirs.settings}, [_checked(sink)])


def _api(wanted: Wanted) -> Told:
    """The front that speaks as SES does, beside SMTP of the other."""
    folder = wanted.folder / "api"
    ours = Gateway(folder / "gateway", OURS, {"sink": SINK}, more=api.ACCESS_KEY, files=api.FILES)
    theirs = Postfix(folder / "postfix", THEIRS, SINK)
    with _sink() as sink, _running(ours) as our_pid, _running(theirs) as their_pid:
        rows = api.rows((ours, our_pid), (theirs, their_pid), sink, rounds=wanted.rounds, messages=wanted.messages)
        return Told(rows, {"gateway": ours.settings, "Postfix": theirs.settings}, [_checked(sink)])


def _http(wanted: Wanted) -> Told:
    """A stored queue that leaves by HTTPS."""
    folder = wanted.folder / "http"
    certificate = Certificate(folder / "certificate")
    sink = HttpSink(HTTP_SINK, certificate, folder / "sink.txt")
    ours = Gateway(folder / "gateway", OURS, {}, more=handover.provider(sink, certificate), files=handover.FILES)
    with _started(sink.start, sink.stop), _running(ours) as pid:
        rows = handover.rows(ours, pid, sink, rounds=wanted.rounds, messages=wanted.messages)
        return Told(rows, {"gateway": ours.settings}, [_checked(sink)])


def _notifications(wanted: Wanted) -> Told:
    """What a provider tells of mail that was handed over to it."""
    folder = wanted.folder / "notifications"
    certificate = Certificate(folder / "certificate")
    sns = notifications.topic(folder / "topic")
    sink = HttpSink(HTTP_SINK, certificate, folder / "sink.txt")
    more = handover.provider(sink, certificate, notifications.PROVIDER, notifications.settings(sns))
    ours = Gateway(folder / "gateway", OURS, {}, more=more, files=handover.FILES)
    with _started(sink.start, sink.stop), _running(ours) as pid:
        rows = notifications.rows(ours, pid, sink, sns, rounds=wanted.rounds, messages=wanted.messages // 4)
        return Told(rows, {"gateway": ours.settings}, [_checked(sink)])


def _webhooks(wanted: Wanted) -> Told:
    """What became of mail, told to an endpoint."""
    folder = wanted.folder / "webhooks"
    folder.mkdir(parents=True, exist_ok=True)
    events = HttpSink(HTTP_SINK, None, folder / "events.txt")
    more = webhooks.settings(HTTP_SINK)
    ours = Gateway(folder / "gateway", OURS, {"sink": SINK}, more=more, files=webhooks.FILES)
    with _sink() as mails, _started(events.start, events.stop), _running(ours) as pid:
        rows = webhooks.rows(ours, pid, mails, events, rounds=wanted.rounds, messages=wanted.messages)
        return Told(rows, {"gateway": ours.settings}, [_checked(events, "events")])


def _features(wanted: Wanted) -> Told:
    with _sink() as sink:
        rows = features.rows(
            wanted.folder / "features", OURS, sink, rounds=wanted.rounds, messages=wanted.messages // 2
        )
        return Told(rows, {}, [])


def _faults(wanted: Wanted) -> Told:
    rows = faults.rows(wanted.folder / "faults", FAULTS, rounds=wanted.fault_rounds)
    rows.append(faults.latency_row(wanted.folder / "faults", FAULTS, rounds=wanted.fault_rounds))
    return Told(rows, {}, [])


PARTS: dict[str, Callable[[Wanted], Told]] = {
    "throughput": _throughput,
    "tls": _tls,
    "api": _api,
    "http": _http,
    "notifications": _notifications,
    "webhooks": _webhooks,
    "features": _features,
    "faults": _faults,
}
"""By the name that `--only` takes, in the order of a whole run."""


# --- what they start --------------------------------------------------------------------------------------------------


@contextmanager
def _started(start: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    try:
        start()
        yield
    finally:
        stop()


@contextmanager
def _running(peer: Gateway | Postfix) -> Iterator[int]:
    """A peer that greets; answers its process id."""
    try:
        pid = peer.start()
        wait_for_port(peer.port)
        yield pid
    finally:
        peer.stop()


@contextmanager
def _sink() -> Iterator[Sink]:
    memory = Path("/dev/shm") / f"posthorse-bench-{os.getpid()}"  # noqa: S108 (dumps belong in memory)
    sink = Sink(SINK, memory)
    try:
        sink.start()
        yield sink
    finally:
        sink.stop()
        shutil.rmtree(memory, ignore_errors=True)


def _checked(sink: Sink | HttpSink, what: str = "messages") -> str:
    doubles, missing = sink.doubles_and_missing(sink.count)
    verdict = f"{'every one' if not doubles and not missing else 'NOT every one'} came once"
    return f"{sink.count} {what} at the sink, {doubles} doubled, {missing} missing: {verdict}"
