"""The simulated network: every fault as a real network shows it."""

import asyncio

import pytest

from posthorse.lab.world.line import Cutting, Door
from posthorse.lab.world.ports import WorldDialer
from posthorse.mail.ports import DialFailed, Target
from tests.unit.lab.pair import Ear, Pair, in_pair, way


def test_nobody_listening_refuses() -> None:
    """A port without a listener answers with connection refused, after a round trip."""

    async def story(pair: Pair) -> float:
        with pytest.raises(ConnectionRefusedError):
            await pair.loop.create_connection(Ear, "s", 26)
        return pair.loop.time()

    assert 0 < in_pair(story) < 0.1


def test_a_silent_door_never_completes_a_connection() -> None:
    """No SYN-ACK: whoever sets no limit waits 127 s for a timeout; a limit of 3 s ends it after 3 s."""

    async def story(pair: Pair) -> None:
        await pair.listen()
        pair.network.door("s", 25, Door.SILENT)
        began = pair.loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await pair.loop.create_connection(Ear, "s", 25)
        assert pair.loop.time() - began == pytest.approx(3)
        with pytest.raises(OSError, match="timed out"):
            await pair.loop.create_connection(Ear, "s", 25)
        assert pair.served == []

    in_pair(story)


def test_a_silent_door_that_opens_lets_the_waiting_in() -> None:
    """SYN is sent again, so a caller who still waits gets through."""

    async def story(pair: Pair) -> int:
        await pair.listen()
        pair.network.door("s", 25, Door.SILENT)
        pair.loop.call_later(5, pair.network.door, "s", 25, Door.OPEN)
        await pair.loop.create_connection(Ear, "s", 25)
        await asyncio.sleep(1)
        return len(pair.served)

    assert in_pair(story) == 1


@pytest.mark.parametrize("door", [Door.RESETS, Door.SWALLOWS])
def test_a_connection_breaks_after_so_many_bytes(door: Door) -> None:
    """A resetting door resets both ends once its bytes are through; a swallowing one says nothing ever again."""

    async def story(pair: Pair) -> None:
        await pair.listen()
        pair.network.line("s", "c").cuttings = (Cutting.RANDOM,)
        pair.network.door("s", 25, door, after_bytes=5000)
        client = await pair.call()
        way(client).write(b"x" * 6000)
        await asyncio.sleep(5)
        server = pair.served[0]
        assert len(server.data) <= 5000
        if door is Door.RESETS:
            assert isinstance(client.error, ConnectionResetError)
            assert isinstance(server.error, ConnectionResetError)
        else:
            way(server).write(b"hello?")
            await asyncio.sleep(60)
            assert client.heard == ["made"]
            assert server.heard in (["made", "data"], ["made"])

    in_pair(story)


def test_a_partition_holds_bytes_back_until_it_heals() -> None:
    """Nothing arrives while the line is cut, everything afterwards, in order."""

    async def story(pair: Pair) -> None:
        client, server = await pair.connected()
        pair.network.cut("s", "c")
        way(client).write(b"one")
        await asyncio.sleep(30)
        way(client).write(b"two")
        await asyncio.sleep(30)
        assert server.data == b""
        pair.network.heal("s", "c")
        await asyncio.sleep(1)
        assert server.data == b"onetwo"

    in_pair(story)


def test_a_taken_port_cannot_be_taken_again() -> None:
    """Two listeners on one port of one machine are an error; on two machines they are not."""

    async def story(pair: Pair) -> None:
        await pair.listen()

        async def again() -> None:
            with pytest.raises(OSError, match="in use"):
                await pair.loop.create_server(Ear, port=25)

        await pair.server_host.spawn(again)
        server = await pair.loop.create_server(Ear, port=25)
        server.close()
        await pair.loop.create_server(Ear, port=25)

    in_pair(story)


def test_addresses_are_told_apart() -> None:
    """Each end knows its own name and its peer's; port 0 gives a free port; one's own machine is 127.0.0.1."""

    async def story(pair: Pair) -> None:
        client, server = await pair.connected()
        assert way(client).get_extra_info("peername") == (pair.server_host.address, 25)
        assert way(server).get_extra_info("peername")[0] == pair.client_host.address
        assert way(client).get_extra_info("sockname") == way(server).get_extra_info("peername")
        here = await pair.loop.create_server(Ear, "127.0.0.1", 0)
        host, port = here.sockets[0].getsockname()
        transport, _ = await pair.loop.create_connection(Ear, host, port)
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)

    in_pair(story)


def test_the_dialer_speaks_of_failure_in_our_words() -> None:
    """Refused, unknown name and TLS all become DialFailed; else the stream is handed over."""

    async def story(pair: Pair) -> None:
        await pair.listen()
        dialer = WorldDialer(pair.network)
        for target in (
            Target(host="s", port=26),
            Target(host="nowhere", port=25),
            Target(host="s", port=25, tls=True),
        ):
            with pytest.raises(DialFailed):
                await dialer.dial(Ear, target)
        transport = await dialer.dial(Ear, Target(host="s", port=25))
        transport.write(b"hello")
        await asyncio.sleep(1)
        assert pair.served[0].data == b"hello"
        with pytest.raises(DialFailed):
            await dialer.start_tls(transport, Ear(), Target(host="s", port=25))

    in_pair(story)


def test_giving_up_on_a_connection_lets_the_server_know() -> None:
    """A caller cancelled after the server's kernel said yes closes its end."""

    async def story(pair: Pair) -> None:
        await pair.listen()
        line = pair.network.line("outside", "s")
        line.latency_s, line.jitter_s = 1.0, 0.0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await pair.loop.create_connection(Ear, "s", 25)
        await asyncio.sleep(3)
        assert pair.served[0].heard[-1] == "lost"

    in_pair(story)
