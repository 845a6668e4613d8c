"""One simulated provider: the fault it has now, what it remembers, and its open connections.

Duty: what the wire protocols (SMTP and the HTTP APIs) share. They ask for the fault at each step and report each
message they were offered; this hands what was taken to the mailbox, and what becomes of it to whoever tells of it
(`posthorse.lab.hooks`). Promises: a fault switched on or off acts on open connections at once, and every message
offered is counted under one verdict. The same object serves real sockets and the seeded world: time, chance and the
door are handed in. Left out: the wires themselves.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from posthorse.lab.fates import BARRING, LabFate, Mailing, Told, fate_of, told_of
from posthorse.lab.faults import Fault, FaultSetting, Shape
from posthorse.lab.mailbox import Mailbox


class Door(Protocol):
    """Where connections come in: what only a listening socket, or the world's network, can do."""

    async def open(self) -> None:
        """Take connections."""
        ...

    async def refuse(self) -> None:
        """Refuse every new connection."""
        ...

    async def swallow(self) -> None:
        """Let no new connection complete."""
        ...

    def reset(self, transport: asyncio.Transport) -> None:
        """End one connection with RST, dropping what was not sent."""
        ...


class Peer(Protocol):
    """One open connection, as the provider sees it."""

    def fault_changed(self) -> None:
        """Look at the provider's fault again."""
        ...

    def reset(self) -> None:
        """End with RST."""
        ...


class Verdict(Enum):
    """What the provider did with a message it was offered."""

    TAKEN = "taken"
    """Delivered and answered."""
    TAKEN_UNANSWERED = "taken_unanswered"
    """Delivered, and the client did not get a complete answer (yet)."""
    DROPPED = "dropped"
    """Answered as if delivered; it was not."""
    LOST = "lost"
    """Neither delivered nor answered."""
    REFUSED = "refused"
    """A complete no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One message a client offered, as the provider remembers it."""

    provider: str
    at: int
    """Microseconds UTC."""
    connection: int
    """Number of the connection, from 1."""
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    """The bytes as offered, dot-unstuffed."""
    verdict: Verdict
    answer: str
    """First line of what was answered; empty: nothing."""


class NoDoor:
    """A door for a provider nobody connects to by itself: it only resets."""

    async def open(self) -> None:
        """Nothing to do."""

    async def refuse(self) -> None:
        """Nothing to do."""

    async def swallow(self) -> None:
        """Nothing to do."""

    def reset(self, transport: asyncio.Transport) -> None:
        """End the connection."""
        transport.abort()


@dataclass(slots=True, kw_only=True, eq=False)
class SimulatedProvider:
    """State of one simulated provider; protocols of any wire share it."""

    name: str
    mailbox: Mailbox
    now: Callable[[], int]
    """Microseconds UTC."""
    dice: random.Random
    door: Door = field(default_factory=NoDoor)
    latency_s: float = 0.0
    """Every answer comes so much after what it answers, as over a long line."""
    scripts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By recipient: replies for its successive attempts, the last for good (`250 ...` takes it)."""
    fates: Mapping[str, LabFate] = field(default_factory=dict)
    """By recipient in lower case: what becomes of its mail at a provider that tells; others by their local part."""
    suppressed: frozenset[str] = frozenset()
    """Addresses in lower case that are on its list from the beginning."""
    tell: Callable[[Told], None] | None = None
    """Where everything goes that happens to mail; None: nobody asked for notifications."""
    keep: int = 10_000
    """How many exchanges are remembered with their bytes; older ones are only counted."""
    fault: FaultSetting | None = None
    counts: Counter[Verdict] = field(default_factory=Counter)
    connections_made: int = 0
    fault_since: int = 0
    _peers: dict[Peer, None] = field(default_factory=dict)
    _exchanges: deque[Exchange] = field(default_factory=deque)
    _script_steps: Counter[str] = field(default_factory=Counter)
    _barred: set[str] = field(default_factory=set)
    """What came onto its list since."""
    _end: asyncio.TimerHandle | None = None
    _ending: asyncio.Task[None] | None = None

    # --- faults -----------------------------------------------------------------------------------------------------

    async def set_fault(self, setting: FaultSetting | None, *, for_s: float | None = None) -> None:
        """Switch to this fault (None: none), for `for_s` seconds if given. Open connections follow at once."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        self.fault = setting
        self.fault_since = self.now()
        match setting.fault if setting else None:
            case Fault.REFUSE:
                await self.door.refuse()
                for peer in list(self._peers):
                    peer.reset()
            case Fault.NO_SYN_ACK:
                await self.door.swallow()
            case _:
                await self.door.open()
        for peer in list(self._peers):
            peer.fault_changed()
        if setting is not None and for_s is not None:
            self._end = asyncio.get_running_loop().call_later(for_s, self._begin_end)

    def has(self, shape: Shape) -> bool:
        """Whether the present fault, if any, shows itself in this way."""
        return self.fault is not None and self.fault.sheet.shape is shape

    @property
    def is_deaf(self) -> bool:
        """Whether open connections are not read now."""
        return self.fault is not None and self.fault.fault in (Fault.NEVER_READ, Fault.NO_SYN_ACK)

    @property
    def answer_delay_s(self) -> float:
        """How long after a request its answer leaves."""
        late = self.fault.delay_s if self.fault is not None and self.fault.fault is Fault.SLOW else 0.0
        return self.latency_s + late

    def _begin_end(self) -> None:
        self._end = None
        self._ending = asyncio.get_running_loop().create_task(self.set_fault(None))

    # --- connections ------------------------------------------------------------------------------------------------

    def join(self, peer: Peer) -> int:
        """A connection was made; answers its number."""
        self._peers[peer] = None
        self.connections_made += 1
        return self.connections_made

    def leave(self, peer: Peer) -> None:
        """A connection was lost."""
        self._peers.pop(peer, None)

    @property
    def connections_open(self) -> int:
        """How many clients are connected now."""
        return len(self._peers)

    def close(self) -> None:
        """Reset every connection and forget a fault's end."""
        if self._end is not None:
            self._end.cancel()
        for peer in list(self._peers):
            peer.reset()

    # --- messages ---------------------------------------------------------------------------------------------------

    def scripted(self, recipient: str) -> str | None:
        """The scripted reply for this attempt at a recipient; None: nothing is scripted."""
        replies = self.scripts.get(recipient)
        if not replies:
            return None
        step = self._script_steps[recipient]
        self._script_steps[recipient] += 1
        return replies[min(step, len(replies) - 1)]

    def fate_of(self, recipient: str) -> LabFate:
        """What becomes of mail to this address."""
        return fate_of(recipient, self.fates, self.suppressed | self._barred)

    def fate(self, mailing: Mailing, *, dropped: bool = False) -> tuple[str, ...]:
        """Decide what becomes of a mailing and tell it; the recipients it reaches. `dropped`: none, in silence."""
        fates = {one: LabFate.DROPPED if dropped else self.fate_of(one) for one in mailing.recipients}
        self._barred |= {one.lower() for one, fate in fates.items() if fate in BARRING}
        if self.tell is not None:
            for told in told_of(mailing, fates):
                self.tell(told)
        return tuple(one for one in mailing.recipients if fates[one].arrives)

    def remember(self, exchange: Exchange, *, delivered_apart: bool = False) -> None:
        """Count and keep one exchange; deliver it as offered if it was taken, unless that was done apart."""
        self.counts[exchange.verdict] += 1
        if exchange.verdict in (Verdict.TAKEN, Verdict.TAKEN_UNANSWERED) and not delivered_apart:
            self.deliver(exchange.recipients, exchange.content, exchange.at)
        if self.keep:
            self._exchanges.append(exchange)
            if len(self._exchanges) > self.keep:
                self._exchanges.popleft()

    def deliver(self, recipients: Sequence[str], content: bytes, at: int) -> None:
        """Put mail into mailboxes."""
        self.mailbox.deliver(provider=self.name, recipients=recipients, content=content, at=at)

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """The latest exchanges, oldest first, at most `keep`."""
        return tuple(self._exchanges)

    def forget(self) -> None:
        """Forget exchanges, counts, the steps of scripts and who was barred; connections and the fault stay."""
        self._exchanges.clear()
        self._barred.clear()
        self.counts.clear()
        self._script_steps.clear()
