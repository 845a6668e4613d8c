"""Who has how many connections, and who gives way."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.asgi import Receive, Scope, Send, answer
from posthorse.web import server
from posthorse.web.crowd import Crowd
from posthorse.web.server import serve_http

Run = Callable[[Coroutine[Any, Any, None]], None]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Line:
    """A connection that may be cut, or may not."""

    def __init__(self, *, may_be_cut: bool = True) -> None:
        self.may_be_cut = may_be_cut
        self.has_given_way = False

    def give_way(self) -> None:
        """End at once."""
        self.has_given_way = True


def test_newest_of_the_heaviest_gives_way() -> None:
    """To whoever has fewer, and nothing is cut that has a whole request under way."""
    crowd = Crowd(6, lambda: 5)
    old, new, busy = Line(), Line(), Line(may_be_cut=False)
    others = [Line() for _ in range(3)]
    assert all(crowd.enter("a", line) for line in (old, new, busy))
    assert all(crowd.enter("b", line) for line in others)
    assert crowd.enter("c", Line())
    assert (new.has_given_way, old.has_given_way, busy.has_given_way) == (True, False, False)
    assert crowd.enter("c", Line()), "the other address has most of them now"
    assert others[2].has_given_way
    assert not crowd.enter("c", Line()), "nobody has more than it would have"
    crowd.leave("a", new)
    assert crowd.count == 6
    crowd.leave("a", old)
    assert crowd.enter("c", Line())


def test_one_address_has_its_part() -> None:
    """As it is set now; whoever comes over a unix socket has no address that could be told from others."""
    limit = [2]
    crowd = Crowd(9, lambda: limit[0])
    assert [crowd.enter("a", Line()) for _ in range(3)] == [True, True, False]
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
    """Half-open heads fill a listener: their address gets no more, a third one gets in, and one of them is ended."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 6)

    async def story() -> None:
        serving = await serve_http(page, "127.0.0.1", 0, most_of_one_peer=lambda: 4)
        half, whole = b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        held = [await _from("127.0.0.1", serving.port, half) for _ in range(4)]
        reader, writer = await _from("127.0.0.1", serving.port, b"")
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        held += [await _from("127.0.0.2", serving.port, half) for _ in range(2)]
        await asyncio.sleep(0.05)
        reader, writer = await _from("127.0.0.3", serving.port, whole)
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        assert await held[3][0].read() == b""
        held[0][1].write(b"\r\n")
        assert (await held[0][0].readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        for _, one in (*held, (reader, writer)):
            one.close()
        await serving.close()

    run(story())
