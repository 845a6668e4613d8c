"""The spool's side for operators: what commands, metrics and retention ask of it; same transactions, same rules.

Never on the hot path (`posthorse.spool.port`). Every adapter promises both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.stream import Stream
from posthorse.spool.port import HistoryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientView:
    """One recipient as an operator sees it."""

    message: Message
    n: int
    address: str
    carriage: Carriage
    fate: Fate
    fence: int
    attempts: int
    copies_released: int
    copies_allowed: int
    next_at: int | None
    lease_until: int | None
    tried: tuple[ProviderName, ...]
    withdrawn: str
    """`cancelled`, `superseded` or empty."""
    hold: int | None
    provider: ProviderName
    """Where its latest attempt went; empty: none yet."""
    rested_at: int | None = None
    """When duty ended, microseconds UTC; None: it has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """Not confirmed: handed over by one of these providers, and nobody has told what became of it."""

    providers: frozenset[ProviderName]
    """Those that would tell."""
    before: int
    """Only what was handed over before this time, microseconds UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which recipients a command is about; empty fields do not restrict."""

    tenant: Tenant | None = None
    message_id: MessageId | None = None
    n: int | None = None
    carriage: Carriage | None = None
    fate: Fate | None = None
    stream: Stream | None = None
    sender_domain: str = ""
    recipient_domain: str = ""
    before_id: MessageId | None = None
    """Page: only messages older than this id."""
    unconfirmed: Unconfirmed | None = None


class Decision(Enum):
    """What a person, or the client, decides about waiting or doubtful recipients."""

    CANCEL = "cancel"
    """What waits ends; in doubt: it ends, too, as a person takes upon himself."""
    WITHDRAW = "withdraw"
    """What waits ends; in doubt: it stays so, and gets no further copy."""
    RETRY_NOW = "retry_now"
    """Due at once, a new round over all providers. In doubt: only if the budget allows."""
    ANOTHER_COPY = "another_copy"
    """Raise the budget by one and try again, knowing that it may arrive twice."""
    WAS_HANDED_OVER = "was_handed_over"
    """In doubt: take it as handed over."""
    WAS_NOT_SENT = "was_not_sent"
    """In doubt: take it as never sent; back to the queue with its copy given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address we must not mail."""

    tenant: Tenant
    address: str
    """The key of the address (`posthorse.mail.address_key`)."""
    reason: str
    source: str
    """Whose list: `operator:NAME`, `provider:NAME`, a customer."""
    created_at: int
    expires_at: int | None = None
    event_key: str = ""
    """The event that put it there; empty: none did."""
    message_id: MessageId | None = None
    """The message which that event was about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A pause on matching mail, set by a person; `id` 0 before it is stored."""

    id: int = 0
    selector: Selector
    reason: str
    by: str
    created_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A standing order of a person: `paused`, `ejected:PROVIDER`, `failover`..."""

    key: str
    value: str
    by: str
    at: int
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An access key kept in the spool; its secret sealed with the key file."""

    id: str
    tenant: Tenant
    sealed_secret: bytes
    created_at: int
    revoked_at: int | None = None
    note: str = ""


def sealed_secrets(keys: Iterable[StoredKey]) -> Mapping[str, bytes]:
    """What the key file must open, by key id: the secrets of all keys that are not revoked."""
    return {key.id: key.sealed_secret for key in keys if key.revoked_at is None}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """How many recipients stand where, and how long the oldest waits."""

    by_carriage: Mapping[tuple[Stream, Carriage], int]
    """Live states exactly; ends of duty as far as retention keeps them."""
    oldest_waiting: Mapping[Stream, int]
    """Acceptance time of the oldest queued recipient that is due and not held, microseconds UTC."""


MOST_COUNTED = 100_000
"""So many not confirmed ones are counted for each provider."""


class SpoolDesk(Protocol):
    """The operator's calls: never on the hot path, same transactions and rules."""

    async def select(self, selector: Selector, limit: int) -> Sequence[RecipientView]:
        """Matching recipients, newest message first."""
        ...

    async def history(self, message_id: MessageId) -> Sequence[HistoryRow]:
        """All that happened to one message, oldest first."""
        ...

    async def body(self, message_id: MessageId) -> bytes | None:
        """The stored bytes; None: unknown, or dropped by retention."""
        ...

    async def counts(self) -> QueueCounts:
        """For metrics and `queue list`; cheap enough to run every few seconds with a million queued."""
        ...

    async def count_unconfirmed(self, which: Unconfirmed) -> Mapping[ProviderName, int]:
        """How many recipients each of the providers has not confirmed; beyond `MOST_COUNTED` that number."""
        ...

    async def decide(self, selector: Selector, decision: Decision, by: str, limit: int) -> int:
        """Apply a person's decision; answers how many recipients moved."""
        ...

    async def hold(self, hold: Hold) -> Hold:
        """Set a hold: it stops matching mail, waiting now or accepted later, before its release."""
        ...

    async def unhold(self, hold_id: int) -> int:
        """Lift a hold; answers how many recipients go on."""
        ...

    async def holds(self) -> Sequence[Hold]:
        """Holds in force, oldest first."""
        ...

    async def suppress(self, entry: Suppression) -> None:
        """Add or replace; waiting recipients of that address end as suppressed when they are next touched."""
        ...

    async def unsuppress(self, tenant: Tenant, address: str) -> bool:
        """Take an address off the list; False: it was not on it."""
        ...

    async def suppressions(self, tenant: Tenant | None, after: str, limit: int) -> Sequence[Suppression]:
        """Entries behind the address `after`, in the order of addresses; with those that ran out."""
        ...

    async def order(self, control: Control) -> None:
        """Set a standing order, replacing one with the same key."""
        ...

    async def lift(self, key: str) -> bool:
        """End a standing order; False: there was none."""
        ...

    async def orders(self) -> Sequence[Control]:
        """Standing orders that are in force now."""
        ...

    async def put_key(self, key: StoredKey) -> None:
        """Add an access key, or replace the one with its id."""
        ...

    async def keys(self) -> Sequence[StoredKey]:
        """All access keys, revoked ones too."""
        ...

    async def purge(self, bodies_before: int, history_before: int, limit: int) -> int:
        """Retention: drop bodies, then rows and history, of messages whose every recipient rested before those times.

        Rows in doubt are kept. Answers how many messages were touched.
        """
        ...

    async def doubt_all(self, by: str) -> int:
        """After a restore: everything that is not final becomes in doubt with its budget spent, since the copy of the
        spool does not know what was sent after it was taken.
        """
        ...
