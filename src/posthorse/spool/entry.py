"""One recipient with what surrounds its changing row, as adapters read and write it; and which selectors match it.

Left out: what the row may do (`posthorse.spool.rules`) and where it is kept (the adapters).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.ids import AttemptId, MessageId, NodeId, Tenant
from posthorse.mail.message import Message
from posthorse.spool.desk_port import RecipientView, Selector, Unconfirmed
from posthorse.spool.port import LeasedGroup, LeasedRecipient
from posthorse.spool.rules import Row

MessageKey = TypeVar("MessageKey", MessageId, str)

EntryKey = tuple[MessageId, int]
"""Message id and recipient number."""

NEVER_DUE: Mapping[EntryKey, int] = {}
"""Since when it could be leased, of what came leased as it was admitted."""

LIVE: frozenset[Carriage] = frozenset({Carriage.QUEUED, Carriage.LEASED, Carriage.RELEASED, Carriage.IN_DOUBT})
"""Where our duty has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recipient of one message."""

    message: Message
    n: int
    address: str
    row: Row
    fate: Fate = Fate.UNKNOWN
    attempt: AttemptId = AttemptId(b"")
    """The latest attempt that was released; empty: none yet."""
    node: NodeId = NodeId("")
    """Who holds the lease, or held the last one."""
    rested_at: int | None = None
    """When duty ended, microseconds UTC; None: it has not."""

    @property
    def list_key(self) -> tuple[Tenant, str]:
        """Under which its address would stand on a list."""
        return (self.message.tenant, address_key(self.address))

    @property
    def key(self) -> EntryKey:
        """Message id and recipient number."""
        return (self.message.id, self.n)


def leased_recipient(entry: Entry, due_at: int = 0) -> LeasedRecipient:
    """The entry as a courier gets it, just after its lease; `due_at`: since when it could be had."""
    row = entry.row
    return LeasedRecipient(
        n=entry.n,
        address=entry.address,
        fence=row.fence,
        leased_from=row.leased_from or Carriage.QUEUED,
        attempts=row.attempts,
        tried=row.tried,
        copies_released=row.copies_released,
        copies_allowed=row.copies_allowed,
        due_at=due_at,
    )


def whole_messages(found: Iterable[tuple[MessageKey, int]], *, limit: int, max_bytes: int) -> set[MessageKey]:
    """Which messages to lease of the due recipients found (message, its size in bytes), in the order of their claims:
    until there are `limit` recipients or `max_bytes` are exceeded; at least one.
    """
    recipients: dict[MessageKey, int] = {}
    sizes: dict[MessageKey, int] = {}
    for key, size in found:
        recipients[key] = recipients.get(key, 0) + 1
        sizes[key] = size
    chosen: set[MessageKey] = set()
    count = size_bytes = 0
    for key, of_message in recipients.items():
        size_bytes += sizes[key]
        if chosen and (count >= limit or size_bytes > max_bytes):
            break
        chosen.add(key)
        count += of_message
    return chosen


def groups_of(
    leased: Sequence[Entry],
    bodies: Mapping[MessageId, bytes],
    due: Mapping[EntryKey, int],
    live: Mapping[MessageId, int],
) -> list[LeasedGroup]:
    """Leased entries as handover groups: one message, the same history so far; in the order of the claims.

    `due`: since when each could be leased; `live`: how many recipients of each message have not come to their end.
    """
    groups: dict[tuple[MessageId, Carriage | None, tuple[str, ...]], list[Entry]] = {}
    for entry in leased:
        groups.setdefault((entry.message.id, entry.row.leased_from, entry.row.tried), []).append(entry)
    return [
        group_of(entries, bodies[key[0]], others=live[key[0]] - len(entries), due=due)
        for key, entries in groups.items()
    ]


def group_of(
    entries: Sequence[Entry], body: bytes, *, others: int, due: Mapping[EntryKey, int] = NEVER_DUE
) -> LeasedGroup:
    """Recipients of one message, leased together with the same history so far; `others` of it have not ended."""
    return LeasedGroup(
        message=entries[0].message,
        body=body,
        recipients=tuple(leased_recipient(entry, due.get(entry.key, 0)) for entry in entries),
        lease_until=entries[0].row.lease_until or 0,
        others=others,
    )


def view(entry: Entry) -> RecipientView:
    """The entry as an operator sees it."""
    row = entry.row
    return RecipientView(
        message=entry.message,
        n=entry.n,
        address=entry.address,
        carriage=row.carriage,
        fate=entry.fate,
        fence=row.fence,
        attempts=row.attempts,
        copies_released=row.copies_released,
        copies_allowed=row.copies_allowed,
        next_at=row.next_at,
        lease_until=row.lease_until,
        tried=row.tried,
        withdrawn=row.withdrawn,
        hold=row.hold,
        provider=row.provider,
        rested_at=entry.rested_at,
    )


def domain_of(address: str) -> str:
    """Domain of an address in lower case; empty for the null sender."""
    return address.rpartition("@")[2].lower()


def matches(selector: Selector, entry: Entry) -> bool:
    """Whether a selector is about this entry."""
    return matches_message(selector, entry.message) and matches_recipient(selector, entry)


def matches_message(selector: Selector, message: Message) -> bool:
    """The part of a selector that speaks about the message."""
    return (
        selector.tenant in (None, message.tenant)
        and selector.message_id in (None, message.id)
        and selector.stream in (None, message.stream)
        and selector.sender_domain.lower() in ("", message.sender_domain)
        and (selector.before_id is None or message.id < selector.before_id)
    )


def matches_recipient(selector: Selector, entry: Entry) -> bool:
    """The part of a selector that speaks about the recipient."""
    return (
        selector.n in (None, entry.n)
        and selector.carriage in (None, entry.row.carriage)
        and selector.fate in (None, entry.fate)
        and selector.recipient_domain.lower() in ("", domain_of(entry.address))
        and (selector.unconfirmed is None or is_unconfirmed(selector.unconfirmed, view(entry)))
    )


def is_unconfirmed(which: Unconfirmed, shown: RecipientView) -> bool:
    """Whether a recipient is handed over and its fate still unknown, for so long."""
    return (
        shown.carriage is Carriage.HANDED_OVER
        and shown.fate is Fate.UNKNOWN
        and shown.provider in which.providers
        and shown.rested_at is not None
        and shown.rested_at < which.before
    )
