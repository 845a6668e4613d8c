"""SES v2 API accept, beside Postfix's SMTP accept: the same mail by the front that applications of SES use.

The requests are signed just before the clock starts, as AWS's clients sign, each a call of its own with an invocation
id, so that what remembers repetitions is paid for. 20 connections are kept; both peers relay to the same sink.
"""

import base64
import itertools
import time
import uuid
from dataclasses import dataclass
from hashlib import sha256

from bench import http_client, throughput
from bench.cpu import cpu_s
from bench.figures import Row, compared
from bench.gateway import Gateway
from bench.latency import BODY_LINE
from bench.postfix import Postfix
from bench.rounds import rounds as counted
from bench.sink import Sink
from posthorse.providers.sigv4 import Signer

KEY, SECRET = "AKIABENCH00000000001", "bench-secret"
ACCESS_KEY = f'[[access_keys]]\nid = "{KEY}"\nsecret = "file:secret"\n'
FILES = {"secret": SECRET}
PATH = "/v2/email/outbound-emails"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    accept: float
    cpu_us: float


def requests(port: int, messages: int, size_bytes: int = throughput.SIZE_BYTES) -> list[bytes]:
    """Signed calls of SendEmail with raw mail, good for five minutes."""
    signer = Signer(access_key_id=KEY, secret_access_key=SECRET, session_token="", region="us-east-1", service="ses")
    return [_request(signer, port, next(_numbers), size_bytes) for _ in range(messages)]


def _request(signer: Signer, port: int, number: int, size_bytes: int) -> bytes:
    head = (
        b"From: <a@bench.example>\r\nTo: <b@sink.invalid>\r\nSubject: bench\r\n"
        b"Date: Tue, 24 Nov 2026 04:00:00 +0000\r\nMessage-Id: <%d@api.invalid>\r\n\r\n"
    ) % number
    mail = head + BODY_LINE * max(1, (size_bytes - len(head)) // len(BODY_LINE))
    body = b'{"Content":{"Raw":{"Data":"%s"}}}' % base64.b64encode(mail)
    host = f"127.0.0.1:{port}"
    signed = signer.sign(
        method="POST",
        path=PATH,
        host=host,
        content_type="application/json",
        body_sha256=sha256(body).hexdigest(),
        now=time.time_ns() // 1_000,
    )
    fields = [("Host", host), *signed, ("amz-sdk-invocation-id", str(uuid.uuid4())), ("Content-Length", str(len(body)))]
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body


def rows(
    ours: tuple[Gateway, int], theirs: tuple[Postfix, int], sink: Sink, *, rounds: int, messages: int
) -> list[Row]:
    """Interleaved rounds: the API of one, SMTP with connections kept of the other."""
    mine: list[_Round] = []
    other: list[throughput.Round] = []
    for number in counted("SES API", rounds):
        for is_ours in (False, True) if number % 2 else (True, False):
            if is_ours:
                ours_now = _offer(ours[0], ours[1], sink, messages)
                mine += [ours_now] if number else []  # the first round warms up
            else:
                theirs_now = throughput.offer(theirs[0], theirs[1], sink, messages, keep=True)
                other += [theirs_now] if number else []
    accept, cpu = [one.accept for one in mine], [one.cpu_us for one in mine]
    return [
        compared("SES v2 API accept", accept, [one.accept for one in other], "1/s", ">= 1.2x", least=1.2),
        compared("CPU us per message, SES v2 API", cpu, [one.cpu_us for one in other], "us", ""),
    ]


def _offer(gateway: Gateway, pid: int, sink: Sink, messages: int) -> _Round:
    signed = requests(gateway.http_port, messages)
    expected, before_s = sink.count + messages, cpu_s(pid)
    taken_s = http_client.post(gateway.http_port, signed, clients=throughput.CLIENTS)
    sink.wait(expected, 300)
    return _Round(accept=messages / taken_s, cpu_us=(cpu_s(pid) - before_s) / messages * 1e6)
