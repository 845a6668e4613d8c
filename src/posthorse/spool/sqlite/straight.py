"""The straight path of a message, without an object per step: accepted and leased, released, handed over.

Promise: the same rows and history as `posthorse.spool.clerk` writes for it (the contract suite runs both). What is not
straight (a key that somebody has, holds, lists, a stale fence, any other outcome) is left to the clerk.
"""

from collections.abc import Mapping, Sequence

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.outcome import Handover
from posthorse.spool.entry import whole_messages
from posthorse.spool.port import (
    Admitted,
    LeasedGroup,
    LeasedRecipient,
    LeaseRequest,
    NewMessage,
    Released,
    ReleaseMark,
    Settlement,
)
from posthorse.spool.recording import message_of as new_message
from posthorse.spool.sqlite.book import SqliteBook
from posthorse.spool.sqlite.queries import Value
from posthorse.spool.sqlite.rows import DueTuple, encode_json, message_of, message_row
from posthorse.spool.story import settlement_detail, split_tried


def is_plain(new: NewMessage) -> bool:
    """Whether a message needs nothing looked up but its idempotency key (when no hold is in force and no list has its
    addresses).
    """
    return not new.supersede_key and not new.shared_key and bool(new.recipients)


def take_keys(book: SqliteBook, batch: Sequence[NewMessage], claim_us: int) -> list[bool]:
    """Take the idempotency keys of plain messages; which messages may be admitted: they have none, or it was free.

    Of twins the first has the key.
    """
    asked: dict[tuple[Tenant, str], NewMessage] = {}
    for new in batch:
        if new.idempotency_key:
            asked.setdefault((new.tenant, new.idempotency_key), new)
    if not asked:
        return [True] * len(batch)
    rows = [(*key, new.fingerprint, new.id) for key, new in asked.items()]
    taken = book.take_keys(rows, book.now + claim_us)
    return [not new.idempotency_key or new.id in taken for new in batch]


def admit(book: SqliteBook, new: NewMessage, lease_us: int) -> Admitted:
    """Gather the rows of one plain message, leased if it asks for it and is due."""
    now = book.now
    message = new_message(new, now)
    due = max(now, new.not_before)
    node = new.lease_for if due <= now < message.expires_at else None
    until = now + lease_us if node else None
    key = message.id
    book.messages.append(message_row(message, book.keep_body(key, new.body)))
    stream = book.messages[-1][2]
    state: tuple[Value, ...] = (
        ("leased", 1, new.copies_allowed, "queued", until, None, None, node, None)
        if node
        else ("queued", 0, new.copies_allowed, None, None, due, None, "", None)
    )
    for n, address in enumerate(new.recipients):
        key_of_address = address_key(address)
        named = None if key_of_address == address else key_of_address
        book.recipients.append((key, n, new.tenant, address, named, stream, message.expires_at, *state))
    start = (
        f'{{"recipients":{len(new.recipients)},"expires_at":{message.expires_at},"copies_allowed":{new.copies_allowed}'
    )
    told: tuple[Value, ...]
    if node:
        told = ("queued", "leased", "lease", 1, None, None, f'{start},"lease_until":{until}}}')
    else:
        told = (None, "queued", None, 0, None, None, f'{start},"next_at":{due}}}')
    book.facts.append((book.next_seq(), now, key, -1, "accepted", *told))
    if until is None:
        return Admitted(id=key)
    recipients = tuple(
        LeasedRecipient(
            n=n,
            address=address,
            fence=1,
            leased_from=Carriage.QUEUED,
            attempts=0,
            tried=(),
            copies_released=0,
            copies_allowed=new.copies_allowed,
        )
        for n, address in enumerate(new.recipients)
    )
    return Admitted(id=key, lease=LeasedGroup(message=message, body=new.body, recipients=recipients, lease_until=until))


def lease(book: SqliteBook, request: LeaseRequest, lease_us: int) -> list[LeasedGroup] | None:
    """Lease what is due, or None: something found must end or be put off instead, which is the clerk's work."""
    now = book.now
    found = book.due_rows(request.stream, request.limit, newest_first=request.newest_first)
    if any(row[6] <= now or row[20] or (row[13] == "in_doubt" and row[16] >= row[17]) for row in found):
        return None
    if found and book.has_suppressions and book.suppressed({(Tenant(row[1]), address_key(row[12])) for row in found}):
        return None
    whole = whole_messages(((row[0], row[4]) for row in found), limit=request.limit, max_bytes=request.max_bytes)
    chosen = [row for row in found if row[0] in whole]
    if not chosen:
        return []
    ids = [MessageId(bytes.fromhex(row[0])) for row in chosen]
    distinct = set(ids)
    bodies, live = book.bodies(distinct), book.count_live(distinct)
    if not all(message_id in bodies for message_id in ids):
        return None
    until = now + lease_us
    keys: list[tuple[Value, ...]] = [(key, row[11], row[14]) for key, row in zip(ids, chosen, strict=True)]
    book.lease_all(keys, until, request.node)
    detail = f'{{"lease_until":{until}}}'
    book.facts += [
        (book.next_seq(), now, key[0], row[11], "moved", row[13], "leased", "lease", row[14] + 1, None, None, detail)
        for key, row in zip(keys, chosen, strict=True)
    ]
    return _groups(chosen, bodies, live, until)


def _groups(
    leased: list[DueTuple], bodies: Mapping[MessageId, bytes], live: Mapping[MessageId, int], until: int
) -> list[LeasedGroup]:
    """One message, the same history so far; in the order of the claims."""
    groups: dict[tuple[str, str, str], list[DueTuple]] = {}
    for row in leased:
        groups.setdefault((row[0], row[13], row[19]), []).append(row)
    messages = {rows[0][0]: message_of(rows[0][:11]) for rows in groups.values()}
    return [
        LeasedGroup(
            message=messages[id_hex],
            body=bodies[messages[id_hex].id],
            recipients=tuple(_recipient(row, Carriage(carriage), split_tried(tried)) for row in rows),
            lease_until=until,
            others=live[messages[id_hex].id] - len(rows),
        )
        for (id_hex, carriage, tried), rows in groups.items()
    ]


def _recipient(row: DueTuple, leased_from: Carriage, tried: tuple[ProviderName, ...]) -> LeasedRecipient:
    return LeasedRecipient(
        n=row[11],
        address=row[12],
        fence=row[14] + 1,
        leased_from=leased_from,
        attempts=row[15],
        tried=tried,
        copies_released=row[16],
        copies_allowed=row[17],
        due_at=row[18] or 0,
    )


def release(book: SqliteBook, marks: Sequence[ReleaseMark]) -> list[Released] | None:
    """All marks at once, or None: the transaction must be undone, some mark is not straight."""
    now = book.now
    rows: list[tuple[bytes, int, int, str, bytes, int]] = []
    for mark in marks:
        until = now + mark.answer_by_us
        rows += [(mark.message_id, n, fence, mark.provider, mark.attempt, until) for n, fence in mark.recipients]
        if not mark.recipients:
            return None
    if not book.release_all(rows):
        return None
    book.facts += [
        (book.next_seq(), now, key, n, "moved", "leased", "released", "release", fence, provider, attempt,
         f'{{"lease_until":{until}}}')
        for key, n, fence, provider, attempt, until in rows
    ]  # fmt: skip
    return [Released(at=now)] * len(marks)


def is_straight(settlement: Settlement) -> bool:
    """Whether a settlement is a handover by the attempt that was released."""
    return settlement.released and isinstance(settlement.outcome, Handover) and settlement.provider != ""


def settle(book: SqliteBook, settlements: Sequence[Settlement]) -> bool:
    """All handovers at once; False: the transaction must be undone, some attempt is no longer the present one."""
    now = book.now
    rows = [(s.message_id, s.n, s.fence, ",".join(s.tried)) for s in settlements]
    if not book.hand_over_all(rows):
        return False
    for s in settlements:
        detail = {**settlement_detail(s), "tried": ",".join(s.tried)}
        if name := detail.get("provider_message_id"):
            book.name(s.provider, str(name), s.message_id)
        book.facts.append(
            (book.next_seq(), now, s.message_id, s.n, "moved", "released", "handed_over", "answer", s.fence,
             s.provider or None, s.attempt or None, encode_json(detail).decode())
        )  # fmt: skip
    return True
