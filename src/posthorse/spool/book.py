"""What a clerk needs of a storage within one transaction.

An adapter gives the clerk a `Book` whose reads see the transaction's own writes; committing or undoing the whole is the
adapter's affair. Left out: any decision.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Hold
from posthorse.spool.entry import Entry, EntryKey
from posthorse.spool.port import HistoryRow
from posthorse.spool.proof import Trail

TenantKey = tuple[Tenant, str]
"""A key that means something only within its tenant: idempotency key, supersede key, the key of an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who used an idempotency key, and for what."""

    message_id: MessageId
    fingerprint: bytes
    expires_at: int
    """Afterwards the key is free again, microseconds UTC."""


class Book(Protocol):
    """One transaction's view of the spool."""

    @property
    def now(self) -> int:
        """The transaction's only reading of the spool's clock, microseconds UTC."""
        ...

    # --- reads ---

    def claims(self, keys: Collection[TenantKey]) -> Mapping[TenantKey, Claim]:
        """Idempotency keys in use (not run out)."""
        ...

    def waiting_under(self, keys: Collection[TenantKey]) -> Mapping[TenantKey, Sequence[Entry]]:
        """Live recipients of messages with these supersede keys, in order of acceptance."""
        ...

    def suppressed(self, addresses: Collection[TenantKey]) -> Collection[TenantKey]:
        """Which of these addresses must not be mailed now."""
        ...

    def holds(self) -> Sequence[Hold]:
        """Holds in force."""
        ...

    def entries(self, keys: Collection[EntryKey]) -> Mapping[EntryKey, Entry]:
        """These recipients; unknown ones are missing."""
        ...

    def due(self, stream: Stream, limit: int, *, newest_first: bool) -> Sequence[Entry]:
        """Waiting recipients whose time has come and that nobody holds, by due time or by newest message.

        The first `limit` of them, and whoever else is due of their messages.
        """
        ...

    def count_live(self, ids: Collection[MessageId]) -> Mapping[MessageId, int]:
        """How many recipients of each of these messages have not come to an end of duty."""
        ...

    def lapsed(self, limit: int, *, abandoned: bool) -> Sequence[Entry]:
        """Leases that ran out, oldest first; `abandoned`: every lease without a release mark, however long it runs."""
        ...

    def late(self, limit: int) -> Sequence[Entry]:
        """Queued recipients past their deadline, oldest first."""
        ...

    def held(self, hold_id: int, limit: int) -> Sequence[Entry]:
        """Recipients under this hold."""
        ...

    def bodies(self, ids: Collection[MessageId]) -> Mapping[MessageId, bytes]:
        """Stored bytes of these messages; what was dropped, or cannot be read, is missing."""
        ...

    def trails(self, ids: Collection[MessageId]) -> Mapping[EntryKey, Sequence[Trail]]:
        """Who was given copies of these messages, as history has it, oldest first; what this transaction wrote, too."""
        ...

    # --- writes ---

    def add(self, message: Message, body: bytes, entries: Sequence[Entry]) -> None:
        """A new message with its recipients. Raises `SpoolMisuse` if its id is stored already."""
        ...

    def claim(self, key: TenantKey, claim: Claim) -> None:
        """Note an idempotency key; replaces one that ran out."""
        ...

    def name(self, provider: ProviderName, provider_message_id: str, message_id: MessageId) -> None:
        """Note by which id a provider knows a message; the latest one counts."""
        ...

    def put(self, entry: Entry) -> None:
        """An existing recipient as it stands now."""
        ...

    def append(self, facts: Sequence[HistoryRow]) -> None:
        """Write to history; `seq` is given by the book."""
        ...
