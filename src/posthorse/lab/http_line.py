"""A small HTTP/1.1 client of the lab's own: one connection that is kept, one request at a time.

Duty: send a request and read the whole answer, for what the lab says to others by HTTP: notifications, and load by the
SES API. Promise: a request is written at most once for each call; whether it may be repeated is the caller's matter. An
independent peer: it shares nothing with the gateway's own exchange. Left out: TLS, chunked requests, redirects.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

MOST_BYTES = 1 << 20
"""Of an answer's body."""


class LineBroken(Exception):
    """No complete answer came."""


@dataclass(slots=True)
class HttpAnswer:
    """A complete answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""


class HttpLine:
    """One kept connection to the host of a URL such as `http://127.0.0.1:8025`."""

    def __init__(self, base: str, *, timeout_s: float) -> None:
        parts = urlsplit(base)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{base!r}: the lab speaks to http://HOST:PORT only")
        self._host, self._port = parts.hostname, parts.port or 80
        self._timeout_s = timeout_s
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def host_header(self) -> str:
        """What stands in `Host`."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def ask(self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> HttpAnswer:
        """Send one request, on a new connection if the kept one has ended. Raises `LineBroken`."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host_header}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        head += f"Content-Length: {len(body)}\r\n\r\n"
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self._connected()
                writer.write(head.encode() + body)
                await writer.drain()
                return await self._answer(reader)
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
            self.close()
            raise LineBroken(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up; the next request connects again."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None or self._reader.at_eof() or self._writer.is_closing():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self._reader, self._writer

    async def _answer(self, reader: asyncio.StreamReader) -> HttpAnswer:
        collector = _Collector()
        while not collector.is_whole:
            data = await reader.read(65_536)
            if not data:
                raise ConnectionResetError("the connection ended before the answer")
            collector.feed(data)
        if not collector.keeps_open:
            self.close()
        return collector.answer


class _Collector:
    """What httptools calls for one answer."""

    def __init__(self) -> None:
        self.answer = HttpAnswer()
        self.is_whole = False
        self.keeps_open = True
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._bytes += len(body)
        if self._bytes > MOST_BYTES:
            raise ConnectionResetError("the answer is too large")
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole; one before it that only says `100 Continue` does not count."""
        self.answer.status = self._parser.get_status_code()
        if self.answer.status == 100:
            self.answer = HttpAnswer()
            return
        self.answer.body = b"".join(self._pieces)
        self.keeps_open = self._parser.should_keep_alive()
        self.is_whole = True
