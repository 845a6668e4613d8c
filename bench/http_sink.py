"""The sink for HTTP: takes what the provider `ses` sends, or events, as fast as a process of Python can, and counts it.

`python -m bench.http_sink PORT FILE [CERTIFICATE KEY]`, with TLS if there is a certificate, prints a line
`COUNT DISTINCT` whenever the counts have changed, and writes one line `ID MESSAGE-ID` per message to FILE: our own id,
which travels as a tag (of an event: its own id), and the id given here.
"""

import asyncio
import re
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO, cast

import uvloop

from bench.tls import Certificate

_ID = re.compile(rb'"posthorse-id","Value":"([0-9a-f]+)"|\r\nwebhook-id: *(\S+)\r\n', re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_EVERY_S = 0.02


class _Tally:
    """What came to all connections."""

    def __init__(self, file: TextIO) -> None:
        self.count = 0
        self.seen: set[bytes] = set()
        self._file = file

    def take(self, body: bytes) -> bytes:
        """Count one message; answers the id it is given."""
        self.count += 1
        found = _ID.search(body)
        given = b"0100%012x-sink" % self.count
        if found is not None:
            own = found[1] or found[2]
            self.seen.add(own)
            self._file.write(f"{own.decode()} {given.decode()}\n")
        return given


class _Reader(asyncio.Protocol):
    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._transport: asyncio.Transport | None = None
        self._got = bytearray()
        self._whole = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._whole:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._got, 0, end + 2)
            self._whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._got) >= self._whole:
            self._answer()

    def _answer(self) -> None:
        body = b'{"MessageId":"%s"}' % self._tally.take(bytes(self._got[: self._whole]))
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-amzn-RequestId: sink\r\nContent-Length: %d\r\n\r\n"
        )
        assert self._transport is not None
        self._transport.write(head % len(body) + body)
        del self._got[: self._whole]
        self._whole = 0


async def _serve(port: int, context: ssl.SSLContext | None, file: TextIO) -> None:
    tally, told = _Tally(file), -1
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Reader(tally), "127.0.0.1", port, ssl=context, backlog=1_024)
    while True:
        if tally.count != told:
            told = tally.count
            file.flush()
            print(tally.count, len(tally.seen), flush=True)
        await asyncio.sleep(_EVERY_S)


class HttpSink:
    """That process, its counts read; the same questions as `bench.sink.Sink`."""

    def __init__(self, port: int, certificate: Certificate | None, file: Path) -> None:
        """`certificate` None: without TLS."""
        self.port = port
        self.file = file
        self.count = self.distinct = 0
        self.changed_s = 0.0
        proof = [str(certificate.certificate), str(certificate.key)] if certificate else []
        self._command = [sys.executable, "-m", "bench.http_sink", str(port), str(file), *proof]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; returns once it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def wait(self, count: int, timeout_s: float) -> float:
        """Monotonic time when `count` messages had arrived (20 ms late at most); TimeoutError otherwise."""
        limit = time.monotonic() + timeout_s
        while self.count < count:
            if time.monotonic() > limit:
                raise TimeoutError(f"{self.count} of {count} messages arrived in {timeout_s:.0f} s")
            time.sleep(0.005)
        return self.changed_s

    def doubles_and_missing(self, expected: int) -> tuple[int, int]:
        """(messages that came twice, messages that did not come)."""
        return self.count - self.distinct, expected - self.distinct

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            count, distinct = line.split()
            self.changed_s, self.distinct, self.count = time.monotonic(), int(distinct), int(count)


def main() -> None:
    """Serve until ended."""
    port, file, *proof = sys.argv[1:]
    context = None
    if proof:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*proof)
    with Path(file).open("w") as remembered:
        uvloop.run(_serve(int(port), context, remembered))


if __name__ == "__main__":
    main()
