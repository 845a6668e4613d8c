"""What each feature costs: CPU microseconds a message with it, above the same load without it.

Two gateways stand side by side, one plain, one with the feature; both get the same load from the bench's own client in
turn, and the difference is taken round by round. Only the gateway's own CPU counts.
"""

import asyncio
import ssl
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.client import Submission, submit
from bench.cpu import cpu_s
from bench.figures import Row
from bench.gateway import Gateway
from bench.rounds import rounds as counted
from bench.sink import Sink
from bench.tls import Certificate

USER, PASSWORD = "AKIABENCH00000000001", "bench-password"

ACCESS_KEY = f"""\
[[access_keys]]
id = "{USER}"
smtp_password = "file:password"
"""

IN_A_DAY = datetime.now(tz=UTC) + timedelta(days=1)

RULES = "".join(
    f'[[classify]]\nmatch = {{ subject = "*campaign {number}*", sender = "*@news{number}.invalid" }}\nstream = "bulk"\n'
    for number in range(20)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One thing more: in the configuration, in the load, or both."""

    name: str
    more: str = ""
    """Added to the configuration."""
    change: Callable[[Submission], Submission] = lambda plan: plan
    base: Callable[[Submission], Submission] = lambda plan: plan
    """The load it is compared with."""
    is_secured: bool = False
    log_mail: bool = True


def _apart(plan: Submission) -> Submission:
    return replace(plan, keep=False)


def _with(line: str) -> Callable[[Submission], Submission]:
    return lambda plan: replace(plan, headers=lambda number: line.format(number=number).encode() + b"\r\n")


FEATURES = (
    Feature(name="a connection per message", change=_apart),
    Feature(
        name="AUTH PLAIN on each connection",
        more=ACCESS_KEY,
        base=_apart,
        change=lambda plan: replace(plan, keep=False, login=(USER, PASSWORD)),
    ),
    Feature(name="TLS on each connection", base=_apart, change=_apart, is_secured=True),
    Feature(name="TLS, connections kept", is_secured=True),
    Feature(name="20 [[classify]] rules, none matching", more=RULES),
    Feature(name="stream named by header", change=_with("X-Posthorse-Stream: bulk")),
    Feature(name="idempotency key", change=_with("X-Posthorse-Idempotency-Key: bench-{number}")),
    Feature(name="supersede key", change=_with("X-Posthorse-Supersede: bench-{number}")),
    Feature(name="deadline", change=_with(f"X-Posthorse-Deadline: {IN_A_DAY:%Y-%m-%dT%H:%M:%SZ}")),
    Feature(name="4 recipients more", change=lambda plan: replace(plan, recipients=5)),
    Feature(name="100 KB instead of 10 KB", change=lambda plan: replace(plan, size_bytes=102_400)),
    Feature(name="no log line for each event of a message", log_mail=False),
)


def rows(folder: Path, port: int, sink: Sink, *, rounds: int, messages: int) -> list[Row]:
    """The extra cost of every feature; the first row is the load without any."""
    certificate = Certificate(folder / "certificate")
    found: list[Row] = []
    plain = Gateway(folder / "plain", port, {"sink": sink.port})
    pid = plain.start()
    try:
        for feature in FEATURES:
            rich = _gateway(feature, folder, port + 10, sink, certificate)
            try:
                extra, base = _compare(feature, (plain, pid), (rich, rich.start()), certificate, sink, rounds, messages)
            finally:
                rich.stop()
            if not found:
                found.append(_row("CPU us per message, 10 KB, connections kept", base))
            found.append(_row(f"+ {feature.name}", extra))
    finally:
        plain.stop()
    return found


def _gateway(feature: Feature, folder: Path, port: int, sink: Sink, certificate: Certificate) -> Gateway:
    return Gateway(
        folder / "rich",
        port,
        {"sink": sink.port},
        certificate=certificate if feature.is_secured else None,
        secures_ways_out=False,
        more=feature.more,
        log_mail=feature.log_mail,
        files={"password": PASSWORD},
    )


def _compare(
    feature: Feature,
    plain: tuple[Gateway, int],
    rich: tuple[Gateway, int],
    certificate: Certificate,
    sink: Sink,
    rounds: int,
    messages: int,
) -> tuple[list[float], list[float]]:
    """(what it costs more, what the load without it costs), round by round."""
    extra: list[float] = []
    base: list[float] = []
    trust = ssl.create_default_context(cafile=str(certificate.certificate))
    port = rich[0].tls_port if feature.is_secured else rich[0].port
    tls = trust if feature.is_secured else None
    without = feature.base(Submission(port=plain[0].port, messages=messages))
    with_it = feature.change(replace(without, port=port, tls=tls))
    for number in counted(feature.name, rounds):
        cost: dict[bool, float] = {}
        for is_rich in (True, False) if number % 2 else (False, True):
            plan, pid = (with_it, rich[1]) if is_rich else (without, plain[1])
            cost[is_rich] = _cost_us(plan, pid, sink)
        if number:  # the first round warms up
            extra.append(cost[True] - cost[False])
            base.append(cost[False])
    return extra, base


def _cost_us(plan: Submission, pid: int, sink: Sink) -> float:
    before_s, expected = cpu_s(pid), sink.count + plan.messages
    asyncio.run(submit(plan))
    sink.wait(expected, 300)
    return (cpu_s(pid) - before_s) / plan.messages * 1e6


def _row(name: str, values: list[float]) -> Row:
    return Row(
        name=name,
        ours=statistics.median(values),
        peer=None,
        ratio=None,
        spread=f"{min(values):.0f}..{max(values):.0f}",
        rounds=len(values),
        unit="us",
        wanted="",
        met=None,
    )
