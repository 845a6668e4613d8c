"""The spool's side for what is learnt back: notifications kept as they came, and the events read from them.

Promise: a notification is durable when `take_in` returns; the same one is kept once. An event is applied once, whatever
the order and number of its repetitions, and only to a recipient whose mail the provider that tells of it was given: an
event about anything else moves nothing and suppresses nobody. Every adapter promises all of it.

Left out: who may send notifications, and what they mean (`posthorse.providers`); when they are read (feedback).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from posthorse.mail.event import Event
from posthorse.mail.ids import ProviderName
from posthorse.mail.message import Message

EVENTS_KEPT_US = 7 * 86_400_000_000
"""A repetition of an event is told for seven days at least, and as long as its message is kept; so long may a provider
go on repeating itself.
"""


AT_NEXT_START = 1 << 62
"""A time that does not come: what is due then waits until `offer_again`."""

UNKNOWN_MAIL = "it tells of mail that this provider was not given, as far as is known"
"""The note on a notification with an event of which nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One verified notification of a provider, as it came."""

    provider: ProviderName
    key: bytes
    """16 bytes: tells a repetition (of the provider's id for it, else a digest of the body)."""
    body: bytes
    facts: Mapping[str, str] = field(default_factory=dict)
    """What beside the body is needed to read it (a header, a query); mostly empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotification:
    """A notification that waits to be read."""

    seq: int
    notification: Notification
    received_at: int
    """By the spool's clock, microseconds UTC."""
    tries: int
    """How often it was digested and offered again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digestion:
    """What was read from one stored notification, or from a part of it."""

    seq: int
    events: tuple[Event, ...]
    again_us: int | None = None
    """If an event is about mail that is not known (yet), offer the notification again after so long; None: never."""
    note: str = ""
    """Why it could not be read; empty: it could."""
    unread: bool = False
    """It could not be read wholly by who tried: it waits for the next start, as long as bodies are kept."""
    more_follows: bool = False
    """The rest comes in another digestion: it stays as it is, and is read again from its beginning if that fails."""
    unknown_before: bool = False
    """An event of an earlier part is about mail that is not known (yet)."""


class Learnt(Enum):
    """What became of an event."""

    APPLIED = "applied"
    """It moved something, or is at least new to the history."""
    REPEATED = "repeated"
    """It was known."""
    UNKNOWN = "unknown"
    """No such mail was given to that provider, as far as is known now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondCopy:
    """An event was applied, and it proves a second copy of this recipient's mail."""

    message: Message
    n: int


Learning = Learnt | SecondCopy
"""What is answered of one event."""


class SpoolInbox(Protocol):
    """What feedback asks of the spool; each call is one transaction.

    An event counts only if its provider was given a copy of that recipient's mail; recipients are found by address,
    in whatever spelling. One that names no recipient is about the only one there is, else about the message as a
    whole: then it is kept in the history and is nobody's fate. What was read is dropped by the desk's `purge`, as
    bodies are, and so is what waits for the next start.
    """

    async def take_in(self, batch: Sequence[Notification]) -> Sequence[bool]:
        """Keep notifications; False for one that was kept before. The answer to the sender follows this."""
        ...

    async def undigested(self, limit: int) -> Sequence[StoredNotification]:
        """Notifications that wait to be read and whose time has come, oldest first."""
        ...

    async def offer_again(self, limit: int) -> int:
        """Have notifications that could not be read due now, at most so many; how many there were. For each start and
        change of readers: what read them may have been mended, or be configured again.
        """
        ...

    async def digest(self, batch: Sequence[Digestion]) -> Sequence[Sequence[Learning]]:
        """Apply the events of each notification and mark it as read (or due again); what became of each event."""
        ...
