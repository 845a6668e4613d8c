"""What the operator keeps and asks, as statements on one connection: holds, lists, orders, keys, counts, history.

Left out: threads and transactions (`posthorse.spool.sqlite.spool`), decisions about rows (`posthorse.spool.decisions`).
"""

from dataclasses import replace

import apsw
import msgspec

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.stream import BY_ORDER, Stream
from posthorse.spool.desk_port import (
    MOST_COUNTED,
    Control,
    Hold,
    QueueCounts,
    RecipientView,
    Selector,
    StoredKey,
    Suppression,
    Unconfirmed,
)
from posthorse.spool.entry import view
from posthorse.spool.port import HistoryRow
from posthorse.spool.sqlite import blob
from posthorse.spool.sqlite.book import SqliteBook
from posthorse.spool.sqlite.queries import named
from posthorse.spool.sqlite.rows import STREAM_NUMBER, fact_of
from posthorse.spool.sqlite.seek import find_any

_DESK = named("desk.sql")


class _StoredSelector(msgspec.Struct, omit_defaults=True):
    """A hold's selector as it is stored; bytes in hexadecimal, streams and carriages by name."""

    tenant: str | None = None
    message_id: str | None = None
    n: int | None = None
    carriage: str | None = None
    stream: str | None = None
    sender_domain: str = ""
    recipient_domain: str = ""
    before_id: str | None = None


# --- holds ------------------------------------------------------------------------------------------------------------


def holds(connection: apsw.Connection) -> list[Hold]:
    """Holds in force, oldest first."""
    return [
        Hold(id=number, selector=_read_selector(selector), reason=reason, by=by, created_at=created_at)
        for number, selector, reason, by, created_at in connection.execute(_DESK["holds"])
    ]


def unmarked_holds(connection: apsw.Connection) -> list[int]:
    """Numbers of holds whose marking was cut short by a crash."""
    return [number for (number,) in connection.execute(_DESK["unmarked_holds"])]


def add_hold(book: SqliteBook, hold: Hold) -> Hold:
    """Store a hold under a new number."""
    book.lists_changed = True
    bindings = {"selector": _write_selector(hold.selector), "reason": hold.reason, "by": hold.by, "now": book.now}
    number = book.connection.execute(_DESK["add_hold"], bindings).get
    return replace(hold, id=number, created_at=book.now)


def mark_hold(book: SqliteBook, hold_id: int) -> None:
    """Note that every recipient that matched is under the hold."""
    book.connection.execute(_DESK["mark_hold"], {"id": hold_id})


def drop_hold(book: SqliteBook, hold_id: int) -> None:
    """Forget a hold; its recipients are freed page by page."""
    book.lists_changed = True
    book.connection.execute(_DESK["drop_hold"], {"id": hold_id})


def _write_selector(selector: Selector) -> str:
    stored = _StoredSelector(
        tenant=selector.tenant,
        message_id=selector.message_id.hex() if selector.message_id else None,
        n=selector.n,
        carriage=selector.carriage.value if selector.carriage else None,
        stream=selector.stream.value if selector.stream else None,
        sender_domain=selector.sender_domain,
        recipient_domain=selector.recipient_domain,
        before_id=selector.before_id.hex() if selector.before_id else None,
    )
    return msgspec.json.encode(stored).decode()


def _read_selector(text: str) -> Selector:
    stored = msgspec.json.decode(text, type=_StoredSelector)
    return Selector(
        tenant=Tenant(stored.tenant) if stored.tenant is not None else None,
        message_id=MessageId(bytes.fromhex(stored.message_id)) if stored.message_id else None,
        n=stored.n,
        carriage=Carriage(stored.carriage) if stored.carriage else None,
        stream=Stream(stored.stream) if stored.stream else None,
        sender_domain=stored.sender_domain,
        recipient_domain=stored.recipient_domain,
        before_id=MessageId(bytes.fromhex(stored.before_id)) if stored.before_id else None,
    )


# --- suppressions, orders, keys ---------------------------------------------------------------------------------------


def has_suppressions(connection: apsw.Connection) -> bool:
    """Whether any address is on a list, run out or not."""
    return bool(connection.execute(_DESK["has_suppressions"]).get)


def suppress(book: SqliteBook, entry: Suppression) -> None:
    """Add or replace, under the key of the address."""
    book.lists_changed = True
    bindings = {
        "tenant": entry.tenant,
        "address": address_key(entry.address),
        "reason": entry.reason,
        "source": entry.source,
        "created_at": entry.created_at,
        "expires_at": entry.expires_at,
        "event_key": entry.event_key,
        "message_id": entry.message_id,
    }
    book.connection.execute(_DESK["suppress"], bindings)


def unsuppress(book: SqliteBook, tenant: Tenant, address: str) -> bool:
    """Remove; False: it was not there."""
    book.lists_changed = True
    book.connection.execute(_DESK["unsuppress"], {"tenant": tenant, "address": address_key(address)})
    return book.connection.changes() > 0


def suppressions(connection: apsw.Connection, tenant: Tenant | None, after: str, limit: int) -> list[Suppression]:
    """In the order of addresses, then tenants."""
    if tenant is None:
        rows = connection.execute(_DESK["suppressions"], {"after": after, "limit": limit})
    else:
        bindings = {"tenant": tenant, "after": after, "limit": limit}
        rows = connection.execute(_DESK["suppressions_of_tenant"], bindings)
    return [
        Suppression(
            tenant=whose,
            address=address,
            reason=reason,
            source=source,
            created_at=created_at,
            expires_at=expires_at,
            event_key=event_key,
            message_id=message_id,
        )
        for whose, address, reason, source, created_at, expires_at, event_key, message_id in rows
    ]


def order(book: SqliteBook, control: Control) -> None:
    """Set or replace a standing order."""
    bindings = {
        "key": control.key,
        "value": control.value,
        "by": control.by,
        "at": control.at,
        "until": control.until,
    }
    book.connection.execute(_DESK["order"], bindings)


def lift(book: SqliteBook, key: str) -> bool:
    """End a standing order; False: there was none."""
    book.connection.execute(_DESK["lift"], {"key": key})
    return book.connection.changes() > 0


def orders(connection: apsw.Connection, now: int) -> list[Control]:
    """Orders in force now, by key."""
    return [
        Control(key=key, value=value, by=by, at=at, until=until)
        for key, value, by, at, until in connection.execute(_DESK["orders"], {"now": now})
    ]


def put_key(book: SqliteBook, key: StoredKey) -> None:
    """Add or replace an access key."""
    bindings = {
        "id": key.id,
        "tenant": key.tenant,
        "sealed_secret": key.sealed_secret,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
        "note": key.note,
    }
    book.connection.execute(_DESK["put_key"], bindings)


def keys(connection: apsw.Connection) -> list[StoredKey]:
    """All access keys, by id."""
    return [
        StoredKey(id=name, tenant=tenant, sealed_secret=sealed, created_at=created, revoked_at=revoked, note=note)
        for name, tenant, sealed, created, revoked, note in connection.execute(_DESK["keys"])
    ]


# --- questions --------------------------------------------------------------------------------------------------------


def select(connection: apsw.Connection, selector: Selector, limit: int) -> list[RecipientView]:
    """Matching recipients, newest message first."""
    return [view(entry) for entry in find_any(connection, selector, limit)]


def history(connection: apsw.Connection, message_id: MessageId) -> list[HistoryRow]:
    """All facts of one message, oldest first."""
    return [fact_of(row) for row in connection.execute(_DESK["history_of"], {"id": message_id})]


def events_since(connection: apsw.Connection, seq: int, limit: int) -> list[HistoryRow]:
    """Facts after `seq`, oldest first."""
    return [fact_of(row) for row in connection.execute(_DESK["events_since"], {"seq": seq, "limit": limit})]


def body(connection: apsw.Connection, message_id: MessageId) -> bytes | None:
    """The accepted bytes; None: unknown, or dropped."""
    found: bytes | None = None
    with connection:  # one view of the database, whatever is purged meanwhile
        number = connection.execute(_DESK["body_of"], {"id": message_id}).get
        if number is not None:
            found = blob.read(connection, number, message_id)
    return found


def next_due(connection: apsw.Connection) -> int | None:
    """The earliest due time of a waiting recipient that is not held."""
    due: int | None = connection.execute(_DESK["next_due"]).get
    return due


def count_unconfirmed(connection: apsw.Connection, which: Unconfirmed) -> dict[ProviderName, int]:
    """How many each provider has not confirmed, up to a bound."""
    found = {}
    for name in which.providers:
        bindings = {"provider": name, "before": which.before, "most": MOST_COUNTED}
        found[name] = connection.execute(_DESK["count_unconfirmed"], bindings).get
    return found


def counts(connection: apsw.Connection, now: int) -> QueueCounts:
    """How many stand where, and the oldest that waits."""
    by_carriage = {
        (BY_ORDER[stream], Carriage(carriage)): amount
        for stream, carriage, amount in connection.execute(_DESK["counts"])
    }
    oldest = {}
    for stream, number in STREAM_NUMBER.items():
        if not by_carriage.get((stream, Carriage.QUEUED)):
            continue
        bindings = {"stream": number, "now": now}
        accepted_at = connection.execute(_DESK["oldest_in_order"], bindings).get
        if accepted_at is None:
            accepted_at = connection.execute(_DESK["oldest_due"], bindings).get
        if accepted_at is not None:
            oldest[stream] = accepted_at
    return QueueCounts(by_carriage=by_carriage, oldest_waiting=oldest)
