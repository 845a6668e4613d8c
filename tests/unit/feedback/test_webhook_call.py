"""Calling an endpoint on real sockets: what its answers mean, however hostile it is."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.adapters.guarded_dialer import guarded_dialer
from posthorse.feedback import webhook_call
from posthorse.feedback.webhook_call import (
    MOST_ANSWER_BYTES,
    Answer,
    Endpoint,
    Gone,
    NotTaken,
    Taken,
    call,
    retry_after_s,
)
from posthorse.feedback.webhook_url import WebhookUrl
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.ports import Target
from posthorse.mail.stream import SECOND
from posthorse.providers.http import PooledHttpExchange
from tests.contract.certificates import Authority

Run = Callable[[Coroutine[Any, Any, Any]], Any]
CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "webhooks"
BODY = b'{"type":"message.delivered"}'
NOW = 1_750_000_000 * SECOND


class Here:
    """Every name leads to this machine."""

    async def addresses(self, host: str) -> Sequence[str]:
        return ["127.0.0.1"]


class HostileServer:
    """Answers every request with the same bytes, and goes on as it is told."""

    def __init__(self, answer: bytes, then: str) -> None:
        self.answer, self.then = answer, then
        self.requests: list[bytes] = []
        self.written = 0
        self.port = 0

    async def __aenter__(self) -> "HostileServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head + await reader.readexactly(len(BODY)))
            writer.write(self.answer)
            while self.then in ("flood", "drip", "repeat", "hang"):
                piece = {"flood": b"x" * 65_536, "drip": b"x", "repeat": self.answer, "hang": b""}[self.then]
                writer.write(piece)
                self.written += len(piece)
                await writer.drain()
                await asyncio.sleep(0 if self.then in ("flood", "repeat") else 0.02)
                if reader.at_eof():
                    break
            await asyncio.sleep(0.02)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def endpoint(port: int, host: str = "hooks.example.com", **fields: Any) -> Endpoint:
    """An endpoint at this machine."""
    return Endpoint(
        tenant=MAIN_TENANT,
        name="shop",
        url="https://hooks.example.com/mail",
        place=WebhookUrl(target=Target(host=host, port=port, **fields), path="/mail?x=1"),
        secrets=(bytes(32),),
        events=frozenset(),
        allow_private=True,
    )


def exchange() -> PooledHttpExchange:
    """As the gateway has it for private endpoints."""
    dialer = guarded_dialer(Here(), allow_private=True)
    return PooledHttpExchange(dialer=dialer, most_body_bytes=MOST_ANSWER_BYTES)


async def asked(place: Endpoint) -> Answer:
    """One call."""
    way = exchange()
    answer = await call(way, place, "evt_1", BODY, SystemClock())
    await way.close()
    return answer


def rows(name: str) -> list[Any]:
    """The rows of one file of the corpus."""
    found: list[Any] = json.loads((CORPUS / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("row", rows("hostile_endpoints.json"), ids=lambda row: row["what"])
def test_what_an_answer_means(row: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row is over in time, holds a bounded part of the answer, and means what the corpus says."""
    monkeypatch.setattr(webhook_call, "TOTAL_S", 0.5)

    async def story() -> None:
        async with HostileServer(row["answer"].encode("latin-1"), row.get("then", "")) as server:
            async with asyncio.timeout(5):
                answer = await asked(endpoint(server.port))
            assert len(server.requests) == 1
            match answer:
                case Taken():
                    assert row["means"] == "taken"
                case Gone():
                    assert row["means"] == "gone"
                case NotTaken(why=why, wait_s=wait_s):
                    assert row["means"] in why
                    assert wait_s == row.get("wait_s")
            assert server.written < 20_000_000

    run(story())


def test_the_request_is_signed_and_plain(run: Run) -> None:
    """A POST with the three fields of the signature, JSON, and nothing that asks for compression or a body ahead."""

    async def story() -> None:
        async with HostileServer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "") as server:
            assert await asked(endpoint(server.port)) == Taken()
            head, _, body = server.requests[0].partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            fields = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}
            assert first == "POST /mail?x=1 HTTP/1.1"
            assert body == BODY
            assert fields["host"] == f"hooks.example.com:{server.port}"
            assert fields["webhook-id"] == "evt_1"
            assert fields["webhook-signature"].startswith("v1,")
            assert fields["content-type"] == "application/json"
            assert not {"accept-encoding", "expect", "cookie", "authorization"} & fields.keys()

    run(story())


@pytest.mark.parametrize(
    ("name", "days", "trusted", "why"),
    [
        ("hooks.example.com", 30, True, ""),
        ("other.example.com", 30, True, "ertificate"),
        ("127.0.0.1", 30, True, "ertificate"),
        ("hooks.example.com", -1, True, "ertificate"),
        ("hooks.example.com", 30, False, "ertificate"),
    ],
)
def test_tls_is_verified_against_the_name(
    name: str, days: int, trusted: bool, why: str, run: Run, tmp_path: Path
) -> None:
    """A certificate of another name, of the address, out of date or of nobody we trust: not one byte of an event."""

    async def story() -> None:
        authority = Authority(tmp_path)
        seen: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        context = authority.context(name, days=days)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        place = endpoint(port, tls=True, ca_file=authority.ca_file if trusted else "")
        answer = await asked(place)
        server.close()
        if why:
            assert isinstance(answer, NotTaken)
            assert why in answer.why
            assert not seen
        else:
            assert answer == Taken()
            assert len(seen) == 1

    run(story())


def test_plain_text_where_tls_is_wanted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not speak TLS gets nothing."""
    monkeypatch.setattr(webhook_call, "CONNECT_S", 0.2)

    async def story() -> None:
        async with HostileServer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "") as server:
            assert isinstance(await asked(endpoint(server.port, tls=True)), NotTaken)
            assert not server.requests

    run(story())


def test_nobody_listens(run: Run) -> None:
    """A refused connection is an answer of its own, not an error."""

    async def story() -> None:
        async with HostileServer(b"", "") as server:
            port = server.port
        answer = await asked(endpoint(port))
        assert isinstance(answer, NotTaken)
        assert "refused" in answer.why.lower() or "connect" in answer.why.lower()

    run(story())


def test_a_connection_that_is_never_made_ends_in_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that hangs costs the time for a connection, and no more."""
    monkeypatch.setattr(webhook_call, "CONNECT_S", 0.1)

    async def story() -> None:
        class Hanging:
            async def addresses(self, host: str) -> Sequence[str]:
                await asyncio.sleep(3_600)
                return [host]

        way = PooledHttpExchange(dialer=guarded_dialer(Hanging()))
        async with asyncio.timeout(2):
            answer = await call(way, endpoint(443), "evt_1", BODY, SystemClock())
        assert isinstance(answer, NotTaken)
        assert "no connection within" in answer.why

    run(story())


@pytest.mark.parametrize("row", rows("retry_after.json"), ids=lambda row: ascii(row["header"])[:40])
def test_retry_after_within_bounds(row: dict[str, Any]) -> None:
    """Seconds or a date (RFC 9110 section 10.2.3); what is neither, or past, says nothing; an hour at most."""
    assert retry_after_s(row["header"], NOW) == row["wait_s"]
