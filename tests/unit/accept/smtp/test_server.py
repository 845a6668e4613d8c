"""A message's end on real sockets: its receipt, or why there is none, whoever leaves first."""

import asyncio
from typing import Any

from posthorse.spool.port import SpoolUnavailable
from tests.unit.accept.kit import MAIL, house, smtp_server
from tests.unit.accept.smtp.client import connected, until
from tests.unit.accept.smtp.scenes import Run, scene_of


def test_idle_clients_get_421_and_busy_ones_their_receipt_at_the_end(run: Run[Any]) -> None:
    """The end of the server loses nothing and keeps nobody waiting."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> None:
        async with connected(port) as idle, connected(port) as busy, connected(port) as talking:
            await busy.envelope()
            busy.say(MAIL + b".\r\n")
            await talking.envelope()
            talking.say(MAIL)
            await until(lambda: server.pending_commits > 0)
            closing = asyncio.ensure_future(server.close(5.0))
            assert (await idle.reply()).startswith(b"421 4.3.2")
            talking.say(b".\r\n")
            await until(lambda: server.pending_commits == 2)
            assert not closing.done()
            assert home.store.gate is not None
            home.store.gate.set()
            for client in (busy, talking):
                assert [line[:3] for line in (await client.rest()).splitlines()] == [b"250", b"421"]
            await closing

    scene_of(run, server, act)
    assert len(home.store.stored) == 2


def test_after_the_grace_everybody_is_cut_off(run: Run[Any]) -> None:
    """A client that never ends its message does not keep the server alive."""
    server = smtp_server(house())

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            await server.close(0.05)
            return await client.rest()

    assert scene_of(run, server, act) == b""


def test_a_client_that_leaves_before_its_receipt_loses_the_receipt_only(run: Run[Any]) -> None:
    """The message is stored, the connection is gone."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            await until(lambda: server.pending_commits == 1)
        assert home.store.gate is not None
        home.store.gate.set()
        await until(lambda: not server._connections)

    scene_of(run, server, act)
    assert len(home.store.stored) == 1


def test_a_client_that_ends_its_side_still_gets_its_receipt(run: Run[Any]) -> None:
    """Half-closed after the dot."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            client.writer.write_eof()
            await until(lambda: server.pending_commits == 1)
            await asyncio.sleep(0.02)
            assert home.store.gate is not None
            home.store.gate.set()
            return await client.rest()

    assert scene_of(run, server, act).startswith(b"250 2.0.0 Ok ")


def test_the_last_words_are_read_though_more_was_sent(run: Run[Any]) -> None:
    """A client in the middle of a large broken message learns why it was broken off."""
    server = smtp_server(house())

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            client.say(b"bare\nline" + b"x" * (4 << 20))
            return await client.rest()

    assert scene_of(run, server, act).startswith(b"550 5.5.2 Bare CR")


def test_no_receipt_without_the_spool(run: Run[Any]) -> None:
    """Its refusals are temporary, and the session goes on; a bug is told and answered with 451."""
    home = house()
    told: list[dict[str, Any]] = []

    async def act(port: int) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with connected(port) as client:
            home.store.failure = SpoolUnavailable("no space", disk_full=True)
            await client.envelope()
            assert (await client.ask(MAIL + b".")).startswith(b"452 4.3.1")
            home.store.failure = RuntimeError("a bug")
            await client.envelope()
            assert (await client.ask(MAIL + b".")).startswith(b"451 4.3.0")
            home.store.failure = None
            await client.envelope()
            assert (await client.ask(MAIL + b".")).startswith(b"250")

    scene_of(run, smtp_server(home), act)
    assert [str(context["exception"]) for context in told] == ["a bug"]


def test_large_messages_go_through(run: Run[Any]) -> None:
    """Stored unchanged; a bug on their way is answered with 451 too."""
    home = house()
    content = MAIL + (b"x" * 76 + b"\r\n") * 40_000
    told: list[dict[str, Any]] = []

    async def act(port: int) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with connected(port) as client:
            await client.envelope()
            assert (await client.ask(content + b".")).startswith(b"250")
            home.store.failure = RuntimeError("a bug")
            await client.envelope()
            assert (await client.ask(content + b".")).startswith(b"451 4.3.0")

    scene_of(run, smtp_server(home), act)
    assert home.store.stored[0].body.endswith(content)
    assert [str(context["exception"]) for context in told] == ["a bug"]
