"""Load by SMTP: a small client of the lab's own, pipelined, that logs in by AUTH PLAIN.

An independent peer: it shares nothing with the gateway's own ways out. Left out: TLS.
"""

import asyncio
import base64
from contextlib import suppress

from posthorse.lab.load_mail import Offer, receipt_in
from posthorse.lab.load_session import Never, NotNow


class SmtpSession:
    """One connection to the server, past EHLO and AUTH."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer_s: float) -> None:
        self._reader, self.writer, self._answer_s = reader, writer, answer_s

    @classmethod
    async def open(cls, host: str, port: int, *, username: str, password: str, answer_s: float) -> "SmtpSession":
        """Connect, greet, log in (with a user name). Raises `NotNow`."""
        try:
            async with asyncio.timeout(answer_s):
                reader, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise NotNow(str(error)) from error
        session = cls(reader, writer, answer_s)
        try:
            await session._expect("2")
            await session._ask("EHLO load.example", "2")
            if username:
                secret = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
                await session._ask(f"AUTH PLAIN {secret}", "2")
        except (NotNow, Never) as problem:
            writer.close()
            raise NotNow(str(problem)) from problem
        return session

    async def send(self, offer: Offer) -> str:
        """Offer one message, pipelined; answers the receipt in the reply to the final dot."""
        commands = f"MAIL FROM:<{offer.sender}>\r\nRCPT TO:<{offer.recipient}>\r\nDATA\r\n"
        self.writer.write(commands.encode())
        replies = [await self._reply() for _ in range(3)]
        for reply in replies:
            _check(reply, "23")
        self.writer.write(offer.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        try:
            reply = await self._reply()
        except NotNow as lost:
            raise NotNow(str(lost), is_doubtful=True) from lost
        _check(reply, "2")
        return receipt_in(reply)

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    async def _ask(self, command: str, wanted: str) -> None:
        self.writer.write(f"{command}\r\n".encode())
        await self._expect(wanted)

    async def _expect(self, wanted: str) -> None:
        _check(await self._reply(), wanted)

    async def _reply(self) -> str:
        """The last line of the next complete reply. Raises `NotNow` when there is none."""
        try:
            async with asyncio.timeout(self._answer_s):
                while True:
                    line = (await self._reader.readuntil(b"\n")).decode("latin-1").rstrip("\r\n")
                    if line[3:4] != "-":
                        return line
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise NotNow(f"no reply: {error}") from error


def _check(reply: str, wanted: str) -> None:
    if reply[:1] == "5":
        raise Never(reply)
    if reply[:1] not in wanted:
        raise NotNow(reply)
