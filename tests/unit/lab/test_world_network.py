"""The simulated network: asyncio's promises kept, bytes in order."""

import asyncio

from posthorse.lab.world.line import WINDOW_BYTES
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.network import Network
from tests.unit.lab.pair import Pair, in_pair, way


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
