"""HTTP handovers per second per core over TLS: a stored queue sent by the provider `ses` to a sink that speaks HTTPS.

What is counted is the gateway's own CPU from the order to send to the last arrival, so that a sink on the other core
and what accepting the mail cost stay out of it.
"""

import asyncio

from bench.client import Submission, submit
from bench.cpu import cpu_s
from bench.figures import Row, alone
from bench.gateway import Gateway
from bench.http_sink import HttpSink
from bench.rounds import rounds as counted
from bench.tls import Certificate

SES_PROVIDER = """\
[[providers]]
name = "{name}"
kind = "ses"
region = "us-east-1"
access_key_id = "AKIABENCHOUT00000001"
secret_access_key = "file:secret"
endpoint = "https://127.0.0.1:{port}"
ca_file = "{certificate}"
"""


FILES = {"secret": "bench-secret"}


def provider(sink: HttpSink, certificate: Certificate, name: str = "sink", more: str = "") -> str:
    """The part of the configuration that names the sink."""
    return SES_PROVIDER.format(name=name, port=sink.port, certificate=certificate.certificate) + more


def rows(gateway: Gateway, pid: int, sink: HttpSink, *, rounds: int, messages: int) -> list[Row]:
    """Each round a queue of its own; the first warms up."""
    told = [drained(gateway, pid, sink, messages) for _ in counted("handover by HTTP", rounds)][1:]
    return [alone("HTTP handovers per second per core over TLS", told, "1/s", "")]


def drained(gateway: Gateway, pid: int, sink: HttpSink, messages: int) -> float:
    """Store a queue, then send it; messages for each second of CPU."""
    gateway.hold_back()
    before = sink.count
    asyncio.run(submit(Submission(port=gateway.port, messages=messages)))
    if sink.count != before:
        raise RuntimeError("mail left although sending was stopped")
    spent_s = cpu_s(pid)
    gateway.let_go()
    sink.wait(before + messages, 60)
    return messages / (cpu_s(pid) - spent_s)
