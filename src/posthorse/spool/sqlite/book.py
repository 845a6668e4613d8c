"""The clerk's view of one SQLite transaction: reads as one JSON answer each, writes gathered into bulk statements.

Promise: a read sees what the transaction wrote (it flushes first); after `flush` the database has everything.
Left out: beginning, committing and undoing (`posthorse.spool.sqlite.transaction`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter

import apsw
import msgspec

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.stream import Stream
from posthorse.spool import codec
from posthorse.spool.book import Claim, TenantKey
from posthorse.spool.desk_port import Hold
from posthorse.spool.entry import Entry, EntryKey
from posthorse.spool.port import HistoryRow
from posthorse.spool.proof import Trail
from posthorse.spool.sqlite import blob
from posthorse.spool.sqlite.queries import DUE, ENTRY, Bulk, Value, named
from posthorse.spool.sqlite.rows import (
    STREAM_NUMBER,
    DueTuple,
    decode_due,
    entries_of,
    fact_row,
    message_row,
    new_recipient_row,
    recipient_row,
)
from posthorse.spool.sqlite.trouble import UNREADABLE, Damaged

_HOT = named("hot.sql")
_BULK = {name: Bulk(text) for name, text in _HOT.items() if "{rows}" in text}

_OLDEST, _NEWEST = (_HOT[name].replace(ENTRY, DUE) for name in ("due_oldest", "due_newest"))
_BY_KEY, _BY_MESSAGE, _BY_DUE, _BY_SEQ = itemgetter(0, 11), itemgetter(0), itemgetter(18), itemgetter(8)

_decode_claims = msgspec.json.Decoder(list[tuple[str, str, str, str, int]]).decode
_decode_ids = msgspec.json.Decoder(list[str]).decode
_decode_pairs = msgspec.json.Decoder(list[tuple[str, str]]).decode
_decode_trails = msgspec.json.Decoder(
    list[tuple[str, int, str, str | None, str | None, int, str, str | None, int]]
).decode
_decode_counts = msgspec.json.Decoder(list[tuple[str, int]]).decode
_decode_lengths = msgspec.json.Decoder(list[tuple[str, int, int]]).decode


class Counters:
    """Numbers that the owner of the database gives out; they go on from what is stored."""

    __slots__ = ("body", "seq")

    body: int
    seq: int

    def __init__(self, connection: apsw.Connection) -> None:
        floor = connection.execute("SELECT value FROM meta WHERE key = 'history_floor'").get
        self.seq = max(int(floor or 0), connection.execute("SELECT ifnull(max(seq), 0) FROM history").get)
        self.body = connection.execute("SELECT ifnull(max(row_number), 0) FROM body").get


class SqliteBook:
    """Port `Book` on the writer's connection."""

    def __init__(self, connection: apsw.Connection, counters: Counters, holds: Sequence[Hold]) -> None:
        """`holds`: those in force, kept in memory by the writer."""
        self.connection = connection
        self.now = 0
        self.has_suppressions = True
        """Whether any address is on a list at all."""
        self.lists_changed = False
        """This transaction changed holds or suppressions: what is kept of them in memory must be read anew."""
        self.unreadable: set[MessageId] = set()
        """Messages whose body cannot be read, found by this transaction or before it was begun again."""
        self._counters = counters
        self._holds = holds
        self.messages: list[tuple[Value, ...]] = []
        self.stored_bodies: list[tuple[Value, ...]] = []
        self._apart: list[tuple[int, MessageId, bytes]] = []
        """Bodies that are written by themselves, as accepted."""
        self.recipients: list[tuple[Value, ...]] = []
        self.facts: list[tuple[Value, ...]] = []
        self._claims: list[tuple[Value, ...]] = []
        self._names: dict[tuple[ProviderName, str], MessageId] = {}
        self._changed: dict[EntryKey, Entry] = {}

    # --- writes, gathered -------------------------------------------------------------------------------------------

    def next_seq(self) -> int:
        """The next number of history."""
        self._counters.seq += 1
        return self._counters.seq

    def keep_body(self, message_id: MessageId, body: bytes) -> int:
        """Gather a body; answers its row number."""
        self._counters.body += 1
        number: int = self._counters.body
        if len(body) > blob.APART_BYTES:
            self._apart.append((number, message_id, body))
        else:
            self.stored_bodies.append((number, message_id, codec.encoded(body)))
        return number

    def add(self, message: Message, body: bytes, entries: Sequence[Entry]) -> None:
        """As `Book` says; a repeated id is found when the batch is flushed."""
        self.messages.append(message_row(message, self.keep_body(message.id, body)))
        self.recipients += [new_recipient_row(entry) for entry in entries]

    def claim(self, key: TenantKey, claim: Claim) -> None:
        """As `Book` says."""
        self._claims.append((*key, claim.fingerprint, claim.message_id, claim.expires_at))

    def name(self, provider: ProviderName, provider_message_id: str, message_id: MessageId) -> None:
        """As `Book` says."""
        self._names[provider, provider_message_id] = message_id

    def put(self, entry: Entry) -> None:
        """As `Book` says."""
        self._changed[entry.key] = entry

    def append(self, facts: Sequence[HistoryRow]) -> None:
        """As `Book` says."""
        self.facts += [fact_row(self.next_seq(), fact) for fact in facts]

    def flush(self) -> None:
        """Write everything gathered, in as few statements as there are tables."""
        for name, rows in (
            ("add_messages", self.messages),
            ("add_bodies", self.stored_bodies),
            ("add_recipients", self.recipients),
            ("add_claims", self._claims),
        ):
            if rows:
                _BULK[name].change(self.connection, rows)
                rows.clear()
        for number, message_id, body in self._apart:
            blob.write(self.connection, number, message_id, body)
        self._apart.clear()
        if self._names:
            names = [(*key, message_id) for key, message_id in self._names.items()]
            _BULK["add_names"].change(self.connection, names)
            self._names.clear()
        if self._changed:
            _BULK["put_recipients"].change(self.connection, [recipient_row(e) for e in self._changed.values()])
            self._changed.clear()
        if self.facts:
            _BULK["add_history"].change(self.connection, self.facts)
            self.facts.clear()

    def forget(self) -> None:
        """Drop what was gathered: the transaction was undone."""
        for rows in (self.messages, self.stored_bodies, self.recipients, self._claims, self.facts):
            rows.clear()
        self._apart.clear()
        self._names.clear()
        self._changed.clear()

    # --- the straight path ------------------------------------------------------------------------------------------

    def release_all(self, rows: Sequence[Sequence[Value]]) -> bool:
        """Release every row (id, n, fence, provider, attempt, lease_until); False: some row did not allow it.

        A recipient named twice is changed once, so that the count does not fit and the answer is False.
        """
        return _BULK["release"].change(self.connection, rows, self.now) == len(rows)

    def hand_over_all(self, rows: Sequence[Sequence[Value]]) -> bool:
        """Settle every row (id, n, fence, tried) as handed over; False: some row was not released under that fence."""
        return _BULK["hand_over"].change(self.connection, rows, self.now) == len(rows)

    def take_keys(self, rows: Sequence[tuple[Tenant, str, bytes, MessageId]], until: int) -> Collection[MessageId]:
        """Take the idempotency key of every row (tenant, key, fingerprint, message) that nobody has; whose were free.

        One statement when all are; no key twice.
        """
        count = _BULK["take_keys"].change(self.connection, [(*row, until) for row in rows])
        if count == len(rows) or not count:
            return [message_id for _, _, _, message_id in rows] if count else ()
        asked = [(message_id, tenant, key) for tenant, key, _, message_id in rows]
        before = self.connection.last_insert_rowid() - count
        return {
            MessageId(bytes.fromhex(id_hex))
            for (text,) in _BULK["taken"].run(self.connection, asked, before)
            for id_hex in _decode_ids(str(text))
        }

    def due_rows(self, stream: Stream, limit: int, *, newest_first: bool) -> list[DueTuple]:
        """As `due`, without an object per recipient."""
        self.flush()
        text = _NEWEST if newest_first else _OLDEST
        bindings = {"stream": STREAM_NUMBER[stream], "now": self.now, "limit": limit}
        found = decode_due(self.connection.execute(text, bindings).get)
        found.sort(key=_BY_KEY)
        if newest_first:
            found.sort(key=_BY_MESSAGE, reverse=True)
        else:
            found.sort(key=_BY_DUE)
        return found

    def lease_all(self, rows: Sequence[Sequence[Value]], until: int, node: str) -> None:
        """Lease every row (id, n, fence) just found due."""
        count = _BULK["lease"].change(self.connection, rows, until, node)
        assert count == len(rows), "a recipient changed within the transaction that found it"

    # --- reads ------------------------------------------------------------------------------------------------------

    def _bulk(self, name: str, rows: Sequence[Sequence[Value]], *tail: Value) -> Iterable[tuple[Value, ...]]:
        self.flush()
        return _BULK[name].run(self.connection, rows, *tail)

    def _entries(self, name: str, **bindings: Value) -> list[Entry]:
        self.flush()
        return entries_of(self.connection.execute(_HOT[name], bindings).get)

    def claims(self, keys: Collection[TenantKey]) -> Mapping[TenantKey, Claim]:
        """As `Book` says."""
        if not keys:
            return {}
        return {
            (Tenant(tenant), key): Claim(
                message_id=MessageId(bytes.fromhex(message)), fingerprint=bytes.fromhex(print_), expires_at=expires_at
            )
            for (text,) in self._bulk("claims", list(keys), self.now)
            for tenant, key, message, print_, expires_at in _decode_claims(str(text))
        }

    def waiting_under(self, keys: Collection[TenantKey]) -> Mapping[TenantKey, Sequence[Entry]]:
        """As `Book` says."""
        found: dict[TenantKey, list[Entry]] = {key: [] for key in keys}
        if keys:
            for (text,) in self._bulk("waiting_under", list(keys)):
                for entry in entries_of(text):
                    found[entry.message.tenant, entry.message.supersede_key].append(entry)
        for entries in found.values():
            entries.sort(key=lambda entry: entry.key)
        return found

    def suppressed(self, addresses: Collection[TenantKey]) -> Collection[TenantKey]:
        """As `Book` says."""
        if not addresses or not self.has_suppressions:
            return ()
        return {
            (Tenant(tenant), address)
            for (text,) in self._bulk("suppressed", list(addresses), self.now)
            for tenant, address in _decode_pairs(str(text))
        }

    def holds(self) -> Sequence[Hold]:
        """As `Book` says."""
        return self._holds

    def entries(self, keys: Collection[EntryKey]) -> Mapping[EntryKey, Entry]:
        """As `Book` says."""
        if not keys:
            return {}
        return {entry.key: entry for (text,) in self._bulk("entries", list(keys)) for entry in entries_of(text)}

    def trails(self, ids: Collection[MessageId]) -> Mapping[EntryKey, Sequence[Trail]]:
        """As `Book` says."""
        found: dict[EntryKey, list[Trail]] = {}
        for (text,) in self._bulk("trails", [(message_id,) for message_id in ids]):
            rows = sorted(_decode_trails(str(text)), key=_BY_SEQ)
            for id_hex, n, kind, new, cause, fence, provider, outcome, _ in rows:
                trail = Trail(
                    kind=kind,
                    new=Carriage(new) if new else None,
                    cause=Cause(cause) if cause else None,
                    fence=fence,
                    provider=ProviderName(provider),
                    is_yes=outcome == "handover",
                )
                found.setdefault((MessageId(bytes.fromhex(id_hex)), n), []).append(trail)
        return found

    def due(self, stream: Stream, limit: int, *, newest_first: bool) -> Sequence[Entry]:
        """As `Book` says."""
        query = "due_newest" if newest_first else "due_oldest"
        found = self._entries(query, stream=STREAM_NUMBER[stream], now=self.now, limit=limit)
        found.sort(key=lambda entry: entry.key)
        if newest_first:
            found.sort(key=lambda entry: entry.message.id, reverse=True)
        else:
            found.sort(key=lambda entry: entry.row.next_at or 0)
        return found

    def count_live(self, ids: Collection[MessageId]) -> Mapping[MessageId, int]:
        """As `Book` says."""
        return {
            MessageId(bytes.fromhex(id_hex)): count
            for (text,) in self._bulk("count_live", [(message_id,) for message_id in ids])
            for id_hex, count in _decode_counts(str(text))
        }

    def lapsed(self, limit: int, *, abandoned: bool) -> Sequence[Entry]:
        """As `Book` says."""
        if abandoned:
            found = self._entries("abandoned", limit=limit)
        else:
            found = self._entries("lapsed", now=self.now, limit=limit)
        return sorted(found, key=lambda entry: (entry.row.lease_until or 0, entry.key))

    def late(self, limit: int) -> Sequence[Entry]:
        """As `Book` says."""
        found = self._entries("late", now=self.now, limit=limit)
        return sorted(found, key=lambda entry: (entry.row.expires_at, entry.key))

    def held(self, hold_id: int, limit: int) -> Sequence[Entry]:
        """As `Book` says."""
        return sorted(self._entries("held", hold=hold_id, limit=limit), key=lambda entry: entry.key)

    def bodies(self, ids: Collection[MessageId]) -> dict[MessageId, bytes]:
        """As `Book` says. Raises `Damaged`: the transaction must be undone, and begun again after `look_into`."""
        wanted = [message_id for message_id in ids if message_id not in self.unreadable]
        self.flush()
        try:
            found = self._read_bodies(wanted)
        except (*UNREADABLE, codec.Unreadable) as error:
            raise Damaged(wanted) from error
        self.unreadable.update(message_id for message_id in wanted if message_id not in found)
        return found

    def look_into(self, ids: Iterable[MessageId]) -> bool:
        """Between transactions: find those whose body cannot be read, which then counts as missing; whether any is."""
        before = len(self.unreadable)
        for message_id in ids:
            try:
                self._read_bodies([message_id])
            except (*UNREADABLE, codec.Unreadable):
                self.unreadable.add(message_id)
        return len(self.unreadable) > before

    def _read_bodies(self, ids: Collection[MessageId]) -> dict[MessageId, bytes]:
        found: dict[MessageId, bytes] = {}
        if not ids:
            return found
        for lengths, joined in self._bulk("bodies", [(message_id,) for message_id in ids], blob.APART_BYTES):
            stored = memoryview(joined if isinstance(joined, bytes) else b"")
            place = 0
            for id_hex, length, number in _decode_lengths(str(lengths)):
                message_id = MessageId(bytes.fromhex(id_hex))
                if length > blob.APART_BYTES:
                    found[message_id] = blob.read(self.connection, number, message_id)
                    continue
                found[message_id] = codec.decoded(message_id, bytes(stored[place : place + length]))
                place += length
        return found

    def forget_claims(self, limit: int) -> None:
        """Drop idempotency keys that ran out."""
        self.connection.execute(_HOT["forget_claims"], {"limit": limit, "now": self.now})
