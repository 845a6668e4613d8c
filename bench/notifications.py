"""Notifications per second: what SES tells by SNS, signed, about mail that this gateway handed over just before.

Two figures of the same posts: how many are durable and answered in a second, and how many have become a fate. The
signatures are made before the clock starts, by version 1 and 2 in turn, as the lab's topic makes them.
"""

import random
import re
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import handover, http_client
from bench.cpu import cpu_s
from bench.figures import Row, alone
from bench.gateway import Gateway
from bench.http_sink import HttpSink
from bench.rounds import rounds as counted
from posthorse.lab.fates import LabFate, Mailing, Tale, Told
from posthorse.lab.sns import SnsTopic

PROVIDER = "sink"
_DELIVERED = re.compile(r'^posthorse_events_total\{kind="delivered",provider="sink"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    taken_per_s: float
    told_per_s: float
    cpu_us: float


def topic(folder: Path) -> SnsTopic:
    """Who signs; its certificate is made in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return SnsTopic(name=PROVIDER, region="us-east-1", folder=folder, dice=random.Random(), now=_now)


def settings(sns: SnsTopic) -> str:
    """What the provider's part of the configuration says of notifications."""
    return f'notifications = {{ topics = ["{sns.arn}"], certificate = "{sns.certificate}" }}\n'


def rows(gateway: Gateway, pid: int, sink: HttpSink, sns: SnsTopic, *, rounds: int, messages: int) -> list[Row]:
    """Each round about mail of its own; the first warms up."""
    told = [_round(gateway, pid, sink, sns, messages) for _ in counted("notifications", rounds)][1:]
    return [
        alone("notifications taken per second", [one.taken_per_s for one in told], "1/s", ""),
        alone("notifications turned into fates per second", [one.told_per_s for one in told], "1/s", ""),
        alone("CPU us per notification", [one.cpu_us for one in told], "us", ""),
    ]


def _round(gateway: Gateway, pid: int, sink: HttpSink, sns: SnsTopic, messages: int) -> _Round:
    before = len(sink.file.read_text().splitlines())
    handover.drained(gateway, pid, sink, messages)
    given = sink.file.read_text().splitlines()[before:]
    requests = _requests(gateway.http_port, sns, given)
    known, spent_s, began = _delivered(gateway), cpu_s(pid), time.monotonic()
    taken_s = http_client.post(gateway.http_port, requests)
    while _delivered(gateway) < known + messages:
        if time.monotonic() - began > 60:
            raise TimeoutError(f"{_delivered(gateway) - known:.0f} of {messages} deliveries are known after 60 s")
        time.sleep(0.02)
    all_s = time.monotonic() - began
    return _Round(
        taken_per_s=messages / taken_s, told_per_s=messages / all_s, cpu_us=(cpu_s(pid) - spent_s) / messages * 1e6
    )


def _requests(port: int, sns: SnsTopic, given: Sequence[str]) -> list[bytes]:
    """One delivery for each line of the sink's file."""
    found = []
    for line in given:
        own_id, message_id = line.split()
        mailing = Mailing(
            provider=PROVIDER,
            message_id=message_id,
            sender="a@bench.invalid",
            recipients=("b0@sink.invalid",),
            at=_now(),
            subject="bench",
            tags={"posthorse-id": (own_id,)},
        )
        told = Told(
            mailing=mailing,
            tale=Tale.DELIVERED,
            fate=LabFate.DELIVERED,
            recipients=mailing.recipients,
            at=_now(),
        )
        (hook,) = sns.worded([told])
        fields = (("Host", f"127.0.0.1:{port}"), *hook.headers, ("Content-Length", str(len(hook.body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        found.append(f"POST /hooks/{PROVIDER} HTTP/1.1\r\n{lines}\r\n".encode() + hook.body)
    return found


def _delivered(gateway: Gateway) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.http_port}/metrics", timeout=10) as answer:
        found = _DELIVERED.search(answer.read().decode())
    return float(found[1]) if found else 0.0


def _now() -> int:
    return time.time_ns() // 1_000
