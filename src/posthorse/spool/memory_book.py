"""The dictionaries of the spool in memory: messages, recipients and their history.

Promise: every order is total, so that a seed decides everything. Left out: undoing (`memory_tables`), what people keep
(`memory_lists`), decisions (`posthorse.spool.clerk`, `posthorse.spool.decisions`).
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Self, TypeVar

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Cause
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.ports import Clock
from posthorse.mail.stream import Stream
from posthorse.spool.book import Claim, TenantKey
from posthorse.spool.desk_port import Selector
from posthorse.spool.entry import Entry, EntryKey, matches
from posthorse.spool.memory_lists import MemoryLists
from posthorse.spool.port import HistoryRow, SpoolMisuse
from posthorse.spool.proof import ANSWERED, TELLING, Trail

T = TypeVar("T")

_GIVEN = frozenset({Carriage.RELEASED, Carriage.IN_DOUBT, Carriage.HANDED_OVER})


class MemoryBook(MemoryLists):
    """Port `Book`, and what the desk keeps beside it (`MemoryLists`)."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._messages: dict[MessageId, Message] = {}
        self._bodies: dict[MessageId, bytes] = {}
        self._recipients: dict[MessageId, tuple[EntryKey, ...]] = {}
        self._entries: dict[EntryKey, Entry] = {}
        self._live: dict[EntryKey, None] = {}
        self._history: list[HistoryRow] = []
        self._seq = 0
        self._claims: dict[TenantKey, Claim] = {}
        self.names: dict[tuple[ProviderName, str], MessageId] = {}
        """By which ids providers know messages."""
        self._keyed: dict[TenantKey, tuple[MessageId, ...]] = {}

    def transact(self, work: Callable[[Self], T]) -> T:
        """Run one transaction; whatever it raises, nothing of it stays."""
        history, seq, length = self._history, self._seq, len(self._history)
        try:
            return super().transact(work)
        except BaseException:
            del history[length:]
            self._history, self._seq = history, seq
            raise

    # --- reads ------------------------------------------------------------------------------------------------------

    def claims(self, keys: Collection[TenantKey]) -> Mapping[TenantKey, Claim]:
        """As `Book` says."""
        found = {key: self._claims[key] for key in keys if key in self._claims}
        return {key: claim for key, claim in found.items() if claim.expires_at > self.now}

    def waiting_under(self, keys: Collection[TenantKey]) -> Mapping[TenantKey, Sequence[Entry]]:
        """As `Book` says."""
        return {
            key: [
                self._entries[place]
                for message_id in sorted(self._keyed.get(key, ()))
                for place in self._recipients.get(message_id, ())
                if place in self._live
            ]
            for key in keys
        }

    def recipients(self, message_id: MessageId) -> Sequence[Entry]:
        """Every recipient of a message; none if it is unknown."""
        return [self._entries[key] for key in self._recipients.get(message_id, ())]

    def entries(self, keys: Collection[EntryKey]) -> Mapping[EntryKey, Entry]:
        """As `Book` says."""
        return {key: self._entries[key] for key in keys if key in self._entries}

    def all_entries(self) -> Collection[Entry]:
        """Every recipient that is kept."""
        return self._entries.values()

    def _live_entries(self) -> list[Entry]:
        return [self._entries[key] for key in self._live]

    def due(self, stream: Stream, limit: int, *, newest_first: bool) -> Sequence[Entry]:
        """As `Book` says."""
        now = self.now
        found = [
            entry
            for entry in self._live_entries()
            if entry.message.stream is stream
            and entry.row.carriage in (Carriage.QUEUED, Carriage.IN_DOUBT)
            and entry.row.next_at is not None
            and entry.row.next_at <= now
            and entry.row.hold is None
        ]
        found.sort(key=lambda entry: entry.key)
        if newest_first:
            found.sort(key=lambda entry: entry.message.id, reverse=True)
        else:
            found.sort(key=lambda entry: entry.row.next_at or 0)
        chosen = {entry.message.id for entry in found[:limit]}
        return [entry for entry in found if entry.message.id in chosen]

    def count_live(self, ids: Collection[MessageId]) -> Mapping[MessageId, int]:
        """As `Book` says."""
        return {each: sum(key in self._live for key in self._recipients.get(each, ())) for each in ids}

    def lapsed(self, limit: int, *, abandoned: bool) -> Sequence[Entry]:
        """As `Book` says."""
        now = self.now
        found = [
            entry
            for entry in self._live_entries()
            if entry.row.lease_until is not None
            and (entry.row.carriage is Carriage.LEASED if abandoned else entry.row.lease_until <= now)
        ]
        found.sort(key=lambda entry: (entry.row.lease_until, entry.key))
        return found[:limit]

    def late(self, limit: int) -> Sequence[Entry]:
        """As `Book` says."""
        now = self.now
        found = [e for e in self._live_entries() if e.row.carriage is Carriage.QUEUED and e.row.expires_at <= now]
        found.sort(key=lambda entry: (entry.row.expires_at, entry.key))
        return found[:limit]

    def live(self, selector: Selector, limit: int, after: EntryKey | None) -> Sequence[Entry]:
        """As `Book` says."""
        if selector.message_id is None:
            among = self._live_entries()
        else:
            among = [entry for entry in self.recipients(selector.message_id) if entry.key in self._live]
        found = [entry for entry in among if matches(selector, entry)]
        if after is not None:
            message_id, n = after
            found = [e for e in found if e.message.id < message_id or (e.message.id == message_id and e.n > n)]
        found.sort(key=lambda entry: entry.n)
        found.sort(key=lambda entry: entry.message.id, reverse=True)
        return found[:limit]

    def held(self, hold_id: int, limit: int) -> Sequence[Entry]:
        """As `Book` says."""
        found = sorted(key for key, entry in self._entries.items() if entry.row.hold == hold_id)
        return [self._entries[key] for key in found[:limit]]

    def bodies(self, ids: Collection[MessageId]) -> dict[MessageId, bytes]:
        """As `Book` says."""
        return {message_id: self._bodies[message_id] for message_id in ids if message_id in self._bodies}

    def next_due(self) -> int | None:
        """The earliest due time of a waiting recipient that is not held."""
        times = [
            entry.row.next_at
            for entry in self._live_entries()
            if entry.row.next_at is not None
            and entry.row.hold is None
            and entry.row.carriage in (Carriage.QUEUED, Carriage.IN_DOUBT)
        ]
        return min(times, default=None)

    @property
    def last_seq(self) -> int:
        """Number of the last fact that was written."""
        return self._seq

    def since(self, seq: int, limit: int) -> Sequence[HistoryRow]:
        """History after `seq`, oldest first."""
        start = bisect_right(self._history, seq, key=lambda fact: fact.seq)
        return self._history[start : start + limit]

    def history_of(self, message_id: MessageId) -> Sequence[HistoryRow]:
        """All facts of one message, oldest first."""
        return [fact for fact in self._history if fact.message_id == message_id]

    def trails(self, ids: Collection[MessageId]) -> Mapping[EntryKey, Sequence[Trail]]:
        """As `Book` says."""
        found: dict[EntryKey, list[Trail]] = {}
        for fact in self._history:
            if fact.message_id in ids and (
                fact.new in _GIVEN or fact.kind in TELLING | ANSWERED or fact.cause is Cause.RESTORE
            ):
                trail = Trail(
                    kind=fact.kind,
                    new=fact.new,
                    cause=fact.cause,
                    fence=fact.fence,
                    provider=fact.provider,
                    is_yes=fact.detail.get("outcome") == "handover",
                )
                found.setdefault((fact.message_id, fact.n), []).append(trail)
        return found

    # --- writes -----------------------------------------------------------------------------------------------------

    def add(self, message: Message, body: bytes, entries: Sequence[Entry]) -> None:
        """As `Book` says."""
        if message.id in self._messages:
            raise SpoolMisuse(f"message id {message.id.hex()} is stored already")
        self.change(self._messages, message.id, message)
        self.change(self._bodies, message.id, body)
        self.change(self._recipients, message.id, tuple(entry.key for entry in entries))
        for entry in entries:
            self.put(entry)
        if message.supersede_key:
            key = (message.tenant, message.supersede_key)
            self.change(self._keyed, key, (*self._keyed.get(key, ()), message.id))

    def claim(self, key: TenantKey, claim: Claim) -> None:
        """As `Book` says."""
        self.change(self._claims, key, claim)

    def name(self, provider: ProviderName, provider_message_id: str, message_id: MessageId) -> None:
        """As `Book` says."""
        self.change(self.names, (provider, provider_message_id), message_id)

    def put(self, entry: Entry) -> None:
        """As `Book` says."""
        self.change(self._entries, entry.key, entry)
        if entry.row.carriage in ENDS_OF_DUTY:
            self.drop(self._live, entry.key)
        elif entry.key not in self._live:
            self.change(self._live, entry.key, None)

    def append(self, facts: Sequence[HistoryRow]) -> None:
        """As `Book` says."""
        for fact in facts:
            self._seq += 1
            self._history.append(replace(fact, seq=self._seq))

    # --- retention --------------------------------------------------------------------------------------------------

    def purge(self, bodies_before: int, history_before: int, limit: int) -> int:
        """Drop bodies, then everything, of messages that rested long enough; oldest message first."""
        gone = self._rested_before(history_before, self._messages)[:limit]
        for message_id in gone:
            self._forget(message_id)
        bare = self._rested_before(bodies_before, self._bodies)[: limit - len(gone)]
        for message_id in bare:
            self.drop(self._bodies, message_id)
        self._forget_history(set(gone))
        return len(gone) + len(bare)

    def _rested_before(self, before: int, ids: Collection[MessageId]) -> list[MessageId]:
        return sorted(
            message_id
            for message_id in ids
            if all(
                (rested := self._entries[key].rested_at) is not None and rested < before
                for key in self._recipients[message_id]
            )
        )

    def _forget(self, message_id: MessageId) -> None:
        message = self._messages[message_id]
        for key in self._recipients[message_id]:
            self.drop(self._entries, key)
        for name in [name for name, owner in self.names.items() if owner == message_id]:
            self.drop(self.names, name)
        self.drop(self._recipients, message_id)
        self.drop(self._messages, message_id)
        self.drop(self._bodies, message_id)
        if message.supersede_key:
            keyed = (message.tenant, message.supersede_key)
            self.change(self._keyed, keyed, tuple(i for i in self._keyed[keyed] if i != message_id))

    def _forget_history(self, ids: set[MessageId]) -> None:
        if ids:
            self._history = [fact for fact in self._history if fact.message_id not in ids]
