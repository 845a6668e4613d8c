"""What the provider suites share: a gate that remembers, a message to send, and the ways out they are tried on."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

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
