"""An inbox and a loop for tests: a reader whose word is what the body says, and everything that was told."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from posthorse.feedback.digesting import Digesting
from posthorse.feedback.inbox import Inbox
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MAIN_TENANT, MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.stream import Stream
from posthorse.providers.notices import Attended, Forged, Genuine, Incoming, Unreadable
from posthorse.spool.inbox_port import (
    AT_NEXT_START,
    Digestion,
    Learning,
    Learnt,
    Notification,
    SecondCopy,
    SpoolInbox,
    StoredNotification,
)
from posthorse.spool.port import SpoolUnavailable

T = TypeVar("T")

MESSAGE = Message(
    id=MessageId(bytes(16)),
    tenant=MAIN_TENANT,
    stream=Stream.STANDARD,
    sender="app@shop.example",
    size_bytes=1,
    accepted_at=0,
    expires_at=1,
)

RELAY = ProviderName("relay")


class HandClock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.at = 1_772_446_540_000_000

    def now(self) -> int:
        """Microseconds UTC."""
        return self.at

    def monotonic(self) -> float:
        """Seconds."""
        return self.at / 1e6


class FakeReader:
    """Obeys the body: `{"verdict": ..., "events": [[kind, recipient], ...]}`."""

    provider = RELAY

    def __init__(self) -> None:
        self.gate: asyncio.Event | None = None
        """Until it is set nobody is verified."""
        self.broken = False
        self.reads = 0

    def turned_away(self, headers: Mapping[str, str], now: int) -> Forged | None:
        """As the header field `away` says."""
        del now
        return Forged(why="credentials", status=int(headers["away"])) if "away" in headers else None

    async def verify(self, incoming: Incoming) -> Genuine | Attended | Forged:
        """As the body says."""
        if self.gate is not None:
            await self.gate.wait()
        if incoming.body == b"bug":
            raise ValueError(f"secret {incoming.body!r} {incoming.headers}")
        asked = json.loads(incoming.body)
        match asked.get("verdict", "genuine"):
            case "genuine":
                return Genuine(key=str(asked.get("key", "k")).ljust(16).encode()[:16], facts={"a": "b"})
            case "attended":
                return Attended(what="subscription confirmed")
            case status:
                return Forged(why="signature", status=int(status))

    def read(self, body: bytes, facts: Mapping[str, str]) -> Sequence[Event]:
        """As the body says."""
        self.reads += 1
        asked = json.loads(body)
        if asked.get("bug") or self.broken:
            raise KeyError("ada@example.net")
        events = [event(*each, n=n, key=str(asked.get("key", "k"))) for n, each in enumerate(asked.get("events", []))]
        if asked.get("unreadable"):
            raise Unreadable(asked["unreadable"], events)
        return events


def event(kind: str, recipient: str, *, n: int = 0, key: str = "k") -> Event:
    """One event."""
    return Event(
        provider=RELAY,
        key=f"{key}-{n}",
        kind=EventKind(kind),
        at=1,
        recipient=recipient,
        provider_message_id="theirs",
    )


@dataclass
class Told:
    """Implements both observers by writing down."""

    lines: list[tuple[Any, ...]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def notification_taken(self, provider: ProviderName, duration_s: float, *, repeated: bool) -> None:
        self.lines.append(("repeated" if repeated else "taken", provider))

    def notification_attended(self, provider: ProviderName, what: str) -> None:
        self.lines.append(("attended", provider, what))

    def notification_refused(self, provider: ProviderName, why: str, peer: str) -> None:
        self.lines.append(("refused", provider, why))

    def learnt(self, event: Event, *, second_copy: SecondCopy | None) -> None:
        self.lines.append(("learnt", event.kind.value, event.recipient, second_copy is not None))

    def event_unknown(self, event: Event) -> None:
        self.lines.append(("unknown", event.kind.value, event.recipient))

    def notification_unreadable(self, provider: ProviderName, where: str) -> None:
        self.lines.append(("unreadable", provider, where))

    def spool_trouble(self, where: str, error: BaseException) -> None:
        self.lines.append(("spool_trouble", where))

    def bug(self, where: str, error: BaseException) -> None:
        self.lines.append(("bug", where))
        self.errors.append(error)


class ScriptedInbox:
    """A spool's inbox of which a test decides what is known and when it fails; it keeps to the port otherwise."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.kept: dict[int, StoredNotification] = {}
        self.due: dict[int, int] = {}
        self.notes: dict[int, str] = {}
        self.seen: set[str] = set()
        self.known: set[str] = set()
        """Recipients about whom events are about mail that was given."""
        self.second_copies: set[str] = set()
        self.failing = False
        self.digested: list[list[int]] = []
        self.asked: list[int] = []

    async def take_in(self, batch: Sequence[Notification]) -> Sequence[bool]:
        """Keep what is new."""
        await asyncio.sleep(0)
        self._fail()
        return [self._take(one) for one in batch]

    def _take(self, one: Notification) -> bool:
        if any(stored.notification.key == one.key for stored in self.kept.values()):
            return False
        seq = len(self.kept) + 1
        self.kept[seq] = StoredNotification(seq=seq, notification=one, received_at=self._clock.now(), tries=0)
        self.due[seq] = self._clock.now()
        return True

    async def undigested(self, limit: int) -> Sequence[StoredNotification]:
        """What is due."""
        self._fail()
        self.asked.append(limit)
        now = self._clock.now()
        due = sorted((at, seq) for seq, at in self.due.items() if at <= now)
        return [self.kept[seq] for _, seq in due[:limit]]

    async def offer_again(self, limit: int) -> int:
        """What was closed unread is due."""
        self._fail()
        unread = [seq for seq, at in self.due.items() if at == AT_NEXT_START][:limit]
        self.due.update(dict.fromkeys(unread, self._clock.now()))
        return len(unread)

    async def digest(self, batch: Sequence[Digestion]) -> Sequence[Sequence[Learning]]:
        """Apply what is known."""
        await asyncio.sleep(0)
        self._fail()
        self.digested.append([digestion.seq for digestion in batch])
        return [self._digest(digestion) for digestion in batch]

    def _digest(self, digestion: Digestion) -> Sequence[Learning]:
        results = [self._learn(each) for each in digestion.events]
        if digestion.more_follows:
            return results
        del self.due[digestion.seq]
        unknown = (digestion.unknown_before or Learnt.UNKNOWN in results) and digestion.again_us is not None
        if unknown or digestion.unread:
            stored = self.kept[digestion.seq]
            self.kept[digestion.seq] = StoredNotification(
                seq=stored.seq,
                notification=stored.notification,
                received_at=stored.received_at,
                tries=stored.tries + 1,
            )
            self.due[digestion.seq] = self._clock.now() + (digestion.again_us or 0) if unknown else AT_NEXT_START
        self.notes[digestion.seq] = digestion.note
        return results

    def _learn(self, each: Event) -> Learning:
        if each.recipient not in self.known:
            return Learnt.UNKNOWN
        if each.key in self.seen:
            return Learnt.REPEATED
        self.seen.add(each.key)
        return SecondCopy(message=MESSAGE, n=0) if each.recipient in self.second_copies else Learnt.APPLIED

    def _fail(self) -> None:
        if self.failing:
            raise SpoolUnavailable("disk full")


class HereOffload:
    """Runs work at once, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result."""
        self.runs += 1
        return work()


class Site:
    """An inbox and its loop on a scripted spool, or on another."""

    def __init__(self, spool: SpoolInbox | None = None) -> None:
        self.clock = HandClock()
        self.scripted = ScriptedInbox(self.clock)
        self.reader = FakeReader()
        self.told = Told()
        self.offload = HereOffload()
        self.spool: SpoolInbox = spool or self.scripted
        self.digesting = Digesting(
            spool=self.spool, readers={RELAY: self.reader}, clock=self.clock, offload=self.offload, observer=self.told
        )
        self.inbox = Inbox(
            spool=self.spool,
            readers={RELAY: self.reader},
            clock=self.clock,
            observer=self.told,
            arrived=self.digesting.wake,
        )

    async def post(
        self,
        body: bytes | dict[str, Any],
        *,
        path: str = "/hooks/relay",
        method: str = "POST",
        peer: str = "192.0.2.1",
        headers: Sequence[tuple[bytes, bytes]] | None = None,
        pieces: Sequence[dict[str, Any]] | None = None,
        left: list[dict[str, Any]] | None = None,
    ) -> "Reply":
        """One request; `pieces`: what the server hands over instead of the whole body; `left`: from this very list."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        waiting = (
            left if left is not None else list(pieces or [{"type": "http.request", "body": raw, "more_body": False}])
        )
        reply = Reply()

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                reply.body += message["body"]

        length = [(b"content-length", str(len(raw)).encode())]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "client": (peer, 1),
            "headers": length if headers is None else headers,
        }
        await self.inbox(scope, receive, send)
        return reply

    async def keep(self, *bodies: dict[str, Any]) -> None:
        """Have these in the spool."""
        for n, body in enumerate(bodies):
            key = str(body.get("key", f"k{n}{len(self.scripted.kept)}")).ljust(16).encode()[:16]
            await self.spool.take_in([Notification(provider=RELAY, key=key, body=json.dumps(body).encode())])


@dataclass
class Reply:
    """What the inbox answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
