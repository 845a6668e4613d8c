"""Recorded traffic on SQLite: port `SpoolRecorded` on the spool's reader.

Promise: of a stored body only its first bytes are read, however large it is.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import apsw
import msgspec

from posthorse.mail.ids import ID_BYTES, MessageId
from posthorse.spool.codec import HEAD_BYTES, Unreadable, decoded
from posthorse.spool.recorded_port import MOST_MESSAGES, RecordedMessage
from posthorse.spool.sqlite.queries import named
from posthorse.spool.sqlite.rows import MessageTuple, message_of

T = TypeVar("T")

_SQL = named("recorded.sql")
_AFTER_ALL = bytes([255]) * (ID_BYTES + 1)
"""Greater than every id."""

_decode = msgspec.json.Decoder(list[tuple[MessageTuple, int, int | None]]).decode


class _Ask(Protocol):
    """Runs a question on the reader."""

    def __call__(self, question: Callable[[apsw.Connection], T]) -> Awaitable[T]:
        """Its answer. Raises `SpoolUnavailable`."""
        ...


class SqliteRecorded:
    """Port `SpoolRecorded`."""

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def newest(self, before: MessageId | None, limit: int, head_bytes: int) -> Sequence[RecordedMessage]:
        """As the port says."""
        return await self._ask(partial(_newest, before or _AFTER_ALL, min(limit, MOST_MESSAGES), head_bytes))


def _newest(before: bytes, limit: int, head_bytes: int, connection: apsw.Connection) -> list[RecordedMessage]:
    with connection:  # one view of the database, whatever is purged meanwhile
        found = _decode(connection.execute(_SQL["newest"], {"before": before, "limit": limit}).get)
        recorded = [_recorded(connection, *columns, head_bytes) for columns in found]
    return sorted(recorded, key=lambda each: each.message.id, reverse=True)


def _recorded(
    connection: apsw.Connection, columns: MessageTuple, recipients: int, body: int | None, head_bytes: int
) -> RecordedMessage:
    message = message_of(columns)
    head = None if body is None else _head(connection, body, message.id, head_bytes)
    return RecordedMessage(message=message, recipients=recipients, head=head)


def _head(connection: apsw.Connection, number: int, message_id: MessageId, head_bytes: int) -> bytes | None:
    try:
        blob = connection.blob_open("main", "body", "bytes", number, False)
    except apsw.SQLError:  # the row is gone
        return None
    try:
        return decoded(message_id, blob.read(HEAD_BYTES + head_bytes))
    except (Unreadable, apsw.CorruptError, apsw.IOError):
        return None
    finally:
        blob.close(True)
