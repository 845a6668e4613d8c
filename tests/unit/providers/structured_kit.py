"""What the tests of structured providers share: a worker in this process, an exchange that remembers, mail to send."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.ports import HttpRequest, HttpResponse, NoAnswer, NotReleased, Target
from posthorse.mail.stream import Stream
from posthorse.providers.mime.dissect import dissect
from posthorse.providers.mime.dissection import packed
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.port import HandoverGroup, Obstacle
from posthorse.providers.postmark import postmark_provider
from posthorse.providers.recomposed import RecomposedProvider
from posthorse.providers.sendgrid import sendgrid_provider

KINDS = pytest.mark.parametrize("kind", ["sendgrid", "postmark"])
ID = MessageId(bytes(range(16)))
YES = {
    "sendgrid": HttpResponse(status=202, headers={"x-message-id": "sg-1"}),
    "postmark": HttpResponse(status=200, body=b'{"ErrorCode":0,"Message":"OK","MessageID":"pm-1"}'),
}
PLAIN = (
    b"X-Posthorse-Id: 00\r\nFrom: Ann <ann@example.com>\r\nTo: b@example.org\r\nSubject: s\r\n"
    b"Message-ID: <1@example.com>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\nHello\r\n"
)


class InlineWorker:
    """Takes messages apart at once, in this process; or has no answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.down: NoAnswer | None = None

    async def ask(self, question: bytes) -> bytes:
        """As the port says."""
        self.asked += 1
        if self.down is not None:
            raise self.down
        return packed(dissect(question))


@dataclass
class Recorder:
    """An exchange that answers from a script, or yes, and remembers the requests."""

    yes: HttpResponse
    script: list[HttpResponse | Exception] = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)
    kept_back: int = 0
    prepared: list[tuple[Target, int]] = field(default_factory=list)

    async def exchange(self, request: HttpRequest, *, before_last_bytes: Callable[[], Awaitable[bool]]) -> HttpResponse:
        """As the port says."""
        self.requests.append(request)
        answer = self.script.pop(0) if self.script else self.yes
        if isinstance(answer, Exception) and str(answer).startswith("early"):
            raise answer
        if not await before_last_bytes():
            self.kept_back += 1
            raise NotReleased("kept back")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def prepare(self, target: Target, connections: int) -> None:
        """As the port says."""
        self.prepared.append((target, connections))


@dataclass
class Bench:
    """One provider and what surrounds it."""

    provider: RecomposedProvider
    exchange: Recorder
    worker: InlineWorker

    @property
    def sent(self) -> Any:
        """The last request, decoded."""
        return json.loads(self.exchange.requests[-1].body)


def bench(kind: str, **settings: Any) -> Bench:
    """A provider of this kind."""
    worker, exchange = InlineWorker(), Recorder(YES[kind])
    common: dict[str, Any] = {
        "name": ProviderName("it"),
        "dissector": Dissector(worker),
        "exchange": exchange,
        "clock": SystemClock(),
    }
    if kind == "sendgrid":
        return Bench(sendgrid_provider(api_key="SG.key", **common, **settings), exchange, worker)
    return Bench(postmark_provider(server_token="token", **common, **settings), exchange, worker)


def group(*addresses: str, body: bytes = PLAIN, message_id: MessageId = ID) -> HandoverGroup:
    """A handover group; its recipients are numbered from 3."""
    message = Message(
        id=message_id,
        tenant=MAIN_TENANT,
        stream=Stream.STANDARD,
        sender="bounces@example.com",
        size_bytes=len(body),
        accepted_at=1,
        expires_at=2,
    )
    return HandoverGroup(message=message, body=body, recipients=tuple(enumerate(addresses or ("b@example.org",), 3)))


async def yes(_: Sequence[int]) -> bool:
    """The release is durable."""
    return True


async def no(_: Sequence[int]) -> bool:
    """The release is refused."""
    return False


def files_of(kind: str, request: Any) -> list[tuple[str, str, str, bytes]]:
    """(name, type, content id, content) of each file in a request."""
    if kind == "sendgrid":
        return [
            (
                file["filename"],
                file["type"],
                file.get("content_id", ""),
                base64.b64decode(file["content"], validate=True),
            )
            for file in request.get("attachments", [])
        ]
    return [
        (
            file["Name"],
            file["ContentType"],
            file.get("ContentID", "").removeprefix("cid:"),
            base64.b64decode(file["Content"], validate=True),
        )
        for file in request.get("Attachments", [])
    ]


def surveyed(survey: Coroutine[Any, Any, Obstacle | None]) -> str:
    """What a survey says, in words; empty: nothing speaks against it."""
    obstacle = asyncio.run(survey)
    return "" if obstacle is None else obstacle.why
