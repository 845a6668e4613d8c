"""Heads of requests that never end, in either way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from posthorse.asgi import Receive, Scope, Send, answer
from posthorse.web.bounded_head import MAX_HEAD_BYTES, BoundedHeadProtocol
from posthorse.web.server import serve_http
from tests.thorough import first_quick

Run = Callable[[Coroutine[Any, Any, None]], None]


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body, if any, and says hello."""
    while (await receive()).get("more_body"):
        pass
    await answer(send, 200, b"hello", "text/plain")


@asynccontextmanager
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server whose patience is short."""
    monkeypatch.setattr(BoundedHeadProtocol, "head_s", 0.2)
    serving = await serve_http(page, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await serving.close()


def test_endless_head_is_ended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One header field that goes on and on costs no more than its bound."""

    async def story() -> None:
        async with client(monkeypatch) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
            for _ in range(MAX_HEAD_BYTES // 1_024 + 512):
                writer.write(b"x" * 1_024)
                await asyncio.sleep(0)
            with contextlib.suppress(ConnectionResetError):  # it ends while we are still sending
                assert (await reader.read()).startswith(b"HTTP/1.1 431 ")

    run(story())


@pytest.mark.parametrize(
    "said", first_quick(1, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT", b"", b"GET / HTTP/1.1\r\n"])
)
def test_slow_head_is_ended(run: Run, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """A connection that says nothing, half a first head, or half a second one."""

    async def story() -> None:
        async with client(monkeypatch) as (reader, writer):
            writer.write(said)
            answers = await reader.read()
            assert answers.count(b"HTTP/1.1 200 ") == said.count(b"\r\n\r\n")
            assert b"HTTP/1.1 408 " in answers

    run(story())


@pytest.mark.thorough
def test_slow_body_is_nobody_here(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the body has its own patience; and a request after it is served."""

    async def story() -> None:
        async with client(monkeypatch) as (reader, writer):
            for _ in range(2):
                writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(reader.readexactly(1), timeout=0.4)
                writer.write(b"x" * 50_000)
                assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")

    run(story())


@pytest.mark.thorough
def test_body_that_was_answered_before_its_end_is_not_read_for_ever(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever drips on after the answer is ended; whoever ends it in time is served again."""
    monkeypatch.setattr(BoundedHeadProtocol, "head_s", 0.3)

    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"hello", "text/plain")

    async def story() -> None:
        serving = await serve_http(hasty, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            writer.write(b"x" * 1_000)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        await reader.readuntil(b"hello")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"x")
                await asyncio.sleep(0.01)
                if reader.at_eof():
                    break
            assert reader.at_eof() or b"408" in await reader.read()
        writer.close()
        await serving.close()

    run(story())
