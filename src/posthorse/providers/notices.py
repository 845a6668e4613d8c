"""The port for notifications: what a provider tells of our mail afterwards, verified and read.

Steps, for they happen at different times. `turned_away` looks at header fields alone, so that nothing more is read from
a stranger who shows himself to be one. `verify` looks at the request while its sender waits: whether it is from the
provider, and what distinguishes it from others. `read` makes events of a body that is durable already, and may be
called for it any number of times; it is pure, and total: whatever it cannot make sense of is `Unreadable`, which costs
the notification, never the process.

Left out: the HTTP around it and the order of things (feedback), what an event does (the spool's rules).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from posthorse.mail.event import Event
from posthorse.mail.ids import ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One request to `/hooks/{provider}`."""

    headers: Mapping[str, str]
    """By name in lower case; of a header given twice, the values joined by `, `."""
    body: bytes
    """As it came: signatures are over these bytes."""
    now: int
    """Microseconds UTC."""
    peer: str = ""
    """Address it came from; empty: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Genuine:
    """It is from the provider."""

    key: bytes
    """16 bytes that tell a repetition."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What beside the body `read` needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """It is from the provider and was dealt with on the spot (a handshake): nothing to keep."""

    what: str
    """For the log: `subscription confirmed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forged:
    """It cannot be shown to be from the provider, or is not about us."""

    why: str
    """For the log and the metric: one of a closed list of words per provider; nothing of the request."""
    status: int = 403
    """What to answer: 401 asks for credentials (`WWW-Authenticate` is added), 403 is final, 503 asks to come again."""


class Unreadable(Exception):
    """A genuine notification that makes no sense to us; the text says where, without addresses."""

    def __init__(self, where: str, events: Sequence[Event] = ()) -> None:
        super().__init__(where)
        self.events = tuple(events)
        """What could be read beside it, where one notification tells of many things."""


class NotificationReader(Protocol):
    """How one provider tells of our mail."""

    @property
    def provider(self) -> ProviderName:
        """Whose notifications these are."""
        ...

    def turned_away(self, headers: Mapping[str, str], now: int) -> Forged | None:
        """What keeps a request out whatever its body is; None: its body must tell. Arguments as in `Incoming`."""
        ...

    async def verify(self, incoming: Incoming) -> Genuine | Attended | Forged:
        """Whether this is from the provider. May fetch a certificate from a place on its allow-list; never raises."""
        ...

    def read(self, body: bytes, facts: Mapping[str, str]) -> Sequence[Event]:
        """The events in a genuine body, one for each recipient; none for what concerns nobody. Raises `Unreadable`."""
        ...
