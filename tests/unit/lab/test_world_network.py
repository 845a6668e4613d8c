"""The simulated network: asyncio's promises kept, bytes in order, and every fault as a real network shows it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from posthorse.lab.world.host import Host
from posthorse.lab.world.line import WINDOW_BYTES, Cutting, Door
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.network import Network
from posthorse.lab.world.ports import WorldDialer
from posthorse.mail.ports import DialFailed, Target

T = TypeVar("T")


class Ear(asyncio.Protocol):
    """Remembers everything it was told, in order."""

    def __init__(self, *, keeps_half_open: bool = False) -> None:
        self.heard: list[str] = []
        self.data = b""
        self.pieces: list[int] = []
        self.error: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self.keeps_half_open = keeps_half_open
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.heard.append("made")

    def data_received(self, data: bytes) -> None:
        """Remember bytes and where they were cut."""
        self.data += data
        self.pieces.append(len(data))
        if self.heard[-1] != "data":
            self.heard.append("data")

    def eof_received(self) -> bool:
        """Remember the end of input."""
        self.heard.append("eof")
        return self.keeps_half_open

    def pause_writing(self) -> None:
        """Remember."""
        self.heard.append("pause")

    def resume_writing(self) -> None:
        """Remember."""
        self.heard.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember the end and its reason."""
        self.heard.append("lost")
        self.error = exc
        self.lost.set_result(None)


class Pair:
    """A server on host `s`, a client connected from host `c`."""

    def __init__(self, loop: WorldLoop) -> None:
        self.loop = loop
        self.network = Network(loop)
        self.server_host = Host(self.network, "s")
        self.client_host = Host(self.network, "c")
        self.served: list[Ear] = []

    async def listen(self, *, keeps_half_open: bool = False) -> None:
        """Start the server's process."""

        def factory() -> Ear:
            self.served.append(Ear(keeps_half_open=keeps_half_open))
            return self.served[-1]

        async def serve() -> None:
            await self.loop.create_server(factory, port=25)

        self.server_host.start(serve)
        await asyncio.sleep(0.01)

    async def call(self) -> Ear:
        """Connect from the client's process."""
        ears: list[Ear] = []

        async def connect() -> None:
            _, ear = await self.loop.create_connection(Ear, "s", 25)
            ears.append(ear)

        self.client_host.start(connect)
        await asyncio.sleep(0.01)
        return ears[0]

    async def connected(self) -> tuple[Ear, Ear]:
        """Client's and server's ends."""
        await self.listen()
        return await self.call(), self.served[0]


def in_pair(story: Callable[[Pair], Awaitable[T]], seed: int = 1) -> T:
    """Tell a story between a client and a server."""

    async def main(loop: WorldLoop) -> T:
        return await story(Pair(loop))

    return run_world(main, seed, until_s=3_600)


def way(ear: Ear) -> asyncio.Transport:
    """The transport of an end."""
    assert ear.transport is not None
    return ear.transport


def test_bytes_arrive_whole_and_in_order_however_they_are_cut() -> None:
    """For every seed the stream is the same; over the seeds it is cut in many ways."""
    sent = bytes(range(256)) * 40

    async def story(pair: Pair) -> tuple[bytes, int]:
        client, server = await pair.connected()
        for start in range(0, len(sent), 1000):
            way(client).write(sent[start : start + 1000])
        await asyncio.sleep(1)
        return server.data, len(server.pieces)

    told = [in_pair(story, seed) for seed in range(12)]
    assert all(data == sent for data, _ in told)
    assert len({pieces for _, pieces in told}) > 3


def test_bytes_take_time() -> None:
    """What is written arrives after the line's delay, not before."""

    async def story(pair: Pair) -> None:
        client, server = await pair.connected()
        line = pair.network.line("s", "c")
        line.latency_s, line.jitter_s = 0.1, 0.0
        way(client).write(b"x")
        await asyncio.sleep(0.099)
        assert server.data == b""
        await asyncio.sleep(0.002)
        assert server.data == b"x"

    in_pair(story)


def test_closing_sends_what_was_written_then_the_end() -> None:
    """close() flushes; the other end hears data, end of input and a clean loss, each once."""

    async def story(pair: Pair) -> None:
        client, server = await pair.connected()
        way(client).write(b"bye" * 50_000)
        way(client).close()
        assert way(client).is_closing()
        await server.lost
        assert server.data == b"bye" * 50_000
        assert [word for word in server.heard if word != "data"] == ["made", "eof", "lost"]
        assert server.error is None
        await client.lost
        assert client.heard[-1] == "lost"
        assert client.error is None

    in_pair(story)


def test_half_closing_leaves_the_way_back_open() -> None:
    """After write_eof the other end may still answer."""

    async def story(pair: Pair) -> bytes:
        await pair.listen(keeps_half_open=True)
        client = await pair.call()
        way(client).write(b"question")
        way(client).write_eof()
        await asyncio.sleep(0.1)
        way(pair.served[0]).write(b"answer")
        await asyncio.sleep(0.1)
        return client.data

    assert in_pair(story) == b"answer"


def test_a_reader_that_pauses_makes_the_writer_pause() -> None:
    """The window fills, the writer is told to pause above high water and to resume once the reader reads."""

    async def story(pair: Pair) -> None:
        client, server = await pair.connected()
        way(server).pause_reading()
        way(client).set_write_buffer_limits(high=1000)
        way(client).write(b"x" * (WINDOW_BYTES + 1000))
        await asyncio.sleep(1)
        assert client.heard == ["made"]
        way(client).write(b"y")
        assert client.heard == ["made", "pause"]
        await asyncio.sleep(1)
        assert server.data == b""
        assert way(client).get_write_buffer_size() == 1001
        way(server).resume_reading()
        await asyncio.sleep(1)
        assert len(server.data) == WINDOW_BYTES + 1001
        assert client.heard == ["made", "pause", "resume"]

    in_pair(story)


def test_aborting_drops_what_the_kernel_has_not_taken() -> None:
    """abort() ends both sides without sending the rest."""

    async def story(pair: Pair) -> None:
        client, server = await pair.connected()
        way(server).pause_reading()
        way(client).write(b"x" * (WINDOW_BYTES + 5000))
        way(client).abort()
        await client.lost
        way(server).resume_reading()
        await server.lost
        assert len(server.data) == WINDOW_BYTES

    in_pair(story)


def test_writing_to_a_closed_end_is_answered_by_a_reset() -> None:
    """Bytes for an end that has closed bring ECONNRESET to the sender."""

    async def story(pair: Pair) -> None:
        await pair.listen(keeps_half_open=True)
        client = await pair.call()
        way(client).close()
        await asyncio.sleep(0.1)
        server = pair.served[0]
        way(server).write(b"anyone?")
        await server.lost
        assert isinstance(server.error, ConnectionResetError)

    in_pair(story)


def test_a_protocol_that_raises_loses_its_connection_and_fails_the_world() -> None:
    """A bug in data_received is loud and closes the connection with it."""

    async def story(pair: Pair) -> None:
        client, server = await pair.connected()
        server.heard.clear()
        way(client).write(b"x")
        await server.lost
        assert isinstance(server.error, IndexError)
        assert len(pair.loop.mishaps) == 1
        pair.loop.mishaps.clear()

    in_pair(story)


def test_buffered_protocols_are_served() -> None:
    """A BufferedProtocol gets its bytes through its own buffer, however small."""

    class Small(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.room = bytearray(3)
            self.data = b""

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.room

        def buffer_updated(self, nbytes: int) -> None:
            self.data += self.room[:nbytes]

    async def main(loop: WorldLoop) -> bytes:
        Network(loop)
        small = Small()
        await loop.create_server(lambda: small, port=25)
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", 25)
        transport.write(b"seven b")
        await asyncio.sleep(1)
        return small.data

    assert run_world(main, 1) == b"seven b"


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
