"""What a simulated provider tells of mail that reached it: in any order, late, twice, never; and of mail it never had.

Everything is drawn from the seed. A notification is tried a few times at nodes of its choice, like those of real
providers, and given up when nobody takes it. Left out: how it travels (`posthorse.lab.world.tidings`).
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from posthorse.lab.world.tidings import HOOKS_PORT, line_of
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId, ProviderName

TRIES = 6
PATIENCE_S = 30.0
LATE_S = (0.0, 0.05, 0.5, 3.0, 20.0, 90.0)
"""How long after its arrival something is told."""
LOST, TWICE, FORGED = 0.08, 0.15, 0.15
"""Shares of the events that are never told, or told twice, and of the arrivals that come with a forged one."""
BY_OWN_ID = 0.5
"""Share of the events that name mail by the provider's own id only, where it has one."""

_LIVES: tuple[tuple[EventKind, ...], ...] = (
    (EventKind.TAKEN, EventKind.DELIVERED),
    (EventKind.DELIVERED,),
    (EventKind.TAKEN, EventKind.DEFERRED, EventKind.DELIVERED, EventKind.OPENED),
    (EventKind.DELIVERED, EventKind.COMPLAINED),
    (EventKind.TAKEN, EventKind.HARD_BOUNCED),
    (EventKind.DEFERRED, EventKind.SOFT_BOUNCED),
    (EventKind.DELIVERED, EventKind.HARD_BOUNCED),
    (EventKind.DROPPED,),
    (EventKind.TAKEN,),
    (),
)
"""What may become of mail, event by event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Somebody's mail, as a forger would name it."""

    message_id: MessageId
    recipient: str


@dataclass(slots=True, kw_only=True)
class Informant:
    """Tells for one provider."""

    provider: ProviderName
    nodes: Sequence[str]
    dice: random.Random
    now: Callable[[], int]
    """Microseconds UTC."""
    spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object]
    """Runs a coroutine function in the provider's process."""
    marks: Callable[[], Sequence[Mark]]
    """Mail that a forger may have heard of."""
    taken: Callable[[ProviderName, Sequence[Event]], None]
    """A node said that it keeps these events."""
    forged: Callable[[ProviderName, str], None]
    """Told of the key of an event about mail that never came here."""
    busy: int = 0
    """Notifications that are still to be told."""
    _numbers: "count[int]" = field(default_factory=count)

    def arrived(self, message: str, recipients: Sequence[str], own_id: str = "") -> None:
        """Mail reached this provider: plan what is told of it; `own_id`: this provider's own id, if it has one."""
        message_id = MessageId(bytes.fromhex(message))
        for recipient in recipients:
            for kind in self.dice.choice(_LIVES):
                event = self._event(kind, message_id, recipient)
                if own_id and self.dice.random() < BY_OWN_ID:
                    event = replace(event, message_id=None, provider_message_id=own_id)
                if self.dice.random() >= LOST:
                    self._plan([event])
                if self.dice.random() < TWICE:
                    self._plan([event])
        if self.dice.random() < FORGED:
            self._forge()

    def _forge(self) -> None:
        """Something about mail nobody sent, and about mail that may never have come here."""
        kind = self.dice.choice((EventKind.HARD_BOUNCED, EventKind.COMPLAINED, EventKind.DELIVERED))
        somebody = f"person{self.dice.randrange(200)}@mail0.example"
        mark = self.dice.choice(self.marks())
        lies = [
            self._event(kind, MessageId(self.dice.randbytes(16)), somebody),
            self._event(kind, mark.message_id, mark.recipient),
        ]
        for event in lies:
            self.forged(self.provider, event.key)
        self._plan(lies)

    def _event(self, kind: EventKind, message_id: MessageId, recipient: str) -> Event:
        at = self.dice.choice((0, self.now(), 4_070_908_800_000_000))  # it does not say, now, in 2099
        spelt = recipient.upper() if self.dice.random() < 0.2 else recipient
        key = f"{self.provider}-{next(self._numbers)}"
        return Event(provider=self.provider, key=key, kind=kind, at=at, recipient=spelt, message_id=message_id)

    def _plan(self, events: Sequence[Event]) -> None:
        late_s = self.dice.choice(LATE_S) * self.dice.random()
        line = line_of(self.provider, next(self._numbers), events)
        self.busy += 1
        self.spawn(lambda: self._tell(late_s, line, events))

    async def _tell(self, late_s: float, line: bytes, events: Sequence[Event]) -> None:
        await asyncio.sleep(late_s)
        for attempt in range(TRIES):
            if await _told(self.dice.choice(self.nodes), line):
                self.taken(self.provider, events)
                break
            await asyncio.sleep(2.0**attempt * self.dice.random())
        self.busy -= 1


async def _told(node: str, line: bytes) -> bool:
    """Whether a node says that it keeps a notification."""
    writer = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(node, HOOKS_PORT)
            writer.write(line)
            return await reader.readline() == b"200\n"
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()
