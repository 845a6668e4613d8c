"""The spool in memory: for the seeded world and for tests, held to the same contract as every other.

Promise: each call is one transaction, applied whole or not at all, in one step of the loop. `_commit` is the moment of
durability; the seeded world overrides it to bring delay and crashes before or after it. Nothing outlives the process.

Left out: persistence, and bounds on memory.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.ports import Clock
from posthorse.mail.stream import Stream
from posthorse.spool import decisions
from posthorse.spool.clerk import Clerk
from posthorse.spool.desk_port import (
    MOST_COUNTED,
    Control,
    Decision,
    Hold,
    QueueCounts,
    RecipientView,
    Selector,
    StoredKey,
    Suppression,
    Unconfirmed,
)
from posthorse.spool.entry import Entry, EntryKey, is_unconfirmed, matches, view
from posthorse.spool.inbox_port import EVENTS_KEPT_US, SpoolInbox
from posthorse.spool.kept_port import SpoolKept
from posthorse.spool.learner import Learner
from posthorse.spool.memory_book import MemoryBook
from posthorse.spool.memory_inbox import MemoryInbox
from posthorse.spool.memory_kept import MemoryKept
from posthorse.spool.memory_outbox import MemoryOutbox
from posthorse.spool.memory_recorded import MemoryRecorded
from posthorse.spool.outbox_port import SpoolOutbox
from posthorse.spool.port import (
    AdmitResult,
    HistoryRow,
    LeasedGroup,
    LeaseRequest,
    NewMessage,
    ReleaseMark,
    ReleaseVerdict,
    Renewal,
    Renewed,
    Settled,
    Settlement,
    SweepReport,
)
from posthorse.spool.recorded_port import SpoolRecorded

T = TypeVar("T")

ALL = 2**62
"""No limit."""


class MemorySpool:
    """Ports `Spool` and `SpoolDesk` on dictionaries."""

    def __init__(self, *, clock: Clock, clerk: Clerk | None = None, learner: Learner | None = None) -> None:
        """`clerk` and `learner` hold the safeguards; the seeded world hands in one that lacks one of them."""
        self._clerk = clerk or Clerk()
        self._book = MemoryBook(clock)
        self._inbox = MemoryInbox(self._book, self._transact, learner or Learner())
        self.inbox: SpoolInbox = self._inbox
        self.outbox: SpoolOutbox = MemoryOutbox(self._book, self._transact)
        self.kept: SpoolKept = MemoryKept(self._inbox)
        self.recorded: SpoolRecorded = MemoryRecorded(self._book)

    async def _commit(self, apply: Callable[[], T]) -> T:
        """Make one transaction durable: `apply` changes the book, or raises and changes nothing.

        A subclass may wait, raise `SpoolUnavailable` before `apply` (nothing happened) or after it (it did happen).
        """
        return apply()

    async def _transact(self, work: Callable[[MemoryBook], T]) -> T:
        return await self._commit(lambda: self._book.transact(work))

    async def _pages(self, selector: Selector, work: Callable[[MemoryBook, list[Entry]], int], limit: int = ALL) -> int:
        """Run a decision page by page over matching live recipients, until it moved `limit`."""
        moved, after = 0, None
        while True:
            size = min(decisions.PAGE, limit - moved)
            page = self._book.live(selector, size, after)
            moved += await self._transact(partial(_on_page, work, [entry.key for entry in page], selector))
            if len(page) < size or moved >= limit:
                return moved
            after = page[-1].key

    # --- the hot calls ----------------------------------------------------------------------------------------------

    async def admit(self, batch: Sequence[NewMessage]) -> Sequence[AdmitResult]:
        """As the port says."""
        return await self._transact(lambda book: self._clerk.admit(book, batch))

    async def lease(self, request: LeaseRequest) -> Sequence[LeasedGroup]:
        """As the port says."""
        return await self._transact(lambda book: self._clerk.lease(book, request))

    async def renew(self, batch: Sequence[Renewal]) -> Sequence[Renewed]:
        """As the port says."""
        return await self._transact(lambda book: self._clerk.renew(book, batch))

    async def release(self, batch: Sequence[ReleaseMark]) -> Sequence[ReleaseVerdict]:
        """As the port says."""
        return await self._transact(lambda book: self._clerk.release(book, batch))

    async def settle(self, batch: Sequence[Settlement]) -> Sequence[Settled]:
        """As the port says."""
        return await self._transact(lambda book: self._clerk.settle(book, batch))

    async def sweep(self, limit: int) -> SweepReport:
        """As the port says."""
        return await self._transact(lambda book: self._clerk.sweep(book, limit))

    async def events_since(self, seq: int, limit: int) -> Sequence[HistoryRow]:
        """As the port says."""
        return self._book.since(seq, limit)

    async def next_due(self) -> int | None:
        """As the port says."""
        return self._book.next_due()

    async def close(self) -> None:
        """Nothing to let go of."""

    # --- the desk ---------------------------------------------------------------------------------------------------

    async def select(self, selector: Selector, limit: int) -> Sequence[RecipientView]:
        """As the port says."""
        found = [entry for entry in self._book.all_entries() if matches(selector, entry)]
        found.sort(key=lambda entry: entry.n)
        found.sort(key=lambda entry: entry.message.id, reverse=True)
        return [view(entry) for entry in found[:limit]]

    async def history(self, message_id: MessageId) -> Sequence[HistoryRow]:
        """As the port says."""
        return self._book.history_of(message_id)

    async def body(self, message_id: MessageId) -> bytes | None:
        """As the port says."""
        return self._book.bodies([message_id]).get(message_id)

    async def counts(self) -> QueueCounts:
        """As the port says."""
        by_carriage: dict[tuple[Stream, Carriage], int] = {}
        oldest: dict[Stream, int] = {}
        now = self._book.now
        for entry in self._book.all_entries():
            stream, row = entry.message.stream, entry.row
            by_carriage[stream, row.carriage] = by_carriage.get((stream, row.carriage), 0) + 1
            is_due = row.next_at is not None and row.next_at <= now and row.hold is None
            if row.carriage is Carriage.QUEUED and is_due:
                oldest[stream] = min(oldest.get(stream, now), entry.message.accepted_at)
        return QueueCounts(by_carriage=by_carriage, oldest_waiting=oldest)

    async def count_unconfirmed(self, which: Unconfirmed) -> Mapping[ProviderName, int]:
        """As the port says."""
        shown = [view(entry) for entry in self._book.all_entries()]
        found = Counter(one.provider for one in shown if is_unconfirmed(which, one))
        return {name: min(found[name], MOST_COUNTED) for name in which.providers}

    async def decide(self, selector: Selector, decision: Decision, by: str, limit: int) -> int:
        """As the port says."""
        return await self._pages(selector, lambda book, page: decisions.decide(book, page, decision, by), limit)

    async def hold(self, hold: Hold) -> Hold:
        """As the port says."""
        stored = await self._transact(lambda book: book.add_hold(hold))
        await self._pages(stored.selector, lambda book, page: decisions.mark_held(book, page, stored))
        return stored

    async def unhold(self, hold_id: int) -> int:
        """As the port says."""
        await self._transact(lambda book: book.drop_hold(hold_id))
        return await self._transact(lambda book: decisions.lift_hold(book, book.held(hold_id, ALL), hold_id))

    async def holds(self) -> Sequence[Hold]:
        """As the port says."""
        return self._book.holds()

    async def suppress(self, entry: Suppression) -> None:
        """As the port says."""
        stored = replace(entry, address=address_key(entry.address))
        await self._transact(lambda book: book.suppress(stored))

    async def unsuppress(self, tenant: Tenant, address: str) -> bool:
        """As the port says."""
        return await self._transact(lambda book: book.unsuppress((tenant, address_key(address))))

    async def suppressions(self, tenant: Tenant | None, after: str, limit: int) -> Sequence[Suppression]:
        """As the port says."""
        return self._book.suppressions(tenant, after, limit)

    async def order(self, control: Control) -> None:
        """As the port says."""
        await self._transact(lambda book: book.order(control))

    async def lift(self, key: str) -> bool:
        """As the port says."""
        return await self._transact(lambda book: book.lift(key))

    async def orders(self) -> Sequence[Control]:
        """As the port says."""
        return self._book.orders()

    async def put_key(self, key: StoredKey) -> None:
        """As the port says."""
        await self._transact(lambda book: book.put_key(key))

    async def keys(self) -> Sequence[StoredKey]:
        """As the port says."""
        return self._book.keys()

    async def purge(self, bodies_before: int, history_before: int, limit: int) -> int:
        """As the port says."""

        def work(book: MemoryBook) -> int:
            touched = book.purge(bodies_before, history_before, limit)
            events_before = min(history_before, book.now - EVENTS_KEPT_US)
            return max(touched, self._inbox.purge(bodies_before, events_before, limit))

        return await self._transact(work)

    async def doubt_all(self, by: str) -> int:
        """As the port says."""
        return await self._pages(Selector(), lambda book, page: decisions.doubt(book, page, by))


def _on_page(
    work: Callable[[MemoryBook, list[Entry]], int], keys: list[EntryKey], selector: Selector, book: MemoryBook
) -> int:
    return work(book, decisions.still(book, keys, selector))
