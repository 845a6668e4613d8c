"""Simulated processes: killed at any instant without one more line, paused and resumed, started again."""

import asyncio

import pytest

from posthorse.lab.world.host import Host
from posthorse.lab.world.loop import WorldError, WorldLoop, run_world
from posthorse.lab.world.network import Network


class Diary:
    """What a process did, and whether its cleanup ran."""

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self.cleanups = 0

    async def live(self) -> None:
        """Tick each second; clean up at the end."""
        try:
            while True:
                await asyncio.sleep(1)
                self.ticks.append(asyncio.get_running_loop().time())
        finally:
            self.cleanups += 1


def test_a_killed_process_runs_no_more_line_and_no_cleanup() -> None:
    """Neither the next tick nor `finally` happens after the kill."""

    async def main(loop: WorldLoop) -> None:
        diary = Diary()
        host = Host(Network(loop), "node")
        host.start(diary.live)
        await asyncio.sleep(3.5)
        host.crash()
        assert not host.is_up
        await asyncio.sleep(100)
        assert (diary.ticks, diary.cleanups) == ([1.0, 2.0, 3.0], 0)

    run_world(main, 1)


def test_the_tasks_a_process_started_die_with_it() -> None:
    """Children inherit the process, however deep."""

    async def main(loop: WorldLoop) -> None:
        diary = Diary()
        host = Host(Network(loop), "node")

        async def parent() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(diary.live())

        host.start(parent)
        await asyncio.sleep(1.5)
        host.crash()
        await asyncio.sleep(10)
        assert (diary.ticks, diary.cleanups) == ([1.0], 0)

    run_world(main, 1)


def test_a_process_started_again_knows_nothing_of_the_last() -> None:
    """The new life ticks; the old one stays dead."""

    async def main(loop: WorldLoop) -> None:
        host = Host(Network(loop), "node")
        first, second = Diary(), Diary()
        host.start(first.live)
        await asyncio.sleep(1.5)
        with pytest.raises(RuntimeError, match="runs already"):
            host.start(second.live)
        host.crash()
        with pytest.raises(RuntimeError, match="no process"):
            _ = host.spawn(second.live)
        host.start(second.live)
        await asyncio.sleep(2)
        assert (first.ticks, second.ticks) == ([1.0], [2.5, 3.5])

    run_world(main, 1)


def test_a_paused_process_goes_on_where_it_stopped() -> None:
    """SIGSTOP for a minute: the timer that was due fires on SIGCONT, not knowing the time that passed."""

    async def main(loop: WorldLoop) -> None:
        diary = Diary()
        host = Host(Network(loop), "node")
        host.start(diary.live)
        await asyncio.sleep(1.5)
        host.pause()
        await asyncio.sleep(60)
        assert diary.ticks == [1.0]
        host.resume()
        await asyncio.sleep(1.5)
        assert diary.ticks == [1.0, 61.5, 62.5]

    run_world(main, 1)


async def _server_and_client(loop: WorldLoop) -> tuple[Network, Host, asyncio.StreamReader, asyncio.StreamWriter]:
    network = Network(loop)
    host = Host(network, "node")

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)

    async def serve() -> None:
        server = await asyncio.start_server(echo, port=25)
        async with server:
            await server.serve_forever()

    host.start(serve)
    await asyncio.sleep(0.1)
    reader, writer = await asyncio.open_connection("node", 25)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    return network, host, reader, writer


def test_the_connections_of_a_killed_process_end() -> None:
    """The kernel says so at once, and new connections are refused until somebody listens again."""

    async def main(loop: WorldLoop) -> None:
        _, host, reader, _ = await _server_and_client(loop)
        host.crash()
        assert await reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("node", 25)

    run_world(main, 1)


def test_a_vanished_machine_says_nothing() -> None:
    """Neither its connections end nor new ones are refused; once it is back, old ones are reset."""

    async def main(loop: WorldLoop) -> None:
        _, host, reader, writer = await _server_and_client(loop)
        host.crash(vanish=True)
        writer.write(b"anyone?")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await reader.read()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.open_connection("node", 25)
        host.start(lambda: asyncio.sleep(1))
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("node", 25)
        writer.write(b"and now?")
        with pytest.raises(ConnectionResetError):
            await reader.read()

    run_world(main, 1)


def test_the_kernel_of_a_paused_process_still_answers() -> None:
    """Connections complete and bytes are taken while it is stopped; it answers them when it goes on."""

    async def main(loop: WorldLoop) -> None:
        _, host, reader, writer = await _server_and_client(loop)
        host.pause()
        writer.write(b"first")
        other_reader, other_writer = await asyncio.open_connection("node", 25)
        other_writer.write(b"second")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await reader.readexactly(5)
        host.resume()
        assert await reader.readexactly(5) == b"first"
        assert await other_reader.readexactly(6) == b"second"
        writer.close()
        other_writer.close()

    run_world(main, 1)


def test_a_caller_killed_while_connecting_leaves_no_half_open_end() -> None:
    """The server either hears nothing or hears the end."""

    async def main(loop: WorldLoop) -> int:
        network = Network(loop)
        open_now = 0

        class Count(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                nonlocal open_now
                open_now += 1

            def connection_lost(self, exc: Exception | None) -> None:
                nonlocal open_now
                open_now -= 1

        await loop.create_server(Count, port=25)
        caller = Host(network, "caller")
        caller.start(lambda: loop.create_connection(asyncio.Protocol, "outside", 25))
        await asyncio.sleep(loop.seed * 0.000_05)
        caller.crash()
        await asyncio.sleep(10)
        return open_now

    assert [run_world(main, seed) for seed in range(20)] == [0] * 20


def test_a_process_that_ends_by_a_bug_fails_the_world() -> None:
    """What the first task of a process raises is never lost."""

    async def main(loop: WorldLoop) -> None:
        async def bug() -> None:
            raise ValueError("planted")

        Host(Network(loop), "node").start(bug)
        await asyncio.sleep(1)

    with pytest.raises(WorldError, match="planted"):
        run_world(main, 1)
