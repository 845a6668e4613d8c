"""What is learnt back, on SQLite: port `SpoolInbox` on the spool's own writer and reader.

Left out: threads and transactions (`posthorse.spool.sqlite.spool`), what an event does (`posthorse.spool.learner`).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

import apsw
import msgspec

from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.spool.book import TenantKey
from posthorse.spool.desk_port import Suppression
from posthorse.spool.inbox_book import ProviderId
from posthorse.spool.inbox_port import AT_NEXT_START, Digestion, Learning, Notification, StoredNotification
from posthorse.spool.learner import Learner
from posthorse.spool.sqlite import desk
from posthorse.spool.sqlite.book import SqliteBook
from posthorse.spool.sqlite.queries import Bulk, Value, named
from posthorse.spool.sqlite.rows import encode_json

T = TypeVar("T")

MOST_BYTES = 8 << 20
"""Bodies together that one question for undigested notifications answers, at least one."""

_SQL = named("inbox.sql")
_BULK = {name: Bulk(text) for name, text in _SQL.items() if "{rows}" in text}

_decode_ids = msgspec.json.Decoder(list[str]).decode
_decode_pairs = msgspec.json.Decoder(list[tuple[str, str]]).decode
_decode_names = msgspec.json.Decoder(list[tuple[str, str, str]]).decode
_decode_addresses = msgspec.json.Decoder(list[tuple[str, int, str]]).decode
_decode_listed = msgspec.json.Decoder(list[tuple[str, str, str, str, int, int | None, str, str]]).decode
_decode_facts = msgspec.json.Decoder(dict[str, str]).decode


class _Ask(Protocol):
    """Runs a question on the reader."""

    def __call__(self, question: Callable[[apsw.Connection], T]) -> Awaitable[T]:
        """Its answer. Raises `SpoolUnavailable`."""
        ...


class _Work(Protocol):
    """Runs something in one transaction of the writer."""

    def __call__(self, work: Callable[[SqliteBook], T]) -> Awaitable[T]:
        """Its answer, once durable. Raises `SpoolUnavailable`."""
        ...


class SqliteInbox:
    """Port `SpoolInbox`."""

    def __init__(self, *, ask: _Ask, work: _Work, now: Callable[[], int], learner: Learner) -> None:
        """`ask` and `work`: the spool's reader and writer; `now`: its clock."""
        self._ask = ask
        self._work = work
        self._now = now
        self._learner = learner

    async def take_in(self, batch: Sequence[Notification]) -> Sequence[bool]:
        """As the port says."""
        return await self._work(partial(_take_in, batch)) if batch else []

    async def undigested(self, limit: int) -> Sequence[StoredNotification]:
        """As the port says."""
        return await self._ask(partial(_undigested, self._now(), limit))

    async def offer_again(self, limit: int) -> int:
        """As the port says."""
        return await self._work(partial(_offer_again, limit))

    async def digest(self, batch: Sequence[Digestion]) -> Sequence[Sequence[Learning]]:
        """As the port says."""

        def work(book: SqliteBook) -> Sequence[Sequence[Learning]]:
            inbox = SqliteInboxBook(book)
            answers = self._learner.digest(inbox, batch)
            inbox.flush()
            return answers

        return await self._work(work) if batch else []


class SqliteInboxBook:
    """Port `InboxBook`; a learner asks all it needs before it writes, so that nothing must be flushed in between."""

    def __init__(self, book: SqliteBook) -> None:
        self.book = book
        self._digested: list[tuple[Value, ...]] = []

    def _read(self, name: str, rows: Sequence[Sequence[Value]]) -> list[str]:
        return [str(text) for (text,) in _BULK[name].run(self.book.connection, rows)]

    def known(self, keys: Collection[bytes]) -> Collection[bytes]:
        """As `InboxBook` says."""
        return {
            bytes.fromhex(text) for part in self._read("known", [(key,) for key in keys]) for text in _decode_ids(part)
        }

    def named(self, ids: Collection[ProviderId]) -> Mapping[ProviderId, MessageId]:
        """As `InboxBook` says."""
        self.book.flush()
        return {
            (ProviderName(provider), name): MessageId(bytes.fromhex(id_hex))
            for part in self._read("named", list(ids))
            for provider, name, id_hex in _decode_names(part)
        }

    def addresses(self, ids: Collection[MessageId]) -> Mapping[MessageId, Sequence[tuple[int, str]]]:
        """As `InboxBook` says."""
        self.book.flush()
        found: dict[MessageId, list[tuple[int, str]]] = {}
        for part in self._read("addresses", [(message_id,) for message_id in ids]):
            for id_hex, n, address in _decode_addresses(part):
                found.setdefault(MessageId(bytes.fromhex(id_hex)), []).append((n, address))
        for rows in found.values():
            rows.sort()
        return found

    def listed(self, addresses: Collection[TenantKey]) -> Mapping[TenantKey, Suppression]:
        """As `InboxBook` says."""
        return {
            (Tenant(tenant), address): Suppression(
                tenant=Tenant(tenant),
                address=address,
                reason=reason,
                source=source,
                created_at=created_at,
                expires_at=expires_at,
                event_key=event_key,
                message_id=MessageId(bytes.fromhex(id_hex)) if id_hex else None,
            )
            for part in self._read("listed", list(addresses))
            for tenant, address, reason, source, created_at, expires_at, event_key, id_hex in _decode_listed(part)
        }

    def know(self, keys: Collection[bytes]) -> None:
        """As `InboxBook` says."""
        _BULK["know"].change(self.book.connection, [(key, self.book.now) for key in keys])

    def suppress(self, entry: Suppression) -> None:
        """As `InboxBook` says."""
        desk.suppress(self.book, entry)

    def digested(self, seq: int, again_at: int | None, note: str) -> None:
        """As `InboxBook` says."""
        self._digested.append((seq, again_at, note))

    def flush(self) -> None:
        """Write which notifications were read."""
        _BULK["digested"].change(self.book.connection, self._digested)


def _take_in(batch: Sequence[Notification], book: SqliteBook) -> list[bool]:
    first: dict[tuple[str, bytes], Notification] = {}
    for one in batch:
        first.setdefault((one.provider, one.key), one)
    rows = [
        (*key, encode_json(one.facts).decode() if one.facts else None, book.now, book.now, one.body)
        for key, one in first.items()
    ]
    count = _BULK["take_in"].change(book.connection, rows)
    new: set[tuple[str, bytes]] = set(first) if count == len(rows) else set()
    if 0 < count < len(rows):
        before = book.connection.last_insert_rowid() - count
        for (text,) in _BULK["taken_in"].run(book.connection, list(first), before):
            new.update((provider, bytes.fromhex(key)) for provider, key in _decode_pairs(str(text)))
    answers = []
    for one in batch:
        answers.append((one.provider, one.key) in new)
        new.discard((one.provider, one.key))
    return answers


def _offer_again(limit: int, book: SqliteBook) -> int:
    bindings = {"now": book.now, "next_start": AT_NEXT_START, "limit": limit}
    book.connection.execute(_SQL["offer_again"], bindings)
    return book.connection.changes()


def _undigested(now: int, limit: int, connection: apsw.Connection) -> list[StoredNotification]:
    found: list[StoredNotification] = []
    size_bytes = 0
    rows = connection.execute(_SQL["undigested"], {"now": now, "limit": limit})
    for seq, provider, key, facts, received_at, tries, body in rows:
        size_bytes += len(body)
        if found and size_bytes > MOST_BYTES:
            break
        notification = Notification(
            provider=ProviderName(provider), key=key, body=body, facts=_decode_facts(facts) if facts else {}
        )
        found.append(StoredNotification(seq=seq, notification=notification, received_at=received_at, tries=tries))
    rows.close()
    return found
