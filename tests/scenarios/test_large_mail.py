"""One large mail holds nobody up: the longest block of the loop while 39 MB come in and go out, over both wires.

A whole node runs in a thread of its own on a loop that measures the processor time of its longest iteration, which a
loaded machine does not stretch; client and provider are other threads, so that their work does not count.
"""

import asyncio
import base64
import json
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from posthorse.config import load_config
from posthorse.daemon.node import Daemon
from tests.effort import unless_each_time
from tests.scenarios.server_thread import MeasuredLoop

PATIENCE_S = 60.0
LINE = b"." + b"x" * 69 + b"\r\n"
"""Each line has a dot to double."""
BODY = {"smtp": LINE * (39_000_000 // len(LINE)), "ses": LINE * (39_000_000 // len(LINE))}
HEAD = b"From: shop@example.com\r\nTo: ann@example.org\r\nBcc: bob@example.org\r\nSubject: large\r\n"

PROVIDERS = {
    "smtp": 'kind = "smtp"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"',
    "ses": 'kind = "ses"\nregion = "eu-west-1"\naccess_key_id = "AKIDEXAMPLE"\nsecret_access_key = "env:SECRET"\n'
    'endpoint = "http://127.0.0.1:{port}"',
}
CONFIG = """
[node]
name = "gateway.example"
[spool]
url = "sqlite:spool.db"
[[listen]]
smtp = "127.0.0.1:0"
[[trusted_sources]]
cidr = "127.0.0.1/32"
[log]
file = "posthorse.log"
[[providers]]
name = "first"
"""


class Provider(asyncio.Protocol):
    """Takes mail by SMTP, or requests by HTTP, whichever it is given first; keeps what came."""

    def __init__(self, taken: "Future[bytes]") -> None:
        self._taken = taken
        self._came: list[bytes] = []
        self._tail = b""
        self._left = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        """Called by the loop."""
        self._transport = transport
        transport.write(b"220 provider.example\r\n")

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if not self._came:
            for line in data.splitlines():
                extensions = b"-PIPELINING\r\n250" if line.startswith(b"EHLO") else b""
                self._transport.write(b"354 go on\r\n" if line == b"DATA" else b"250" + extensions + b" ok\r\n")
            self._came = [b"\r\n"] if data.endswith(b"DATA\r\n") else []
            return
        self._came.append(data)
        self._tail = (self._tail + data)[-5:]
        if self._tail == b"\r\n.\r\n":
            self._transport.write(b"250 taken\r\n")
            wire, self._came = b"".join(self._came), []
            self._taken.set_result(wire[:-3].replace(b"\r\n..", b"\r\n.")[2:])


class SesPeer(Provider):
    """The same for one request of SES."""

    def connection_made(self, transport: Any) -> None:
        """Called by the loop."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._came.append(data)
        if not self._left:
            head, _, rest = b"".join(self._came).partition(b"\r\n\r\n")
            self._left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) - len(rest)
            self._came = [rest]
        else:
            self._left -= len(data)
        if not self._left:
            body, self._came = b"".join(self._came), []
            answer = b'{"MessageId":"0100-1"}'
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ")
            self._transport.write(str(len(answer)).encode() + b"\r\n\r\n" + answer)
            self._taken.set_result(base64.b64decode(json.loads(body)["Content"]["Raw"]["Data"]))


@contextmanager
def in_thread(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Run a loop in a thread; gives what runs a coroutine there."""
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE_S)
    finally:
        for _ in range(3):  # what was closed comes to its end
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def usual_switching() -> Iterator[None]:
    """A spool changes how often threads take turns in the whole process."""
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def offer(address: str, content: bytes) -> None:
    """Send one mail as a blocking client does."""
    host, _, port = address.removeprefix("smtp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as client, client.makefile("rb") as replies:
        assert replies.readline().startswith(b"220 ")
        for said, answer in (
            (b"HELO app.example.com\r\n", b"250 "),
            (b"MAIL FROM:<shop@example.com>\r\n", b"250 "),
            (b"RCPT TO:<ann@example.org>\r\n", b"250 "),
            (b"DATA\r\n", b"354 "),
            ((b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n", b"250 "),
        ):
            client.sendall(said)
            assert replies.readline().startswith(answer)


@contextmanager
def provider(peer: Callable[[], Provider]) -> Iterator[int]:
    """A provider in a thread of its own; gives its port."""
    with in_thread(asyncio.new_event_loop()) as there:
        met: list[Provider] = []

        def meet() -> Provider:
            met.append(peer())
            return met[-1]

        async def listen() -> asyncio.Server:
            return await asyncio.get_running_loop().create_server(meet, "127.0.0.1", 0)

        async def close(server: asyncio.Server) -> None:
            server.close()
            for one in met:
                one.abort()

        server = there(listen())
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            there(close(server))


@contextmanager
def node(folder: Path, settings: str, loop: MeasuredLoop) -> Iterator[str]:
    """A node in a thread of its own, on this loop; gives its SMTP address."""
    file, environ = folder / "posthorse.toml", {"SECRET": "secret"}
    file.write_text(settings)
    with in_thread(loop) as here:
        daemon = Daemon(load_config(file, environ), file, environ)
        here(daemon.start())
        try:
            yield next(address for address in daemon.addresses.values() if address.startswith("smtp://"))
        finally:
            here(daemon.stop("the end of the test"))


@pytest.mark.usefixtures("no_old_garbage", "usual_switching")
@pytest.mark.parametrize("wire", ["smtp", "ses"])
@unless_each_time
def test_a_large_mail_blocks_the_loop_nowhere(wire: str) -> None:
    """From the first byte in to the answer of the provider; and what arrives is what was sent."""
    content = HEAD + b"\r\n" + BODY[wire]
    taken: Future[bytes] = Future()
    peer = Provider if wire == "smtp" else SesPeer
    loop = MeasuredLoop()
    with (
        TemporaryDirectory() as folder,
        provider(lambda: peer(taken)) as port,
        node(Path(folder), CONFIG + PROVIDERS[wire].format(port=port), loop) as smtp,
    ):
        loop.longest_s = 0.0
        offer(smtp, content)
        arrived = taken.result(PATIENCE_S)
        loop.check()
    assert arrived.endswith(content.replace(b"Bcc: bob@example.org\r\n", b""))
