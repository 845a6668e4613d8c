"""The simulated application: hands submissions to a node by SMTP, and keeps the receipts.

A small client of the lab's own, so that the way in is met by a peer the gateway's authors did not write for it: one
command at a time or pipelined, with contents in one write or in pieces. After a loss behind the final dot it repeats
itself only sometimes, as applications do; a repetition without an idempotency key is a new message by its own wish.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from posthorse.lab.world.mailbag import Submission

PATIENCE_S = 60.0
"""How long it waits for any reply."""

SUBMISSION_PORT = 2525

_RECEIPT = re.compile(rb"\b([0-9a-f]{32})\b")


class NoReply(Exception):
    """The connection ended, or nothing came in time."""


class Refused(Exception):
    """A complete negative reply."""


class Application:
    """One client host's submissions, each on a connection of its own."""

    def __init__(self, nodes: Sequence[str], dice: random.Random) -> None:
        self._nodes = nodes
        self._dice = dice

    async def send(self, submission: Submission) -> None:
        """Try until a receipt is given, it is refused too often, or a loss behind the dot is left as it is."""
        for attempt in range(8):
            if attempt:
                await asyncio.sleep(0.5 + self._dice.random() * 2.0 ** min(attempt, 4))
            dialogue = Dialogue(self._dice)
            try:
                receipt = await dialogue.submit(self._dice.choice(self._nodes), submission)
            except (NoReply, Refused, OSError):
                if dialogue.dotted:
                    submission.doubts += 1
                    if not submission.idempotency_key and self._dice.random() < 0.5:
                        return
                continue
            submission.receipts.append(receipt)
            if not submission.idempotency_key or self._dice.random() < 0.8:
                return


class Dialogue:
    """One SMTP dialogue."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.dotted = False
        """The final dot was sent and not refused: whether the mail was taken is not known."""

    async def submit(self, node: str, submission: Submission) -> str:
        """Hand over one message; answers the receipt. Raises `NoReply`, `Refused`, OSError."""
        async with _patience():
            reader, writer = await asyncio.open_connection(node, SUBMISSION_PORT)
        try:
            await self._expect(reader, b"220")
            await self._command(reader, writer, b"EHLO app.example")
            await self._envelope(reader, writer, submission)
            await self._content(writer, submission.content)
            self.dotted = True
            reply = await self._final(reader)
            writer.write(b"QUIT\r\n")
        finally:
            writer.close()
        receipt = _RECEIPT.search(reply)
        if receipt is None:
            raise AssertionError(f"a 250 without a receipt: {reply!r}")
        return receipt[1].decode()

    async def _envelope(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, submission: Submission
    ) -> None:
        commands = [f"MAIL FROM:<{submission.sender}>".encode()]
        commands += [f"RCPT TO:<{recipient}>".encode() for recipient in submission.recipients]
        if self._dice.random() < 0.5:
            writer.write(b"".join(command + b"\r\n" for command in commands))
            for _ in commands:
                await self._expect(reader, b"250")
        else:
            for command in commands:
                await self._command(reader, writer, command)
        await self._command(reader, writer, b"DATA", b"354")

    async def _content(self, writer: asyncio.StreamWriter, content: bytes) -> None:
        stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
        if self._dice.random() < 0.3:
            middle = self._dice.randrange(len(stuffed))
            writer.write(stuffed[:middle])
            await asyncio.sleep(self._dice.random() * 0.5)
            stuffed = stuffed[middle:]
        writer.write(stuffed)

    async def _final(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await self._expect(reader, b"250")
        except Refused:
            self.dotted = False
            raise

    async def _command(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: bytes, wanted: bytes = b"250"
    ) -> bytes:
        writer.write(command + b"\r\n")
        return await self._expect(reader, wanted)

    async def _expect(self, reader: asyncio.StreamReader, wanted: bytes) -> bytes:
        """The last line of the next reply. Raises `Refused` for another code, `NoReply` for none."""
        line = b""
        async with _patience():
            while line[3:4] != b" ":
                line = await reader.readline()
                if not line.endswith(b"\n"):
                    raise NoReply
        if not line.startswith(wanted):
            raise Refused(line.decode(errors="replace"))
        return line


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """Turn a time limit into `NoReply`."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except TimeoutError:
        raise NoReply from None
