"""Scripted providers that are spoken to by HTTP."""

import asyncio
import base64
import json
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any

from tests.contract.scripted_server import NO_REPLIES, Ended, ScriptedServer, Taken


@dataclass
class HttpServer(ScriptedServer):
    """Stages: connect, head (before the body is read), answer. A wire gives its yes, its no and what it took."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    yes = ""
    """An action."""

    def refusal(self, name: str, text: str) -> tuple[str, str]:
        """Header lines (each with its end) and body of a no."""
        raise NotImplementedError

    def took(self, request: dict[str, Any]) -> Taken:
        """The mail in a request."""
        raise NotImplementedError

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (action := self.action("connect")) is not None:
            await self.act(action, writer)
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head[:-4].split("\r\n")
            headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in fields)}
            self.lines.append(line)
            self.headers.append(headers)
            if (action := self.action("head")) is not None:
                await self._respond(action, writer)
            await self._body(int(headers["content-length"]), reader)
            await self.tell()
            await self._respond(self.action("answer") or self.yes, writer)

    async def _body(self, length: int, reader: asyncio.StreamReader) -> None:
        self.partial.clear()
        while len(self.partial) < length:
            data = await reader.read(length - len(self.partial))
            if not data:
                self.unfinished += 1
                raise Ended
            self.partial += data
            await self.tell()
        request = json.loads(bytes(self.partial))
        self.requests.append(request)
        self.taken.append(self.took(request))

    async def _respond(self, action: str, writer: asyncio.StreamWriter) -> None:
        if action.startswith(NO_REPLIES):
            await self.act(action, writer)
            return
        status, rest = action.split(" ", 1)
        shape, body = "", rest
        if not rest.startswith(("{", "<", "[", "-")) or rest.startswith("- "):
            name, _, text = rest.partition(" ")
            shape, body = self.refusal("" if name == "-" else name, text)
        raw = body.removeprefix("-").encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{shape}Content-Length: {len(raw)}\r\n\r\n"
        writer.write(head.encode() + raw)
        with suppress(OSError):
            await writer.drain()


@dataclass
class SesServer(HttpServer):
    """SES v2."""

    yes = '200 {"MessageId":"0100-mid"}'

    def refusal(self, name: str, text: str) -> tuple[str, str]:
        shape = f"x-amzn-ErrorType: {name}:http://internal.amazon.com/\r\n" if name else ""
        return shape, json.dumps({"message": text})

    def took(self, request: dict[str, Any]) -> Taken:
        return Taken(
            sender=request.get("FeedbackForwardingEmailAddress", ""),
            recipients=request["Destination"]["ToAddresses"],
            content=base64.b64decode(request["Content"]["Raw"]["Data"]),
        )


@dataclass
class SendGridServer(HttpServer):
    """SendGrid v3."""

    yes = "raw:HTTP/1.1 202 Accepted\r\nX-Message-Id: mid\r\nContent-Length: 0\r\n\r\n"

    def refusal(self, name: str, text: str) -> tuple[str, str]:
        return "", json.dumps({"errors": [{"message": text, "field": name or None, "help": None}]})

    def took(self, request: dict[str, Any]) -> Taken:
        (mail,) = request["personalizations"]
        return Taken(
            sender=request["from"]["email"],
            recipients=[one["email"] for kind in ("to", "cc", "bcc") for one in mail.get(kind, [])],
            content=request["content"][0]["value"].encode(),
        )


@dataclass
class PostmarkServer(HttpServer):
    """Postmark."""

    yes = '200 {"ErrorCode":0,"Message":"OK","MessageID":"mid"}'

    def refusal(self, name: str, text: str) -> tuple[str, str]:
        return "", json.dumps({"ErrorCode": int(name or 0), "Message": text})

    def took(self, request: dict[str, Any]) -> Taken:
        people = getaddresses([request.get(kind, "") for kind in ("To", "Cc", "Bcc")])
        return Taken(
            sender=request["From"],
            recipients=[address for _, address in people if address],
            content=request["TextBody"].encode(),
        )
