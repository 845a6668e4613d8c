"""The spool on SQLite: ports `Spool` and `SpoolDesk` over a writer thread, a reader thread and a checkpoint thread.

Promise: one process owns the database (a second one is refused); what a call answers is on disk; unreleased leases of a
dead predecessor are lapsed before `open` returns. Left out: what calls do (clerk, decisions, desk) and how (writer).
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import apsw

from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.ports import Clock
from posthorse.spool import decisions
from posthorse.spool.clerk import Clerk
from posthorse.spool.desk_port import (
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
from posthorse.spool.entry import Entry, EntryKey
from posthorse.spool.inbox_port import SpoolInbox
from posthorse.spool.kept_port import SpoolKept
from posthorse.spool.learner import Learner
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
    SpoolUnavailable,
    SweepReport,
)
from posthorse.spool.recorded_port import SpoolRecorded
from posthorse.spool.sqlite import desk, retention
from posthorse.spool.sqlite.book import SqliteBook
from posthorse.spool.sqlite.checkpoint import Checkpointer
from posthorse.spool.sqlite.inbox import SqliteInbox
from posthorse.spool.sqlite.kept import SqliteKept
from posthorse.spool.sqlite.lock import OwnerLock
from posthorse.spool.sqlite.outbox import SqliteOutbox
from posthorse.spool.sqlite.place import Place
from posthorse.spool.sqlite.reader import Reader
from posthorse.spool.sqlite.recorded import SqliteRecorded
from posthorse.spool.sqlite.schema import check_library, connect, create, let_go, migrate
from posthorse.spool.sqlite.seek import find_live
from posthorse.spool.sqlite.transaction import Kind
from posthorse.spool.sqlite.trouble import DISK_FULL, is_full, unavailable
from posthorse.spool.sqlite.writer import Committed, ToldDamage, Writer, prove_writable

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0001
"""How long a thread that waits for the interpreter lock waits before it asks for it (docs/adr/0003)."""

_SWEEP = 500
_ALL = 2**62


class SqliteSpool:
    """Made by `SqliteSpool.open`."""

    def __init__(
        self,
        *,
        writer: Writer,
        reader: Reader,
        checkpoints: Checkpointer,
        lock: OwnerLock,
        clock: Clock,
        clerk: Clerk,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._checkpoints = checkpoints
        self._lock = lock
        self._clock = clock
        self._clerk = clerk
        self._places = retention.Places()
        self.inbox: SpoolInbox = SqliteInbox(ask=reader.ask, work=self._work, now=clock.now, learner=Learner())
        self.outbox: SpoolOutbox = SqliteOutbox(ask=reader.ask, work=self._work, now=clock.now)
        self.kept: SpoolKept = SqliteKept(reader.ask)
        self.recorded: SpoolRecorded = SqliteRecorded(reader.ask)

    @classmethod
    async def open(
        cls,
        path: str,
        *,
        clock: Clock,
        clerk: Clerk | None = None,
        switch_interval_s: float | None = SWITCH_INTERVAL_S,
        vfs: str = "",
        committed: Committed = lambda duration_s, calls: None,
        damaged: ToldDamage = lambda message_id: None,
    ) -> "SqliteSpool":
        """Open or create the database at `path` and own it.

        Raises `SpoolRefused` (another owner, newer schema, unsafe library) and `SpoolUnavailable`. `switch_interval_s`:
        the interpreter's, for the whole process; None leaves it. `vfs`: SQLite's file layer, for tests.
        `committed` is told of every transaction, in the writer's thread; `damaged` of mail whose bytes cannot be read.
        """
        check_library()
        if switch_interval_s is not None:
            sys.setswitchinterval(switch_interval_s)
        clerk = clerk or Clerk()
        opening = partial(connect, path, vfs=vfs)
        lock = OwnerLock(path)
        checkpoints = Checkpointer(opening)
        loop = asyncio.get_running_loop()
        with _or_let_go(path, checkpoints, lock):
            create(path)
            _prepare(opening)
            writer = Writer(
                connect=opening,
                place=Place(path),
                clock=clock,
                clerk=clerk,
                loop=loop,
                checkpoints=checkpoints,
                committed=committed,
                damaged=damaged,
            )
        spool = cls(
            writer=writer,
            reader=Reader(opening, loop),
            checkpoints=checkpoints,
            lock=lock,
            clock=clock,
            clerk=clerk,
        )
        try:
            await spool._take_over()
        except BaseException:
            await spool.close()
            raise
        return spool

    async def _take_over(self) -> None:
        """Put in order what a dead predecessor left."""
        while (await self._work(lambda book: self._clerk.sweep(book, _SWEEP, abandoned=True))).more:
            pass
        unmarked = await self._reader.ask(desk.unmarked_holds)
        for hold in await self.holds():
            if hold.id in unmarked:
                await self._mark(hold)

    # --- the hot calls ----------------------------------------------------------------------------------------------

    async def admit(self, batch: Sequence[NewMessage]) -> Sequence[AdmitResult]:
        """As the port says."""
        answer: Sequence[AdmitResult] = await self._writer.submit(Kind.ADMIT, batch)
        return answer

    async def lease(self, request: LeaseRequest) -> Sequence[LeasedGroup]:
        """As the port says."""
        answer: Sequence[LeasedGroup] = await self._writer.submit(Kind.LEASE, request)
        return answer

    async def renew(self, batch: Sequence[Renewal]) -> Sequence[Renewed]:
        """As the port says."""
        return await self._work(lambda book: self._clerk.renew(book, batch))

    async def release(self, batch: Sequence[ReleaseMark]) -> Sequence[ReleaseVerdict]:
        """As the port says."""
        answer: Sequence[ReleaseVerdict] = await self._writer.submit(Kind.RELEASE, batch)
        return answer

    async def settle(self, batch: Sequence[Settlement]) -> Sequence[Settled]:
        """As the port says."""
        answer: Sequence[Settled] = await self._writer.submit(Kind.SETTLE, batch)
        return answer

    async def sweep(self, limit: int) -> SweepReport:
        """As the port says; idempotency keys that ran out go too."""

        def work(book: SqliteBook) -> SweepReport:
            report = self._clerk.sweep(book, limit)
            book.forget_claims(limit)
            return report

        return await self._work(work)

    async def events_since(self, seq: int, limit: int) -> Sequence[HistoryRow]:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.events_since(connection, seq, limit))

    async def next_due(self) -> int | None:
        """As the port says."""
        return await self._reader.ask(desk.next_due)

    async def close(self) -> None:
        """As the port says."""
        self._checkpoints.close()
        await self._reader.close()
        await self._writer.close()
        self._lock.release()

    # --- the desk: decisions ----------------------------------------------------------------------------------------

    async def prove(self) -> None:
        """Write something and wait until it is durable. Raises `SpoolUnavailable`: nothing can be stored now."""
        await self._work(lambda book: prove_writable(book.connection, book.now))
        self._writer.failed = False

    @property
    def failed(self) -> bool:
        """Something could not be stored, and since then `prove` did not succeed."""
        return self._writer.failed

    async def _work(self, work: Callable[[SqliteBook], T]) -> T:
        answer: T = await self._writer.submit(Kind.WORK, work)
        return answer

    async def _pages(
        self, selector: Selector, work: Callable[[SqliteBook, list[Entry]], int], limit: int = _ALL
    ) -> int:
        """Run a decision page by page over matching live recipients, until it moved `limit`.

        Each page is looked for beside the writer, which only carries it out on what still matches.
        """
        moved, after = 0, None
        while True:
            size = min(decisions.PAGE, limit - moved)
            keys = await self._reader.ask(partial(_live_keys, selector, size, after))
            moved += await self._work(partial(_on_page, work, keys, selector))
            if len(keys) < size or moved >= limit:
                return moved
            after = keys[-1]

    async def decide(self, selector: Selector, decision: Decision, by: str, limit: int) -> int:
        """As the port says."""
        return await self._pages(selector, lambda book, page: decisions.decide(book, page, decision, by), limit)

    async def hold(self, hold: Hold) -> Hold:
        """As the port says; a crash while it marks is made good when the spool opens."""
        stored = await self._work(lambda book: desk.add_hold(book, hold))
        await self._mark(stored)
        return stored

    async def _mark(self, hold: Hold) -> None:
        await self._pages(hold.selector, lambda book, page: decisions.mark_held(book, page, hold))
        await self._work(lambda book: desk.mark_hold(book, hold.id))

    async def unhold(self, hold_id: int) -> int:
        """As the port says."""
        await self._work(lambda book: desk.drop_hold(book, hold_id))
        freed = 0
        while True:
            seen, count = await self._work(partial(_lift_page, hold_id))
            freed += count
            if seen < decisions.PAGE:
                return freed

    async def doubt_all(self, by: str) -> int:
        """As the port says."""
        return await self._pages(Selector(), lambda book, page: decisions.doubt(book, page, by))

    async def purge(self, bodies_before: int, history_before: int, limit: int) -> int:
        """As the port says."""
        return await self._work(lambda book: retention.purge(book, self._places, bodies_before, history_before, limit))

    # --- the desk: lists and questions ------------------------------------------------------------------------------

    async def select(self, selector: Selector, limit: int) -> Sequence[RecipientView]:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.select(connection, selector, limit))

    async def history(self, message_id: MessageId) -> Sequence[HistoryRow]:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.history(connection, message_id))

    async def body(self, message_id: MessageId) -> bytes | None:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.body(connection, message_id))

    async def counts(self) -> QueueCounts:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.counts(connection, self._clock.now()))

    async def count_unconfirmed(self, which: Unconfirmed) -> Mapping[ProviderName, int]:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.count_unconfirmed(connection, which))

    async def holds(self) -> Sequence[Hold]:
        """As the port says."""
        return await self._reader.ask(desk.holds)

    async def suppress(self, entry: Suppression) -> None:
        """As the port says."""
        await self._work(lambda book: desk.suppress(book, entry))

    async def unsuppress(self, tenant: Tenant, address: str) -> bool:
        """As the port says."""
        return await self._work(lambda book: desk.unsuppress(book, tenant, address))

    async def suppressions(self, tenant: Tenant | None, after: str, limit: int) -> Sequence[Suppression]:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.suppressions(connection, tenant, after, limit))

    async def order(self, control: Control) -> None:
        """As the port says."""
        await self._work(lambda book: desk.order(book, control))

    async def lift(self, key: str) -> bool:
        """As the port says."""
        return await self._work(lambda book: desk.lift(book, key))

    async def orders(self) -> Sequence[Control]:
        """As the port says."""
        return await self._reader.ask(lambda connection: desk.orders(connection, self._clock.now()))

    async def put_key(self, key: StoredKey) -> None:
        """As the port says."""
        await self._work(lambda book: desk.put_key(book, key))

    async def keys(self) -> Sequence[StoredKey]:
        """As the port says."""
        return await self._reader.ask(desk.keys)


@contextmanager
def _or_let_go(path: str, checkpoints: Checkpointer, lock: OwnerLock) -> Iterator[None]:
    """Open all of a database, or hold nothing of it. Raises `SpoolUnavailable` for what the disk or SQLite refuses."""
    try:
        yield
    except BaseException as error:
        checkpoints.close()
        lock.release()
        if isinstance(error, apsw.Error | OSError):
            why = DISK_FULL if is_full(path) else str(unavailable(error))
            raise SpoolUnavailable(f"{path} cannot be opened: {why}") from error
        raise


def _prepare(opening: Callable[[], apsw.Connection]) -> None:
    connection = opening()
    try:
        migrate(connection)
    finally:
        let_go(connection)


def _live_keys(selector: Selector, limit: int, after: EntryKey | None, connection: apsw.Connection) -> list[EntryKey]:
    return [entry.key for entry in find_live(connection, selector, limit, after)]


def _on_page(
    work: Callable[[SqliteBook, list[Entry]], int], keys: list[EntryKey], selector: Selector, book: SqliteBook
) -> int:
    return work(book, decisions.still(book, keys, selector))


def _lift_page(hold_id: int, book: SqliteBook) -> tuple[int, int]:
    page = book.held(hold_id, decisions.PAGE)
    return len(page), decisions.lift_hold(book, page, hold_id)
