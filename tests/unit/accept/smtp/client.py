"""A bare client for tests: says bytes, reads replies, sees the end."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

PATIENCE_S = 10.0


async def until(condition: Callable[[], bool]) -> None:
    """Give way until the server, on the same loop, has come as far as `condition` says."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is inside the server and has no event
            await asyncio.sleep(0.001)


class Client:
    """One connection to a server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.greeting = b""

    async def reply(self) -> bytes:
        """The next whole reply, all its lines; empty: the connection ended."""
        lines = b""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = await self.reader.readline()
                lines += line
                if not line or line[3:4] != b"-":
                    return lines

    def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    async def ask(self, line: bytes) -> bytes:
        """Send a line, wait for its reply."""
        self.say(line + b"\r\n")
        return await self.reply()

    async def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def envelope(self) -> bytes:
        """EHLO, MAIL, RCPT, DATA; the last reply."""
        await self.ask(b"EHLO app.example.com")
        await self.ask(b"MAIL FROM:<shop@example.com>")
        await self.ask(b"RCPT TO:<ada@example.net>")
        return await self.ask(b"DATA")

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """STARTTLS and the handshake."""
        answer = await self.ask(b"STARTTLS")
        assert answer.startswith(b"220"), answer
        await self.writer.start_tls(context, server_hostname="localhost")


@asynccontextmanager
async def connected(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    """A client that has read the greeting."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None, limit=1 << 22
    )
    client = Client(reader, writer)
    try:
        client.greeting = await client.reply()
        yield client
    finally:
        writer.transport.abort()
