"""What the provider suites share: scripted servers on real sockets, a gate that remembers, and a message to send.

A scripted server speaks its protocol faultlessly except where its script says otherwise. A script maps a stage to an
action, or to a list of actions for one visit after the other (the last one stays):

    close            end the connection          reset            end it with RST
    hang             say nothing, for good       half:TEXT        say TEXT without an end, then close
    raw:TEXT         say exactly TEXT, go on     anything else    a reply (SMTP) or `STATUS NAME text` (HTTP)
"""

import asyncio
import base64
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any, Self, TypeVar

import uvloop

from posthorse.adapters.dialer import SystemDialer
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Outcome, kind_of, scope_of
from posthorse.mail.ports import TlsMode
from posthorse.mail.stream import Stream
from posthorse.providers.mime.dissect import dissect
from posthorse.providers.mime.dissection import packed
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.port import HandoverGroup, Limits
from posthorse.providers.smtp import SmtpProvider

T = TypeVar("T")

BODY = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: x\r\n\r\n.dot\r\nHello.\r\n..\r\n.\r\nlast\r\n"
PATIENT = Limits(connect_s=10, answer_s=10)
"""For what answers: a busy machine is no failure."""
SHORT = Limits(connect_s=0.4, answer_s=0.4)
"""For what is to be given up."""
FEATURES = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
Script = Mapping[str, Any]


def play(coroutine: Coroutine[Any, Any, T], loop: str = "asyncio") -> T:
    """Run one story on either event loop; more than 30 s is a failure."""

    async def limited() -> T:
        async with asyncio.timeout(30):
            return await coroutine

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(limited())


def group(
    *addresses: str, body: bytes = BODY, limits: Limits = PATIENT, first: int = 3, **message: Any
) -> HandoverGroup:
    """A handover group; its recipients are numbered from `first`, so that a number is never taken for a position."""
    known: dict[str, Any] = {
        "id": MessageId(bytes(range(16))),
        "tenant": MAIN_TENANT,
        "stream": Stream.STANDARD,
        "sender": "a@example.com",
        "size_bytes": len(body),
        "accepted_at": 1_700_000_000_000_000,
        "expires_at": 1_800_000_000_000_000,
    }
    recipients = tuple(enumerate(addresses or ("b@example.org",), first))
    return HandoverGroup(message=Message(**(known | message)), body=body, recipients=recipients, limits=limits)


def words(outcomes: Mapping[int, Outcome]) -> dict[int, str]:
    """Outcomes as `kind scope`."""
    return {n: f"{kind_of(outcome)} {scope_of(outcome).value}" for n, outcome in outcomes.items()}


class Gate:
    """A release gate: what it was asked, and what it answers."""

    def __init__(
        self, answer: bool | BaseException = True, until: Callable[[], Coroutine[Any, Any, None]] | None = None
    ):
        self.asked: list[tuple[int, ...]] = []
        self.reached = asyncio.Event()
        self._answer = answer
        self._until = until

    async def __call__(self, numbers: Sequence[int]) -> bool:
        self.asked.append(tuple(numbers))
        self.reached.set()
        if self._until is not None:
            await self._until()
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


async def for_ever() -> None:
    """What a gate does that never answers."""
    await asyncio.Event().wait()


async def way_back(port: int) -> None:
    """Return when all that was written on this machine before has had its time to arrive: connect and part, thrice."""
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()


@dataclass(slots=True, kw_only=True)
class Taken:
    """One mail as a server took it: with its last byte."""

    sender: str
    recipients: list[str]
    content: bytes


class Ended(Exception):
    """The script ended this connection."""


@dataclass
class ScriptedServer:
    """Listening, hanging, ending; what the two protocols share."""

    script: Script = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    port: int = 0
    connections: int = 0
    taken: list[Taken] = field(default_factory=list)
    unfinished: int = 0
    """Mails whose last byte never came."""
    partial: bytearray = field(default_factory=bytearray)
    """What came of the content so far."""
    lines: list[str] = field(default_factory=list)
    """Commands or request lines, in order."""
    segments: list[bytes] = field(default_factory=list)
    """What each read gave, to see what was written at once."""
    _visits: dict[str, int] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Serve on a port of 127.0.0.1."""
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=self.tls if self.implicit else None
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def deserted(self) -> bool:
        """No connection is open."""
        return not self._tasks

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when something happened that makes this true."""
        async with self._news:
            await self._news.wait_for(holds)

    async def tell(self) -> None:
        """Something happened."""
        async with self._news:
            self._news.notify_all()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._readers[writer] = reader
        try:
            await self.serve(reader, writer)
        except (Ended, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            del self._readers[writer]
            self._tasks.discard(task)
            writer.close()
            await self.tell()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak the protocol."""
        raise NotImplementedError

    def action(self, stage: str) -> str | None:
        """What the script says to this visit of a stage."""
        scripted = self.script.get(stage)
        if isinstance(scripted, list):
            visit = self._visits.get(stage, 0)
            self._visits[stage] = visit + 1
            return str(scripted[min(visit, len(scripted) - 1)])
        return scripted

    async def act(self, action: str, writer: asyncio.StreamWriter) -> None:
        """Perform an action that no protocol knows; a reply is not one."""
        if action == "hang":
            while await self._readers[writer].read(65_536):
                pass
            raise Ended
        if action == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            raise Ended
        if action == "close":
            raise Ended
        if action.startswith("half:"):
            writer.write(action[5:].encode())
            with suppress(OSError):
                await writer.drain()
            raise Ended
        assert action.startswith("raw:"), action
        writer.write(action[4:].encode("latin-1"))


NO_REPLIES = ("close", "reset", "hang", "half:", "raw:")


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


class InProcess:
    """Takes messages apart in this very process: what the worker of a gateway does, without one."""

    async def ask(self, question: bytes) -> bytes:
        return packed(dissect(question))


def dissector() -> Dissector:
    """What a structured provider needs."""
    return Dissector(InProcess())


def relay(port: int, **more: Any) -> SmtpProvider:
    """The way out by SMTP, in plain text to a scripted server."""
    known: dict[str, Any] = {
        "name": ProviderName("relay"),
        "host": "127.0.0.1",
        "port": port,
        "tls": TlsMode.NONE,
        "dialer": SystemDialer(),
        "helo": "gateway.example",
    }
    return SmtpProvider(**(known | more))
