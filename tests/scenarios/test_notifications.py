"""Notifications at a running gateway: a real node on SQLite, real posts, a restart in between."""

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from posthorse.config.load import load_config
from posthorse.daemon.node import Daemon
from tests.unit.providers.notice_kit import (
    PASSWORD,
    TOPIC,
    basic,
    certificate,
    envelope,
    public_key,
    sendgrid_headers,
    signed,
    sns_headers,
)

Run = Callable[[Coroutine[Any, Any, Any]], Any]

CONFIG = f"""
[spool]
url = "sqlite:posthorse.db"
[[listen]]
http = "127.0.0.1:0"
roles = ["hooks"]
[[listen]]
http = "127.0.0.1:0"
roles = ["metrics"]
[log]
file = "posthorse.log"
[[providers]]
name = "ses-1"
kind = "ses"
region = "us-east-1"
access_key_id = "A"
secret_access_key = "env:SECRET"
endpoint = "http://127.0.0.1:1"
notifications = {{ topics = ["{TOPIC}"], certificate = "sns.pem" }}
[[providers]]
name = "sendgrid-1"
kind = "sendgrid"
api_key = "env:SECRET"
notifications = {{ public_key = "{public_key()}" }}
[[providers]]
name = "postmark-1"
kind = "postmark"
server_token = "env:SECRET"
notifications = {{ username = "postmark", password = "env:PASSWORD" }}
"""
ENVIRON = {"SECRET": "secret", "PASSWORD": PASSWORD}
MAIL = {"messageId": "never", "destination": ["ada@example.net"]}


class Node:
    """A gateway in this process, and what is said to it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "posthorse.toml"
        self._file.write_text(CONFIG)
        (folder / "sns.pem").write_bytes(certificate("sns", days=36_500, begins=-3_650))
        self._daemon = Daemon(load_config(self._file, ENVIRON), self._file, ENVIRON)

    async def __aenter__(self) -> "Node":
        await self._daemon.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._daemon.stop("the end of the test")

    async def post(self, provider: str, headers: Mapping[str, str], body: bytes) -> int:
        """One notification; its answer."""
        status, _ = await asyncio.to_thread(self.ask, "http", "POST", f"/hooks/{provider}", headers, body)
        return status

    async def metrics(self) -> dict[str, float]:
        """What is counted."""
        _, text = await asyncio.to_thread(self.ask, "http2", "GET", "/metrics", {}, b"")
        lines = [line.rpartition(" ") for line in text.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def ask(self, where: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """One request; status and body of the answer."""
        host = self._daemon.addresses[where].removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=20)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def from_sns(now_s: float) -> tuple[dict[str, str], bytes]:
    """A delivery, as SNS posts it now."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now_s))
    told = {"eventType": "Delivery", "mail": MAIL, "delivery": {"recipients": ["ada@example.net"], "timestamp": stamp}}
    body = json.dumps(signed(envelope(json.dumps(told), Timestamp=stamp))).encode()
    return sns_headers(), body


def test_notifications_reach_the_spool_of_a_running_gateway(run: Run, tmp_path: Path) -> None:
    """Each provider's own proof lets in, a wrong one does not; what was kept is known after a restart."""
    sns_fields, sns_body = from_sns(time.time())
    array = b'[{"email":"ada@example.net","event":"delivered","sg_message_id":"never","timestamp":1}]'
    record = b'{"RecordType":"Delivery","MessageID":"never","Recipient":"ada@example.net"}'

    async def story() -> None:
        async with Node(tmp_path) as node:
            assert await node.post("ses-1", sns_fields, sns_body) == 200
            assert await node.post("ses-1", sns_fields, sns_body.replace(b"ada@", b"eve@")) == 403
            assert await node.post("sendgrid-1", sendgrid_headers(array, int(time.time())), array) == 200
            assert await node.post("sendgrid-1", sendgrid_headers(array, int(time.time())), array + b" ") == 403
            assert await node.post("postmark-1", basic(), record) == 200
            assert await node.post("postmark-1", {}, record) == 401
            assert await node.post("postmark-1", basic(), b"nonsense") == 200
            assert await node.post("postmark-2", basic(), record) == 404
            counted = await node.metrics()
            assert counted['posthorse_notifications_total{provider="ses-1",verdict="taken"}'] == 1
            assert counted['posthorse_notifications_total{provider="ses-1",verdict="signature"}'] == 1
            assert counted['posthorse_notifications_total{provider="postmark-1",verdict="taken"}'] == 2
            unread = 'posthorse_notifications_unreadable_total{provider="postmark-1"}'
            while unread not in await node.metrics():  # noqa: ASYNC110 - nothing tells us across HTTP
                await asyncio.sleep(0.01)  # the loop reads what was kept by itself
        async with Node(tmp_path) as node:
            assert await node.post("ses-1", sns_fields, sns_body) == 200
            assert await node.post("postmark-1", basic(), record) == 200
            counted = await node.metrics()
            assert counted['posthorse_notifications_total{provider="ses-1",verdict="repeated"}'] == 1
            assert counted['posthorse_notifications_total{provider="postmark-1",verdict="repeated"}'] == 1
            assert counted["posthorse_notification_lag_seconds"] < 60

    run(story())
    log = (tmp_path / "posthorse.log").read_text()
    assert "ada@" not in log
    assert PASSWORD not in log
    assert '"event":"notification_refused","provider":"postmark-1","why":"no_credentials"' in log
    assert '"event":"bug"' not in log


MANY = 1_000
AT_ONCE = 40


def test_answers_come_well_under_a_second_at_load(run: Run, tmp_path: Path) -> None:
    """Forty connections at once, a thousand different notifications, each durable before its answer."""
    waited_s: list[float] = []

    def ask(node: Node, numbers: range) -> None:
        for number in numbers:
            body = b'{"RecordType":"Delivery","MessageID":"m%d","Recipient":"ada@example.net"}' % number
            started = time.perf_counter()
            assert node.ask("http", "POST", "/hooks/postmark-1", basic(), body) == (200, b"kept\n")
            waited_s.append(time.perf_counter() - started)

    async def story() -> None:
        async with Node(tmp_path) as node:
            shares = [range(first, MANY, AT_ONCE) for first in range(AT_ONCE)]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                loop = asyncio.get_running_loop()
                await asyncio.gather(*(loop.run_in_executor(pool, ask, node, share) for share in shares))
            counted = await node.metrics()
            assert counted['posthorse_notifications_total{provider="postmark-1",verdict="taken"}'] == MANY

    run(story())
    waited_s.sort()
    typical_s, late_s = waited_s[MANY // 2], waited_s[MANY * 95 // 100]
    print(f"\nanswered after {typical_s * 1e3:.0f} ms, 95 % within {late_s * 1e3:.0f} ms")
    assert late_s < 1.0
