"""What is learnt back, in memory: port `SpoolInbox` beside the spool in memory, held to the same contract.

Promise: what one call changes is changed in the spool's own transaction, and undone with it. Nothing outlives the
process.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from posthorse.mail.ids import MessageId
from posthorse.spool.book import TenantKey
from posthorse.spool.desk_port import Suppression
from posthorse.spool.inbox_book import ProviderId
from posthorse.spool.inbox_port import AT_NEXT_START, Digestion, Learning, Notification, StoredNotification
from posthorse.spool.learner import Learner
from posthorse.spool.memory_book import MemoryBook

T = TypeVar("T")


class _Transact(Protocol):
    """Runs something in one transaction of the spool."""

    def __call__(self, work: Callable[[MemoryBook], T]) -> Awaitable[T]:
        """Its answer, once durable. Raises `SpoolUnavailable`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A notification with what became of it."""

    stored: StoredNotification
    due_at: int | None
    note: str = ""


class MemoryInbox:
    """Ports `SpoolInbox` and, within a transaction, `InboxBook`."""

    def __init__(self, book: MemoryBook, transact: _Transact, learner: Learner) -> None:
        self.book = book
        self._transact = transact
        self._learner = learner
        self._kept: dict[int, Kept] = {}
        self._seq = 0
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._known: dict[bytes, int] = {}
        """When each event was applied."""

    # --- the port ---------------------------------------------------------------------------------------------------

    async def take_in(self, batch: Sequence[Notification]) -> Sequence[bool]:
        """As the port says."""
        return await self._transact(lambda book: [self._take(book, one) for one in batch])

    async def undigested(self, limit: int) -> Sequence[StoredNotification]:
        """As the port says."""
        now = self.book.now
        due = [(kept.due_at, seq) for seq, kept in self._kept.items() if kept.due_at is not None and kept.due_at <= now]
        return [self._kept[seq].stored for _, seq in sorted(due)[:limit]]

    async def offer_again(self, limit: int) -> int:
        """As the port says."""
        return await self._transact(lambda book: self._offer_again(book, limit))

    async def digest(self, batch: Sequence[Digestion]) -> Sequence[Sequence[Learning]]:
        """As the port says."""
        return await self._transact(lambda book: self._learner.digest(self, batch))

    def purge(self, notifications_before: int, events_before: int, limit: int) -> int:
        """Within a transaction: drop what was read and is old, then keys of old events; at most so many of each."""
        old = [
            seq
            for seq, kept in self._kept.items()
            if kept.due_at in (None, AT_NEXT_START) and kept.stored.received_at < notifications_before
        ][:limit]
        for seq in old:
            notification = self._kept[seq].stored.notification
            self.book.drop(self._numbers, (notification.provider, notification.key))
            self.book.drop(self._kept, seq)
        forgotten = [key for key, at in self._known.items() if at < events_before][:limit]
        for key in forgotten:
            self.book.drop(self._known, key)
        return max(len(old), len(forgotten))

    def _offer_again(self, book: MemoryBook, limit: int) -> int:
        unread = [seq for seq, kept in self._kept.items() if kept.due_at == AT_NEXT_START][:limit]
        for seq in unread:
            book.change(self._kept, seq, replace(self._kept[seq], due_at=book.now))
        return len(unread)

    def _take(self, book: MemoryBook, one: Notification) -> bool:
        key = (one.provider, one.key)
        if key in self._numbers:
            return False
        self._seq += 1
        stored = StoredNotification(seq=self._seq, notification=one, received_at=book.now, tries=0)
        book.change(self._numbers, key, self._seq)
        book.change(self._kept, self._seq, Kept(stored=stored, due_at=book.now))
        return True

    def all_kept(self) -> Sequence[Kept]:
        """Every notification, oldest first."""
        return list(self._kept.values())

    # --- within a transaction ---------------------------------------------------------------------------------------

    def known(self, keys: Collection[bytes]) -> Collection[bytes]:
        """As `InboxBook` says."""
        return {key for key in keys if key in self._known}

    def named(self, ids: Collection[ProviderId]) -> Mapping[ProviderId, MessageId]:
        """As `InboxBook` says."""
        return {name: self.book.names[name] for name in ids if name in self.book.names}

    def addresses(self, ids: Collection[MessageId]) -> Mapping[MessageId, Sequence[tuple[int, str]]]:
        """As `InboxBook` says."""
        found = {message_id: self.book.recipients(message_id) for message_id in ids}
        return {key: [(entry.n, entry.address) for entry in entries] for key, entries in found.items() if entries}

    def listed(self, addresses: Collection[TenantKey]) -> Mapping[TenantKey, Suppression]:
        """As `InboxBook` says."""
        return self.book.listed(addresses)

    def know(self, keys: Collection[bytes]) -> None:
        """As `InboxBook` says."""
        for key in keys:
            self.book.change(self._known, key, self.book.now)

    def suppress(self, entry: Suppression) -> None:
        """As `InboxBook` says."""
        self.book.suppress(entry)

    def digested(self, seq: int, again_at: int | None, note: str) -> None:
        """As `InboxBook` says."""
        kept = self._kept.get(seq)
        if kept is not None:
            stored = replace(kept.stored, tries=kept.stored.tries + 1)
            self.book.change(self._kept, seq, Kept(stored=stored, due_at=again_at, note=note))
