"""Events out per second: a queue of handovers told to one endpoint over kept connections on this machine.

The mail is handed over while the endpoint is disabled; then it is enabled, and what is counted is the telling alone:
from the first event that arrives to the last, and the gateway's own CPU meanwhile. Every body is signed.
"""

import time

from bench.cpu import cpu_s
from bench.figures import Row, alone
from bench.gateway import Gateway
from bench.http_sink import HttpSink
from bench.rounds import rounds as counted
from bench.sink import Sink
from bench.throughput import source

NAME = "bench"
FILES = {"webhook": "whsec_" + "YmVuY2gt" * 5}
_REST_S = 1.0
"""Until the gateway has nothing else to do."""


def settings(port: int) -> str:
    """The endpoint's part of the configuration."""
    lines = [f'name = "{NAME}"', f'url = "http://127.0.0.1:{port}/hook"', 'secret = "file:webhook"']
    return "\n".join(["[[webhooks]]", *lines, "allow_private = true", ""])


def rows(gateway: Gateway, pid: int, mails: Sink, events: HttpSink, *, rounds: int, messages: int) -> list[Row]:
    """Each round events of its own; the first warms up."""
    told = [_round(gateway, pid, mails, events, messages) for _ in counted("events out", rounds)][1:]
    return [
        alone("events told per second, one endpoint", [one[0] for one in told], "1/s", ""),
        alone("CPU us per event told", [one[1] for one in told], "us", ""),
    ]


def _round(gateway: Gateway, pid: int, mails: Sink, events: HttpSink, messages: int) -> tuple[float, float]:
    """(events a second, CPU microseconds an event)."""
    gateway.command("webhooks", "disable", NAME, "--reason", "bench")
    before, handed = events.count, mails.count + messages
    source(gateway, messages, keep=True)
    mails.wait(handed, 120)
    time.sleep(_REST_S)
    if events.count != before:
        raise RuntimeError("events were told although the endpoint was disabled")
    spent_s = cpu_s(pid)
    gateway.command("webhooks", "enable", NAME)
    began, first = events.wait(before + 1, 30), events.count
    ended = events.wait(before + messages, 120)
    return (before + messages - first) / (ended - began), (cpu_s(pid) - spent_s) / messages * 1e6
