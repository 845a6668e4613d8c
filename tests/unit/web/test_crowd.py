"""Who has how many connections, and who gives way."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.asgi import Receive, Scope, Send, answer
from posthorse.web import server
from posthorse.web.crowd import Crowd, Worth
from posthorse.web.server import serve_http

Run = Callable[[Coroutine[Any, Any, None]], None]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Line:
    """A connection of some worth."""

    def __init__(self, worth: Worth = Worth.IDLE) -> None:
        self.worth = worth
        self.has_given_way = False

    def give_way(self) -> None:
        """End at once."""
        self.has_given_way = True


def test_least_worth_of_the_heaviest_gives_way() -> None:
    """To whoever has fewer, the oldest of equals first; nothing is cut that has a whole request under way."""
    crowd = Crowd(6, lambda: 5)
    idle, silent, busy = Line(), Line(Worth.SILENT), Line(Worth.WAITING)
    others = [Line(Worth.WAITING), Line(Worth.SENDING), Line(Worth.SENDING)]
    assert all(crowd.enter("a", line) for line in (busy, idle, silent))
    assert all(crowd.enter("b", line) for line in others)
    assert crowd.enter("c", Line())
    assert (silent.has_given_way, idle.has_given_way, busy.has_given_way) == (True, False, False)
    assert crowd.enter("c", Line()), "the other address has most of them now"
    assert [line.has_given_way for line in others] == [False, True, False]
    assert not crowd.enter("c", Line()), "nobody has more than it would have"
    crowd.leave("a", silent)
    assert crowd.count == 6
    crowd.leave("a", idle)
    assert crowd.enter("c", Line())
    crowd = Crowd(1, lambda: 5)
    assert crowd.enter("a", busy)
    assert not crowd.enter("b", Line())


def test_one_address_has_its_part() -> None:
    """As it is set now; a newcomer takes the place of one that asks for nothing; a unix socket has no address."""
    limit = [2]
    crowd = Crowd(9, lambda: limit[0])
    first, second = Line(Worth.SENDING), Line(Worth.SILENT)
    assert [crowd.enter("a", line) for line in (first, second, Line(Worth.WAITING))] == [True, True, True]
    assert (first.has_given_way, second.has_given_way, crowd.count) == (False, True, 2)
    assert not crowd.enter("a", Line())
    limit[0] = 3
    assert crowd.enter("a", Line())
    assert [crowd.enter("unix", Line(), is_local=True) for _ in range(4)] == [True] * 4
    assert crowd.count == 7


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Says hello, and reads no body."""
    await answer(send, 200, b"hello", "text/plain")


async def _from(address: str, port: int, said: bytes) -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(said)
    await writer.drain()
    return reader, writer


def test_health_is_heard_while_others_hold_all_they_can(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-open heads fill a listener: neither the same address nor a third one is shut out by them."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 6)

    async def story() -> None:
        serving = await serve_http(page, "127.0.0.1", 0, most_of_one_peer=lambda: 4)
        half, whole = b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        held = [await _from("127.0.0.1", serving.port, half) for _ in range(4)]
        held.append(await _from("127.0.0.1", serving.port, whole))
        assert (await held[-1][0].readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        assert await held[0][0].read() == b""
        held += [await _from("127.0.0.2", serving.port, half) for _ in range(2)]
        await asyncio.sleep(0.05)
        held.append(await _from("127.0.0.3", serving.port, whole))
        assert (await held[-1][0].readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        assert await held[1][0].read() == b""
        held[2][1].write(b"\r\n")
        assert (await held[2][0].readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        for _, one in held:
            one.close()
        await serving.close()

    run(story())


def test_no_room_is_told(run: Run) -> None:
    """When all that an address may have waits for answers, the next one gets 503."""

    async def story() -> None:
        go_on = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await go_on.wait()
            await answer(send, 200, b"hello", "text/plain")

        serving = await serve_http(slow, "127.0.0.1", 0, most_of_one_peer=lambda: 1)
        first, writer = await _from("127.0.0.1", serving.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.05)
        reader, other = await _from("127.0.0.1", serving.port, b"")
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        go_on.set()
        assert (await first.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        writer.close()
        other.close()
        await serving.close()

    run(story())
