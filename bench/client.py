"""A submitting client of the bench's own, for what smtp-source cannot say: AUTH, TLS, headers of each message.

It runs in the bench's process, so its CPU is not counted to anybody.
"""

import asyncio
import base64
import itertools
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.latency import BODY_LINE, expect


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """How to submit."""

    port: int
    messages: int
    clients: int = 20
    size_bytes: int = 10_240
    keep: bool = True
    """One connection for many messages."""
    login: tuple[str, str] | None = None
    """User name and password for AUTH PLAIN on each connection."""
    tls: ssl.SSLContext | None = None
    recipients: int = 1
    headers: Callable[[int], bytes] = lambda number: b""
    """Header lines of the message of that number (never used before in this process), CRLF at the end of each."""


async def submit(plan: Submission) -> None:
    """Submit everything; RuntimeError at the first reply that refuses."""
    numbers = iter([next(_numbers) for _ in range(plan.messages)])
    await asyncio.gather(*(_client(plan, numbers) for _ in range(plan.clients)))


_numbers = itertools.count(1)


async def _client(plan: Submission, numbers: Iterator[int]) -> None:
    reader, writer = await _open(plan)
    for number in numbers:
        await _send(reader, writer, plan, number)
        if not plan.keep:
            await _close(reader, writer)
            reader, writer = await _open(plan)
    await _close(reader, writer)


async def _open(plan: Submission) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    name = "127.0.0.1" if plan.tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", plan.port, ssl=plan.tls, server_hostname=name)
    await expect(reader, b"220")
    writer.write(b"EHLO bench.invalid\r\n")
    await expect(reader, b"250")
    if plan.login is not None:
        user, password = plan.login
        writer.write(b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()) + b"\r\n")
        await expect(reader, b"235")
    return reader, writer


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"QUIT\r\n")
    await reader.read()
    writer.close()


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plan: Submission, number: int) -> None:
    rcpt = b"".join(b"RCPT TO:<b%d@sink.invalid>\r\n" % one for one in range(plan.recipients))
    writer.write(b"MAIL FROM:<a@bench.invalid>\r\n" + rcpt + b"DATA\r\n")
    for _ in range(1 + plan.recipients):
        await expect(reader, b"250")
    await expect(reader, b"354")
    head = (
        b"From: <a@bench.invalid>\r\nTo: <b@sink.invalid>\r\nSubject: bench\r\n"
        b"Date: Tue, 24 Nov 2026 04:00:00 +0000\r\nMessage-Id: <%d@client.invalid>\r\n"
    ) % number
    head += plan.headers(number) + b"\r\n"
    writer.write(head + BODY_LINE * max(1, (plan.size_bytes - len(head)) // len(BODY_LINE)) + b".\r\n")
    await expect(reader, b"250")
