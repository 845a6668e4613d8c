"""The connections the way out by SMTP keeps, and when it lets them go."""

import asyncio

import pytest

from tests.contract.provider_kit import Gate, group, play, relay, way_back, words
from tests.contract.scripted_smtp import SmtpServer

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
HANDED_OVER = {3: "handover provider"}


@LOOPS
def test_one_connection_carries_many_messages(loop: str) -> None:
    """A connection is kept and used again; EHLO is said once."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = relay(server.port)
            for _ in range(5):
                assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert (server.connections, len(server.taken)) == (1, 5)
            assert sum(line.startswith("EHLO") for line in server.lines) == 1
            await way.close()
            await server.until(lambda: server.deserted)
            assert server.lines[-1] == "QUIT"

    play(story(), loop)


@LOOPS
@pytest.mark.parametrize("end", ["421 4.4.2 idle too long", "close", "reset"])
def test_a_stale_connection_is_replaced_unnoticed(end: str, loop: str) -> None:
    """A kept connection that turns out dead at MAIL costs no outcome: the mail goes on a fresh one, gate asked once."""

    async def story() -> None:
        async with SmtpServer(script={"mail": ["250 ok", end, "250 ok"]}).listening() as server:
            way = relay(server.port)
            gates = [Gate(), Gate()]
            for gate in gates:
                assert words((await way.attempt(group(), gate)).outcomes) == HANDED_OVER
            assert [len(gate.asked) for gate in gates] == [1, 1]
            assert (server.connections, len(server.taken)) == (2, 2)

    play(story(), loop)


@LOOPS
def test_a_stale_connection_is_replaced_once_only(loop: str) -> None:
    """If the fresh connection is closed as well, that is a fault."""

    async def story() -> None:
        async with SmtpServer(script={"mail": ["250 ok", "close", "close"]}).listening() as server:
            way = relay(server.port)
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert words((await way.attempt(group(), Gate())).outcomes) == {3: "fault channel"}
            assert server.connections == 2

    play(story(), loop)


@LOOPS
def test_a_connection_that_ends_while_idle_leaves_the_pool(loop: str) -> None:
    """An idle connection that the server closes, or on which it speaks, is not used again."""

    async def story() -> None:
        server = SmtpServer(script={"rset": "221 never reached"})
        async with server.listening():
            way = relay(server.port)
            await way.prepare(3)
            assert (server.connections, len(way._pool)) == (3, 3)
            writers = list(server._readers)
            writers[0].write(b"421 4.4.2 idle timeout\r\n")
            writers[1].close()
            writers[2].write(b"250 unasked\r\n")
            while len(way._pool):
                await way_back(server.port)
            await server.until(lambda: server.deserted)
            opened = server.connections
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert server.connections == opened + 1

    play(story(), loop)


def test_idle_connections_are_closed_in_time_and_number() -> None:
    """More than `max_idle` are not kept, and none for longer than `idle_limit_s`."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = relay(server.port, max_idle=2, idle_limit_s=0.05)
            await way.prepare(9)
            assert (server.connections, len(way._pool)) == (2, 2)
            await asyncio.gather(*(way.attempt(group(), Gate()) for _ in range(4)))
            assert (server.connections, len(way._pool)) == (4, 2)
            await server.until(lambda: server.deserted)
            assert len(way._pool) == 0

    play(story())


def test_a_connection_is_given_up_after_so_many_messages() -> None:
    """`max_messages` bounds the transactions on one connection."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = relay(server.port, max_messages=2)
            for _ in range(5):
                await way.attempt(group(), Gate())
            assert server.connections == 3

    play(story())


def test_closing_lets_attempts_finish_and_keeps_nothing() -> None:
    """After `close` an attempt under way ends as it would, and its connection is closed behind it."""

    async def story() -> None:
        async with SmtpServer().listening() as server:
            way = relay(server.port)
            go = asyncio.Event()

            async def wait_for_go() -> None:
                await go.wait()

            gate = Gate(until=wait_for_go)
            attempt = asyncio.ensure_future(way.attempt(group(), gate))
            await gate.reached.wait()
            await way.close()
            go.set()
            assert words((await attempt).outcomes) == HANDED_OVER
            await server.until(lambda: server.deserted)

    play(story())
