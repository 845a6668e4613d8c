"""What one client, and all together, may take of a server on real sockets: places, time, room."""

import asyncio
import os
import socket
from collections import Counter
from typing import Any, cast

from posthorse.accept.smtp.connection import MAX_UNREAD_BYTES
from posthorse.accept.smtp.core import SmtpSession
from posthorse.accept.smtp.server import SmtpLimits
from tests.unit.accept.kit import MAIL, house, smtp_server
from tests.unit.accept.smtp.client import Client, connected, until
from tests.unit.accept.smtp.scenes import Run, scene_of


def test_connections_are_limited_per_peer_and_overall(run: Run[Any]) -> None:
    """In SES's words; a place that becomes free is given again."""
    server = smtp_server(house(), limits=SmtpLimits(connections=3, connections_per_peer=2, sweep_s=0.02))

    async def act(port: int) -> None:
        async with connected(port), connected(port), connected(port) as third:
            assert third.greeting == b"421 4.7.0 Too many concurrent SMTP connections\r\n"
            assert await third.rest() == b""
        await until(lambda: not server._connections)
        async with connected(port) as again:
            assert again.greeting.startswith(b"220")

    scene_of(run, server, act)


def test_a_silent_client_is_given_up(run: Run[Any]) -> None:
    """After the idle time, with SES's words for it."""
    home = house()
    server = smtp_server(home, limits=SmtpLimits(idle_s=0.1, sweep_s=0.02))

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            return await client.rest()

    assert scene_of(run, server, act) == b"451 4.4.2 Timeout waiting for data from client.\r\n"
    assert home.observer.told == ["timed out 127.0.0.1"]


def test_a_message_that_drips_for_ever_is_given_up(run: Run[Any]) -> None:
    """However busy the client looks."""
    server = smtp_server(house(), limits=SmtpLimits(data_s=0.15, sweep_s=0.02))

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            answer = asyncio.ensure_future(client.rest())
            while not answer.done():
                client.say(b"x\r\n")
                await asyncio.sleep(0.01)
            return await answer

    assert scene_of(run, server, act).startswith(b"451 4.4.2")


def test_what_comes_ahead_of_an_open_decision_is_bounded(run: Run[Any]) -> None:
    """Reading stops; nothing is lost when the decision comes."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            client.say(b"NOOP " + b"x" * 1_000 + b"\r\n")
            for _ in range(900):
                client.say(b"NOOP " + b"x" * 2_000 + b"\r\n")
            (connection,) = server._connections
            await until(lambda: connection._flow.paused)
            assert connection._session.unread_bytes < MAX_UNREAD_BYTES + (1 << 19)
            assert home.store.gate is not None
            home.store.gate.set()
            assert (await client.reply()).startswith(b"250 2.0.0 Ok ")
            for _ in range(901):
                assert (await client.reply()).startswith(b"250")

    scene_of(run, server, act)


def test_a_client_that_does_not_read_is_not_listened_to(run: Run[Any]) -> None:
    """The transport says when its replies pile up, and when they are gone."""
    server = smtp_server(house())

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.ask(b"EHLO x")
            (connection,) = server._connections
            connection.pause_writing()
            client.say(b"NOOP\r\n")
            await asyncio.sleep(0.02)
            assert not connection._transport.is_reading()
            connection.resume_writing()
            assert (await client.reply()).startswith(b"250")

    scene_of(run, server, act)


def test_room_is_bounded_over_all_connections(run: Run[Any]) -> None:
    """The message that would go beyond is refused for now and not kept; the counter follows what is held."""
    server = smtp_server(house(), limits=SmtpLimits(receiving_bytes=100_000, sweep_s=0.02))

    async def act(port: int) -> None:
        async with connected(port) as one, connected(port) as two:
            await one.envelope()
            await two.envelope()
            one.say(b"From: a@example.com\r\n\r\n" + b"x" * 70 + b"\r\n" * 30_000)
            await until(lambda: server.receiving_bytes > 50_000)
            two.say(b"y\r\n" * 30_000)
            await until(lambda: server.receiving_bytes < 70_000)
            assert (await two.ask(b".")).startswith(b"451 4.3.2")
            assert (await one.ask(b".")).startswith(b"250")

    scene_of(run, server, act)


def test_a_decision_that_never_comes_keeps_no_connection(run: Run[Any]) -> None:
    """After twice the idle time the client has given up long ago; the place is free again."""
    home = house()
    home.store.gate = gate = asyncio.Event()
    server = smtp_server(home, limits=SmtpLimits(idle_s=0.05, sweep_s=0.02))

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            await until(lambda: server.pending_commits == 1)
            assert await client.rest() == b""
            gate.set()
            await until(lambda: server.pending_commits == 0)

    scene_of(run, server, act)
    assert len(home.store.stored) == 1


class Noted:
    """A session that notes how much it is given in which turn of the loop."""

    def __init__(self, session: SmtpSession) -> None:
        self._session = session
        self.turn = 0
        self.by_turn: Counter[int] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def receive(self, data: bytes) -> Any:
        """As a session."""
        self.by_turn[self.turn] += len(data)
        return self._session.receive(data)


def fill(client: Client, data: bytes) -> int:
    """Give the kernel as much as it takes; answers how many bytes."""
    given = 0
    with socket.socket(fileno=os.dup(client.writer.get_extra_info("socket").fileno())) as pipe:
        while True:
            try:
                given += pipe.send(data)
            except BlockingIOError:
                return given


def test_who_sends_much_is_read_one_piece_a_turn(run: Run[Any]) -> None:
    """However much of one client waits in the kernel, others have their turns in between."""
    server = smtp_server(house())

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.envelope()
            (connection,) = server._connections
            connection._session = noted = cast(Any, Noted(connection._session))
            connection.pause_writing()
            given = fill(client, b"x\r\n" * 100_000)
            assert given > 1 << 20
            connection.resume_writing()
            while noted.by_turn.total() < given:
                await asyncio.sleep(0)
                noted.turn += 1
            assert max(noted.by_turn.values()) <= 256 << 10

    scene_of(run, server, act)
