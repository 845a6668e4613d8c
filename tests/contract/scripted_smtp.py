"""A scripted SMTP server."""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.contract.scripted_server import NO_REPLIES, Ended, ScriptedServer, Taken

FEATURES = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass
class SmtpServer(ScriptedServer):
    """Stages: greeting, ehlo, starttls, auth, mail, rcpt, `rcpt ADDRESS`, data, content, dot, rset."""

    features: Sequence[str] = FEATURES
    secret: tuple[str, str] = ("user", "pass")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer("greeting", "220 scripted ESMTP", writer)
        mail: Taken | None = None
        secured = self.implicit
        while True:
            line = (await reader.readuntil(b"\r\n"))[:-2].decode()
            self.lines.append(line)
            await self.tell()
            verb = line.split(" ", 1)[0].split(":", 1)[0].upper()
            match verb:
                case "EHLO":
                    await self._answer("ehlo", self._offer(secured=secured), writer)
                case "STARTTLS":
                    code = await self._answer("starttls", "220 go ahead", writer)
                    if self.tls is not None and code in (0, 220):
                        await writer.start_tls(self.tls)
                        secured = True
                case "AUTH":
                    await self._authenticate(line, reader, writer)
                case "MAIL":
                    if await self._answer("mail", "250 2.1.0 Ok", writer) == 250:
                        mail = Taken(sender=line[line.index("<") + 1 : line.index(">")], recipients=[], content=b"")
                case "RCPT":
                    address = line[line.index("<") + 1 : line.rindex(">")]
                    default = "250 2.1.5 Ok" if mail else "503 5.5.1 MAIL first"
                    stage = f"rcpt {address}" if f"rcpt {address}" in self.script else "rcpt"
                    if await self._answer(stage, default, writer) == 250 and mail:
                        mail.recipients.append(address)
                case "DATA":
                    default = "354 go ahead" if mail and mail.recipients else "503 5.5.1 no valid recipients"
                    if await self._answer("data", default, writer) == 354 and mail:
                        await self._content(mail, reader, writer)
                        mail = None
                case "RSET":
                    mail = None
                    await self._answer("rset", "250 2.0.0 Ok", writer)
                case "QUIT":
                    return
                case _:
                    await self._answer("else", "502 5.5.2 unknown", writer)

    async def _content(self, mail: Taken, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.partial.clear()
        if (action := self.action("content")) is not None:
            await self._say(action, writer)
        while not (b"\r\n" + self.partial).endswith(b"\r\n.\r\n"):
            data = await reader.read(65_536)
            if not data:
                self.unfinished += 1
                raise Ended
            self.partial += data
            await self.tell()
        mail.content = (b"\r\n" + bytes(self.partial[:-3])).replace(b"\r\n..", b"\r\n.")[2:]
        self.taken.append(mail)
        await self._answer("dot", "250 2.0.0 Ok: queued as 7", writer)

    async def _authenticate(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user, password = (part.encode() for part in self.secret)
        if line.startswith("AUTH PLAIN "):
            right = base64.b64decode(line[11:]) == b"\0" + user + b"\0" + password
        else:
            given = []
            for question in ("Username:", "Password:"):
                await self._say("334 " + base64.b64encode(question.encode()).decode(), writer)
                given.append(base64.b64decode(await reader.readuntil(b"\r\n")))
            right = given == [user, password]
        await self._answer("auth", "235 2.7.0 Welcome" if right else "535 5.7.8 Wrong", writer)

    def _offer(self, *, secured: bool) -> str:
        features = [*self.features, *(["STARTTLS"] if self.tls and not secured else [])]
        lines = ["scripted", *features]
        return "\r\n".join(f"250{'-' if n < len(lines) - 1 else ' '}{text}" for n, text in enumerate(lines))

    async def _answer(self, stage: str, default: str, writer: asyncio.StreamWriter) -> int:
        action = self.action(stage)
        return await self._say(default if action is None else action, writer)

    async def _say(self, action: str, writer: asyncio.StreamWriter) -> int:
        if action.startswith(NO_REPLIES):
            await self.act(action, writer)
            return 0
        writer.write(action.encode() + b"\r\n")
        with suppress(OSError):
            await writer.drain()
        return int(action[:3])
