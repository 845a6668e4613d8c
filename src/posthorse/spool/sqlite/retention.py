"""Retention: dropping bodies, then everything, of messages that rested long enough; and what was read of notifications.

Promise: one call looks at a bounded window of messages and goes on behind it at the next call, so that neither a
million waiting messages nor years of finished ones make it long. Rows in doubt are never touched.
"""

from dataclasses import dataclass

import msgspec

from posthorse.spool.inbox_port import AT_NEXT_START, EVENTS_KEPT_US
from posthorse.spool.sqlite.book import SqliteBook
from posthorse.spool.sqlite.queries import Bulk, named

WINDOW = 8
"""Messages looked at for each one that may be dropped."""

_DESK = named("desk.sql")
_INBOX = named("inbox.sql")
_BULK = {name: Bulk(text) for name, text in (_DESK | _INBOX).items() if "{rows}" in text}
_decode_old = msgspec.json.Decoder(list[tuple[int, int]]).decode
_decode = msgspec.json.Decoder(list[tuple[int, str, int]]).decode


@dataclass(slots=True)
class Places:
    """How far retention has looked; it begins anew when it reached the end."""

    body: int = 0
    message: bytes = b""
    notification: int = 0


def purge(book: SqliteBook, places: Places, bodies_before: int, history_before: int, limit: int) -> int:
    """Drop what the port says; answers how many messages were touched."""
    gone = _old_messages(book, places, history_before, limit)
    if gone:
        ids = [(message_id,) for _, message_id in gone]
        _BULK["drop_bodies"].change(book.connection, [(row,) for row, _ in gone])
        book.connection.execute(_DESK["keep_floor"])
        for name in ("forget_names", "drop_recipients", "drop_history", "drop_messages"):
            _BULK[name].change(book.connection, ids)
    bare = _old_bodies(book, places, bodies_before, limit - len(gone)) if limit > len(gone) else []
    if bare:
        _BULK["drop_bodies"].change(book.connection, [(row,) for row, _ in bare])
        _BULK["forget_bodies"].change(book.connection, [(message_id,) for _, message_id in bare])
    events_before = min(history_before, book.now - EVENTS_KEPT_US)
    book.connection.execute(_INBOX["forget_events"], {"limit": limit, "before": events_before})
    events = book.connection.changes()
    return max(len(gone) + len(bare), events, _drop_notifications(book, places, bodies_before, limit))


def _drop_notifications(book: SqliteBook, places: Places, before: int, limit: int) -> int:
    window = limit * WINDOW
    bindings = {"before": before, "after": places.notification, "window": window, "next_start": AT_NEXT_START}
    seen = _decode_old(book.connection.execute(_INBOX["old_notifications"], bindings).get)
    found = [seq for seq, is_old in seen if is_old][:limit]
    ended = len(seen) < window and len(found) < limit
    places.notification = 0 if ended or not seen else found[-1] if len(found) == limit else seen[-1][0]
    return _BULK["drop_notifications"].change(book.connection, [(seq,) for seq in found]) if found else 0


def _old_messages(book: SqliteBook, places: Places, before: int, limit: int) -> list[tuple[int, bytes]]:
    window = limit * WINDOW
    bindings = {"before": before, "after": places.message, "window": window}
    seen = _decode(book.connection.execute(_DESK["rested_messages"], bindings).get)
    found = [(row, bytes.fromhex(id_hex)) for row, id_hex, rested in seen if rested][:limit]
    ended = len(seen) < window and len(found) < limit
    places.message = b"" if ended or not seen else found[-1][1] if len(found) == limit else bytes.fromhex(seen[-1][1])
    return found


def _old_bodies(book: SqliteBook, places: Places, before: int, limit: int) -> list[tuple[int, bytes]]:
    window = limit * WINDOW
    bindings = {"before": before, "after": places.body, "window": window}
    seen = _decode(book.connection.execute(_DESK["rested_bodies"], bindings).get)
    found = [(row, bytes.fromhex(id_hex)) for row, id_hex, rested in seen if rested][:limit]
    ended = len(seen) < window and len(found) < limit
    places.body = 0 if ended or not seen else found[-1][0] if len(found) == limit else seen[-1][0]
    return found
