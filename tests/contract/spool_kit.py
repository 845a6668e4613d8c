"""What the spool's contract suite is written with: a clock that is set by hand, ids, and short words for the calls."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from posthorse.control.commands import DeskSpool
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, AttemptId, MessageId, NodeId, ProviderName
from posthorse.mail.outcome import Fault, Handover, Outcome, Reply, Scope, Unclear
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.clerk import Clerk
from posthorse.spool.desk_port import Hold, RecipientView, Selector, Suppression
from posthorse.spool.inbox_port import SpoolInbox
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import (
    Admitted,
    HistoryRow,
    LeasedGroup,
    LeaseRequest,
    NewMessage,
    Released,
    ReleaseMark,
    ReleaseVerdict,
    Settled,
    Settlement,
    Spool,
)
from posthorse.spool.sqlite import SqliteSpool

NODE = NodeId("node-1")
RELAY = ProviderName("relay")
HOUR = 3_600 * SECOND
DAY = 24 * HOUR

HANDOVER = Handover(reply=Reply(code=250, text="2.0.0 Ok: queued as 4Xyz"), provider_message_id="4Xyz")
FAULT = Fault(scope=Scope.PROVIDER, reply=Reply(text="connection refused"))
UNCLEAR = Unclear(reply=Reply(text="no answer in 10 s"))


class HandClock:
    """Port `Clock`, moved by hand."""

    def __init__(self) -> None:
        self.at = 1_750_000_000 * SECOND

    def now(self) -> int:
        """Wall clock in microseconds."""
        return self.at

    def monotonic(self) -> float:
        """The same moment in seconds."""
        return self.at / SECOND

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.at += int(seconds * SECOND)


class FullSpool(Spool, DeskSpool, Protocol):
    """Every port, as every adapter has them."""

    @property
    def inbox(self) -> SpoolInbox:
        """Its side for what is learnt back."""
        ...


@dataclass(slots=True)
class World:
    """One spool under test with its clock, and short words for the common calls."""

    spool: FullSpool
    clock: HandClock
    made: int = 0
    names: dict[MessageId, str] = field(default_factory=dict)

    def new_id(self) -> bytes:
        """16 bytes, rising."""
        self.made += 1
        return self.made.to_bytes(16, "big")

    def message(self, *recipients: str, **fields: Any) -> NewMessage:
        """A message to these recipients (one by default); fields of `NewMessage` override the usual."""
        usual: dict[str, Any] = {
            "id": MessageId(self.new_id()),
            "tenant": MAIN_TENANT,
            "stream": Stream.STANDARD,
            "sender": "app@shop.example",
            "recipients": recipients or ("ann@example.com",),
            "body": b"Subject: hello\r\n\r\nworld\r\n",
            "deadline_us": DAY,
            "copies_allowed": 2,
        }
        return NewMessage(**{**usual, **fields})

    async def admit(self, *recipients: str, **fields: Any) -> Admitted:
        """Admit one message, which must be stored."""
        (answer,) = await self.spool.admit([self.message(*recipients, **fields)])
        assert isinstance(answer, Admitted)
        return answer

    async def admit_leased(self, *recipients: str, **fields: Any) -> LeasedGroup:
        """Admit one message, leased in the same transaction."""
        admitted = await self.admit(*recipients, lease_for=NODE, **fields)
        assert admitted.lease is not None
        return admitted.lease

    async def lease(self, **fields: Any) -> Sequence[LeasedGroup]:
        """Lease what is due of the standard stream."""
        return await self.spool.lease(LeaseRequest(**{"node": NODE, "stream": Stream.STANDARD, "limit": 100, **fields}))

    def mark(self, group: LeasedGroup, **fields: Any) -> ReleaseMark:
        """The release mark of a whole group."""
        usual: dict[str, Any] = {
            "message_id": group.message.id,
            "attempt": AttemptId(self.new_id()),
            "provider": RELAY,
            "recipients": tuple((recipient.n, recipient.fence) for recipient in group.recipients),
            "answer_by_us": 10 * SECOND,
        }
        return ReleaseMark(**{**usual, **fields})

    async def try_release(self, group: LeasedGroup, **fields: Any) -> ReleaseVerdict:
        """Ask for the release of a group."""
        (verdict,) = await self.spool.release([self.mark(group, **fields)])
        return verdict

    async def release(self, group: LeasedGroup, **fields: Any) -> None:
        """Release a group, which must be allowed."""
        assert isinstance(await self.try_release(group, **fields), Released)

    async def settle(
        self, group: LeasedGroup, outcome: Outcome | None, *, released: bool = True, n: int | None = None, **fields: Any
    ) -> Settled:
        """Settle one recipient of a group (the first by default)."""
        (result,) = await self.spool.settle([self.settlement(group, outcome, released=released, n=n, **fields)])
        return result

    def settlement(
        self, group: LeasedGroup, outcome: Outcome | None, *, released: bool = True, n: int | None = None, **fields: Any
    ) -> Settlement:
        """The settlement of one recipient of a group (the first by default)."""
        recipient = next(r for r in group.recipients if n is None or r.n == n)
        usual: dict[str, Any] = {
            "message_id": group.message.id,
            "n": recipient.n,
            "fence": recipient.fence,
            "outcome": outcome,
            "provider": RELAY,
            "released": released,
        }
        return Settlement(**{**usual, **fields})

    async def in_doubt(self, *recipients: str, **fields: Any) -> LeasedGroup:
        """Admit a message and leave its first recipient in doubt; answers the group of the doubtful attempt."""
        next_at = fields.pop("next_at", None)
        group = await self.admit_leased(*recipients, **fields)
        await self.release(group)
        assert await self.settle(group, UNCLEAR, next_at=next_at) is Settled.APPLIED
        return group

    async def view(self, message_id: MessageId, n: int = 0) -> RecipientView:
        """One recipient as it stands."""
        (found,) = await self.spool.select(Selector(message_id=message_id, n=n), 2)
        return found

    async def carriage(self, message_id: MessageId, n: int = 0) -> Carriage:
        """Where one recipient stands."""
        return (await self.view(message_id, n)).carriage

    async def told(self, message_id: MessageId, n: int = 0) -> list[HistoryRow]:
        """The history of one recipient, with what is about its message."""
        return [fact for fact in await self.spool.history(message_id) if fact.n in (-1, n)]

    async def moves(self, message_id: MessageId, n: int = 0) -> list[str]:
        """The moves of one recipient in short: `queued>leased:lease`."""
        return [
            f"{fact.old.value}>{fact.new.value}:{fact.cause.value}"
            for fact in await self.told(message_id, n)
            if fact.old and fact.new and fact.cause
        ]

    async def suppress(self, address: str, **fields: Any) -> None:
        """Put an address on the list."""
        usual: dict[str, Any] = {
            "tenant": MAIN_TENANT,
            "reason": "hard bounce",
            "source": "operator:ann",
            "created_at": self.clock.now(),
        }
        await self.spool.suppress(Suppression(address=address, **{**usual, **fields}))

    async def hold(self, **selector: Any) -> Hold:
        """Set a hold."""
        return await self.spool.hold(Hold(selector=Selector(**selector), reason="incident", by="ann"))


Story = Callable[[World], Awaitable[None]]


@asynccontextmanager
async def opened(kind: str, folder: Path, clerk: Clerk | None = None) -> AsyncIterator[World]:
    """A fresh spool of one kind in a world of its own."""
    clock = HandClock()
    spool: FullSpool
    if kind == "memory":
        spool = MemorySpool(clock=clock, clerk=clerk)
    else:
        spool = await SqliteSpool.open(str(folder / "spool.db"), clock=clock, clerk=clerk, switch_interval_s=None)
    try:
        yield World(spool=spool, clock=clock)
    finally:
        await spool.close()
