"""A simulated provider on a real socket for one test, and a bare client of it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from posthorse.lab.door import SocketDoor
from posthorse.lab.fates import LabFate
from posthorse.lab.mailbox import Mailbox
from posthorse.lab.postmark_provider import PostmarkTerms, postmark_factory
from posthorse.lab.sendgrid_provider import SendgridTerms, sendgrid_factory
from posthorse.lab.ses_provider import SesTerms, ses_factory
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.smtp_provider import smtp_factory
from posthorse.lab.smtp_terms import SmtpTerms

MAIL = b"X-Posthorse-Id: 0190aa\r\nMessage-ID: <m1@client.example>\r\nSubject: hello\r\n\r\nbody\r\n"


def new_provider(
    name: str,
    *,
    scripts: Mapping[str, Sequence[str]] | None = None,
    latency_s: float = 0.0,
    fates: Mapping[str, LabFate] | None = None,
    suppressed: Sequence[str] = (),
) -> SimulatedProvider:
    """A provider with its own mailbox, on the machine's clock, repeatable chance."""
    return SimulatedProvider(
        name=name,
        mailbox=Mailbox(),
        now=lambda: time.time_ns() // 1000,
        dice=random.Random(7),
        scripts=scripts or {},
        latency_s=latency_s,
        fates=fates or {},
        suppressed=frozenset(suppressed),
    )


@asynccontextmanager
async def smtp_stand(
    terms: SmtpTerms | None = None, *, scripts: Mapping[str, Sequence[str]] | None = None, latency_s: float = 0.0
) -> AsyncIterator[tuple[SimulatedProvider, int]]:
    """A simulated SMTP provider and its port."""
    provider = new_provider("relay", scripts=scripts, latency_s=latency_s)
    door = SocketDoor("127.0.0.1", 0, smtp_factory(provider, terms or SmtpTerms()))
    async with _opened(provider, door) as port:
        yield provider, port


@asynccontextmanager
async def ses_stand(
    terms: SesTerms | None = None, *, scripts: Mapping[str, Sequence[str]] | None = None
) -> AsyncIterator[tuple[SimulatedProvider, int]]:
    """A simulated SES and its port."""
    provider = new_provider("ses", scripts=scripts)
    door = SocketDoor("127.0.0.1", 0, ses_factory(provider, terms or SesTerms()))
    async with _opened(provider, door) as port:
        yield provider, port


@asynccontextmanager
async def sendgrid_stand(
    terms: SendgridTerms | None = None, **particulars: Any
) -> AsyncIterator[tuple[SimulatedProvider, int]]:
    """A simulated SendGrid and its port."""
    provider = new_provider("sendgrid", **particulars)
    door = SocketDoor("127.0.0.1", 0, sendgrid_factory(provider, terms or SendgridTerms()))
    async with _opened(provider, door) as port:
        yield provider, port


@asynccontextmanager
async def postmark_stand(
    terms: PostmarkTerms | None = None, **particulars: Any
) -> AsyncIterator[tuple[SimulatedProvider, int]]:
    """A simulated Postmark and its port."""
    provider = new_provider("postmark", **particulars)
    door = SocketDoor("127.0.0.1", 0, postmark_factory(provider, terms or PostmarkTerms()))
    async with _opened(provider, door) as port:
        yield provider, port


@asynccontextmanager
async def _opened(provider: SimulatedProvider, door: SocketDoor) -> AsyncIterator[int]:
    door.bind()
    provider.door = door
    await provider.set_fault(None)
    try:
        yield door.address[1]
    finally:
        provider.close()
        await door.close()
        await asyncio.sleep(0)  # let the reset connections tell their protocols


class Line:
    """A bare client: sends bytes, reads complete SMTP replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Line":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def reply(self) -> str:
        """The next complete reply, lines joined by `|`; empty: the connection ended."""
        lines = []
        while line := (await self.reader.readline()).decode("latin-1").removesuffix("\r\n"):
            lines.append(line)
            if line[3:4] != "-":
                break
        return "|".join(lines)

    async def ask(self, *commands: bytes) -> list[str]:
        """Send commands in one segment; answers one reply each."""
        self.writer.write(b"".join(command + b"\r\n" for command in commands))
        return [await self.reply() for _ in commands]

    async def offer(self, content: bytes = MAIL, *recipients: bytes) -> list[str]:
        """Offer one message after EHLO; answers the replies to MAIL, RCPTs, DATA and the dot."""
        to = recipients or (b"to@there.example",)
        replies = await self.ask(b"MAIL FROM:<from@here.example>", *(b"RCPT TO:<" + one + b">" for one in to), b"DATA")
        self.writer.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return [*replies, await self.reply()]

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()


async def greeted(port: int) -> Line:
    """A client past greeting and EHLO."""
    line = await Line.to(port)
    await line.reply()
    await line.ask(b"EHLO client.example")
    return line
