"""Between the spool's values and the columns of SQLite.

Left out: SQL text (spool/sql/sqlite) and running it.
"""

import msgspec

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import Carriage, Cause, Fate
from posthorse.mail.ids import AttemptId, MessageId, NodeId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.stream import BY_ORDER, RULES, Stream
from posthorse.spool.entry import Entry
from posthorse.spool.port import HistoryRow
from posthorse.spool.rules import Row
from posthorse.spool.sqlite.queries import Value
from posthorse.spool.story import split_doubtful, split_tried

STREAM_NUMBER: dict[Stream, int] = {stream: rule.order for stream, rule in RULES.items()}
NAME: dict[Carriage, str] = {carriage: carriage.value for carriage in Carriage}

encode_json = msgspec.json.Encoder().encode

MessageTuple = tuple[str, str, int, str, int, int, int, int, int, str | None, str | None]
"""A message, as the first columns of both kinds of answers."""

EntryTuple = tuple[
    str, str, int, str, int, int, int, int, int, str | None, str | None,  # message
    int, str, str, str, int, int, int, int, str | None, int | None, int | None, str, str, int | None, str,
    str, str, str, int | None,
]  # fmt: skip
"""One recipient with its message, as `posthorse.spool.sqlite.queries.ENTRY` selects it."""

DueTuple = tuple[
    str, str, int, str, int, int, int, int, int, str | None, str | None,  # message
    int, str, str, int, int, int, int, int, str, str,
]  # fmt: skip
"""One due recipient with its message, as `posthorse.spool.sqlite.queries.DUE` selects it."""

decode_due = msgspec.json.Decoder(list[DueTuple]).decode
decode_entries = msgspec.json.Decoder(list[EntryTuple]).decode
_decode_attributes = msgspec.json.Decoder(dict[str, str]).decode
_decode_detail = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode


def message_row(message: Message, body: int) -> tuple[Value, ...]:
    """A message for `add_messages`."""
    return (
        message.id,
        message.tenant,
        STREAM_NUMBER[message.stream],
        message.sender,
        message.size_bytes,
        message.accepted_at,
        message.expires_at,
        int(message.smtputf8),
        int(message.eight_bit),
        message.supersede_key or None,
        encode_json(message.attributes).decode() if message.attributes else None,
        body,
    )


def new_recipient_row(entry: Entry) -> tuple[Value, ...]:
    """A recipient for `add_recipients`: nothing was tried yet."""
    row = entry.row
    key = address_key(entry.address)
    return (
        entry.message.id,
        entry.n,
        entry.message.tenant,
        entry.address,
        None if key == entry.address else key,
        STREAM_NUMBER[entry.message.stream],
        row.expires_at,
        row.carriage.value,
        row.fence,
        row.copies_allowed,
        row.leased_from.value if row.leased_from else None,
        row.lease_until,
        row.next_at,
        row.hold,
        entry.node,
        entry.rested_at,
    )


def recipient_row(entry: Entry) -> tuple[Value, ...]:
    """A recipient for `put_recipients`: all that can change."""
    row = entry.row
    return (
        entry.message.id,
        entry.n,
        row.carriage.value,
        entry.fate.value,
        row.fence,
        row.attempts,
        row.copies_released,
        row.copies_allowed,
        row.leased_from.value if row.leased_from else None,
        row.lease_until,
        row.next_at,
        ",".join(row.tried),
        row.withdrawn,
        row.hold,
        ",".join(str(fence) for fence in row.doubtful),
        row.provider,
        entry.attempt or None,
        entry.node,
        entry.rested_at,
    )


def fact_row(seq: int, fact: HistoryRow) -> tuple[Value, ...]:
    """A fact for `add_history`."""
    return (
        seq,
        fact.at,
        fact.message_id,
        fact.n,
        fact.kind,
        fact.old.value if fact.old else None,
        fact.new.value if fact.new else None,
        fact.cause.value if fact.cause else None,
        fact.fence,
        fact.provider or None,
        fact.attempt or None,
        encode_json(fact.detail).decode() if fact.detail else None,
    )


def fact_of(columns: tuple[Value, ...]) -> HistoryRow:
    """A fact as the desk's queries select it: tenant first, then the columns of history."""
    tenant, seq, at, message_id, n, kind, old, new, cause, fence, provider, attempt, detail = columns
    assert isinstance(seq, int) and isinstance(at, int) and isinstance(n, int) and isinstance(fence, int)  # noqa: PT018
    return HistoryRow(
        seq=seq,
        at=at,
        tenant=Tenant(str(tenant)),
        message_id=MessageId(message_id if isinstance(message_id, bytes) else b""),
        n=n,
        kind=str(kind),
        old=Carriage(old) if old else None,
        new=Carriage(new) if new else None,
        cause=Cause(cause) if cause else None,
        fence=fence,
        provider=ProviderName(str(provider or "")),
        attempt=AttemptId(attempt if isinstance(attempt, bytes) else b""),
        detail=_decode_detail(str(detail)) if detail else {},
    )


def entries_of(text: Value) -> list[Entry]:
    """Recipients from one JSON answer."""
    messages: dict[str, Message] = {}
    return [_entry_of(columns, messages) for columns in decode_entries(str(text))]


def _entry_of(columns: EntryTuple, messages: dict[str, Message]) -> Entry:
    message = messages.get(columns[0]) or messages.setdefault(columns[0], message_of(columns[:11]))
    (
        n, address, carriage, fate, fence, attempts, copies_released, copies_allowed, leased_from, lease_until, next_at,
        tried, withdrawn, hold, doubtful, provider, attempt, node, rested_at,
    ) = columns[11:]  # fmt: skip
    row = Row(
        carriage=Carriage(carriage),
        expires_at=message.expires_at,
        copies_allowed=copies_allowed,
        copies_released=copies_released,
        fence=fence,
        leased_from=Carriage(leased_from) if leased_from else None,
        lease_until=lease_until,
        next_at=next_at,
        attempts=attempts,
        tried=split_tried(tried),
        withdrawn=withdrawn,
        hold=hold,
        doubtful=split_doubtful(doubtful),
        provider=ProviderName(provider),
    )
    return Entry(
        message=message,
        n=n,
        address=address,
        row=row,
        fate=Fate(fate),
        attempt=AttemptId(bytes.fromhex(attempt)),
        node=NodeId(node),
        rested_at=rested_at,
    )


def message_of(columns: MessageTuple) -> Message:
    """A message from the first columns of a recipient."""
    id_hex, tenant, stream, sender, size_bytes, accepted_at, expires_at, smtputf8, eight_bit, key, more = columns
    return Message(
        id=MessageId(bytes.fromhex(id_hex)),
        tenant=Tenant(tenant),
        stream=BY_ORDER[stream],
        sender=sender,
        size_bytes=size_bytes,
        accepted_at=accepted_at,
        expires_at=expires_at,
        smtputf8=bool(smtputf8),
        eight_bit=bool(eight_bit),
        supersede_key=key or "",
        attributes=_decode_attributes(more) if more else {},
    )
