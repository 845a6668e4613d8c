"""The HTTP exchange under every way out that speaks HTTP: what it sends, and what it takes of hostile answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.dialer import SystemDialer
from posthorse.mail.ports import ExchangeFailed, HttpRequest, HttpResponse, NotReleased, Target
from posthorse.providers.http import PooledHttpExchange, host_header
from tests.contract.provider_kit import play
from tests.contract.scripted_server import ScriptedServer

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
HOSTILE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "corpus" / "provider" / "http_answers.json").read_text()
)


class RawServer(ScriptedServer):
    """Answers every request with the bytes of the stage `answer`, whatever it says."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.lines.append(head.decode("latin-1"))
            if b"content-length: 5" in head.lower():
                await reader.readexactly(5)
            await self.act(str(self.action("answer")), writer)


async def yes() -> bool:
    """The gate that never refuses."""
    return True


async def no() -> bool:
    """The gate that always refuses."""
    return False


def request(port: int, **more: Any) -> HttpRequest:
    """A small request."""
    known: dict[str, Any] = {
        "target": Target(host="127.0.0.1", port=port),
        "method": "POST",
        "path": "/",
        "headers": (("X-One", "1"),),
        "body": b"hello",
    }
    return HttpRequest(**(known | more))


def test_a_request_says_what_it_must() -> None:
    """Host and Content-Length are added; a GET without a body has none, and its last byte waits for the gate too."""

    async def story() -> None:
        server = RawServer(script={"answer": "raw:HTTP/1.1 204 No Content\r\n\r\n"})
        async with server.listening():
            exchange = PooledHttpExchange(dialer=SystemDialer())
            assert (await exchange.exchange(request(server.port), before_last_bytes=yes)).status == 204
            get = request(server.port, method="GET", body=b"")
            with pytest.raises(NotReleased):
                await exchange.exchange(get, before_last_bytes=no)
            await exchange.exchange(get, before_last_bytes=yes)
            host = f"Host: 127.0.0.1:{server.port}\r\n"
            assert server.lines == [
                f"POST / HTTP/1.1\r\n{host}X-One: 1\r\nContent-Length: 5\r\n\r\n",
                f"GET / HTTP/1.1\r\n{host}X-One: 1\r\n\r\n",
            ]

    play(story())


@pytest.mark.parametrize("headers", [(("X-One", "a\r\nX-Two: b"),), (("X\nTwo", "b"),), (("X-One", "a\rb"),)])
def test_a_header_field_cannot_carry_another(headers: tuple[tuple[str, str], ...]) -> None:
    """A line end in a name or value is refused before anything is sent."""

    async def story() -> None:
        async with RawServer().listening() as server:
            with pytest.raises(ValueError, match="line end"):
                await PooledHttpExchange(dialer=SystemDialer()).exchange(
                    request(server.port, headers=headers), before_last_bytes=yes
                )
            await server.until(lambda: server.deserted)
            assert server.lines == []

    play(story())


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (Target(host="a.example", port=443, tls=True), "a.example"),
        (Target(host="a.example", port=80), "a.example"),
        (Target(host="a.example", port=443), "a.example:443"),
        (Target(host="::1", port=8080), "[::1]:8080"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_must(target: Target, host: str) -> None:
    """RFC 9110 section 7.2: the default port is left out, an IPv6 address is bracketed."""
    assert host_header(target) == host


@LOOPS
@pytest.mark.parametrize("row", HOSTILE, ids=[row["id"] for row in HOSTILE])
def test_answers_good_and_hostile(row: dict[str, Any], loop: str) -> None:
    """B98: each answer is the listed response or a failure; none is kept that exceeds its bound."""

    async def story() -> None:
        server = RawServer(
            script={"answer": row["answer"].replace("{LONG}", "x" * 70_000).replace("{BODY}", "x" * 1_048_577)}
        )
        async with server.listening():
            exchange = PooledHttpExchange(dialer=SystemDialer())
            response: HttpResponse | None = None
            with suppress(ExchangeFailed):
                response = await exchange.exchange(request(server.port), before_last_bytes=yes)
            if row["status"] == 0:
                assert response is None
            else:
                assert response is not None
                assert (response.status, response.body.decode()) == (row["status"], row["body"])
            again: Callable[[], Awaitable[HttpResponse]] = lambda: exchange.exchange(  # noqa: E731
                request(server.port), before_last_bytes=yes
            )
            with suppress(ExchangeFailed):
                await again()
            assert server.connections == (1 if row.get("kept") else 2)
            await exchange.close()

    play(story(), loop)
