"""The writer thread: owns the write connection, drains all waiting calls into one transaction, answers them together.

Promise: an answer is given after its COMMIT returned with everything on disk (synchronous=FULL). When storage fails,
all calls of the transaction get `SpoolUnavailable`, and after anything but a full disk the connection is closed, opened
anew, checkpointed and tried before the next call is done. Recovery needs no restart: every new batch tries.

Each SQLite step gives the interpreter lock away and waits for it again beside a busy event loop, so a transaction is a
handful of statements however many calls it serves, and answers travel back in one wake-up.

Left out: what a call does (`posthorse.spool.sqlite.transaction`), checkpoints in normal times (`...sqlite.checkpoint`).
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import apsw

from posthorse.mail.ids import MessageId
from posthorse.mail.ports import Clock
from posthorse.spool.clerk import Clerk
from posthorse.spool.desk_port import Hold
from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.sqlite import desk
from posthorse.spool.sqlite.book import Counters, SqliteBook
from posthorse.spool.sqlite.checkpoint import Checkpointer
from posthorse.spool.sqlite.place import Place
from posthorse.spool.sqlite.schema import let_go
from posthorse.spool.sqlite.transaction import (
    Call,
    Kind,
    NotStraight,
    Paths,
    run,
    run_apart,
)
from posthorse.spool.sqlite.trouble import Damaged, blamed, is_storage_failure, unavailable

MOST_CALLS = 512
"""Calls in one transaction at most."""

COMPANY_S = 0.005
"""How long settlements wait for another call to share their commit: nobody waits for them, and a commit of their own is
what the next client would wait for."""

RETRY_S = 0.25
"""How long a broken storage is left alone between two tries to open it."""


Committed = Callable[[float, int], None]
"""Seconds a transaction took, fsync included, and how many calls shared it."""

ToldDamage = Callable[[MessageId], None]
"""Told of a message that was due and whose stored bytes cannot be read."""


class Writer:
    """The thread and its queue. `submit` is called on the loop, everything else runs in the thread."""

    def __init__(
        self,
        *,
        connect: Callable[[], apsw.Connection],
        place: Place,
        clock: Clock,
        clerk: Clerk,
        loop: asyncio.AbstractEventLoop,
        checkpoints: Checkpointer,
        committed: Committed,
        damaged: ToldDamage,
    ) -> None:
        """`connect` opens a connection ready for use; `committed` is told of every transaction, in the thread;
        `damaged` is called on the loop.
        """
        self._connect = connect
        self._place = place
        self._clock = clock
        self._clerk = clerk
        self._loop = loop
        self._checkpoints = checkpoints
        self._committed = committed
        self._damaged = damaged
        self.failed = False
        """Something could not be stored, and since then nobody proved that anything can be."""
        self._gathered: list[Call] = []
        self._queue: SimpleQueue[list[Call] | None] = SimpleQueue()
        self._holds: list[Hold] = []
        self._broken_at: float | None = None
        self._connection: apsw.Connection | None = None
        self._book: SqliteBook | None = None
        self._closing = False
        self.transactions = 0
        self.calls = 0
        try:
            self._open()
        except BaseException:
            let_go(self._connection)
            raise
        self._thread = threading.Thread(target=self._work, name="spool-writer", daemon=True)
        self._thread.start()

    # --- on the loop ------------------------------------------------------------------------------------------------

    def submit(self, kind: Kind, asked: Any) -> asyncio.Future[Any]:
        """Queue a call; the future gets its answer after the commit. Raises `SpoolUnavailable` once closed.

        Calls of one turn of the loop wake the thread once, when all of them are there: a thread that is woken by the
        first would take the interpreter away from those who are about to ask, and begin with a small transaction.
        """
        if self._closing:
            raise SpoolUnavailable("the spool is closed")
        waiter: asyncio.Future[Any] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._send)
        self._gathered.append(Call(kind, asked, waiter))
        return waiter

    def _send(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._queue.put(gathered)

    async def close(self) -> None:
        """Finish what is queued, then end the thread and close the connection."""
        if self._closing:
            return
        ended = self.submit(Kind.WORK, _nothing)
        self._closing = True
        self._loop.call_soon(self._queue.put, None)
        await asyncio.wait([ended])
        ended.exception()
        self._thread.join()

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (gathered := self._queue.get()) is not None:
            calls = gathered
            ends = self._drain(calls) or self._wait_for_company(calls)
            for start in range(0, len(calls), MOST_CALLS):
                self._serve(calls[start : start + MOST_CALLS])
            if ends:
                break
        let_go(self._connection)

    def _drain(self, calls: list[Call]) -> bool:
        """Take what came meanwhile; True: the end was among it."""
        while len(calls) < MOST_CALLS:
            try:
                gathered = self._queue.get_nowait()
            except Empty:
                return False
            if gathered is None:
                return True
            calls += gathered
        return False

    def _wait_for_company(self, calls: list[Call]) -> bool:
        """Settlements alone go with whatever comes next, if it comes soon; True: the end came."""
        if any(call.kind is not Kind.SETTLE for call in calls):
            return False
        try:
            gathered = self._queue.get(timeout=COMPANY_S)
        except Empty:
            return False
        if gathered is None:
            return True
        calls += gathered
        return self._drain(calls)

    def _serve(self, calls: list[Call]) -> None:
        began_s = self._clock.monotonic()
        try:
            self._transact(calls)
            self._committed(self._clock.monotonic() - began_s, len(calls))
        except Exception as error:
            failure = self._failed(error)
            self.failed = True
            for call in calls:
                call.answer = None
                call.error = SpoolUnavailable(str(failure), disk_full=failure.disk_full)
        self.calls += len(calls)
        try:
            self._loop.call_soon_threadsafe(_answer, calls)
        except RuntimeError:
            return  # the loop ended before its spool was closed: nobody waits for an answer
        if self._checkpoints.needs_writer and self._connection is not None:
            self._help(self._connection)

    def _help(self, connection: apsw.Connection) -> None:
        try:
            self._checkpoints.finish(connection)
        except apsw.Error as error:
            self._failed(error)

    def _transact(self, calls: list[Call]) -> None:
        book = self._ready()
        paths, is_apart = Paths(), False
        while True:
            self._begin(book)
            try:
                if is_apart:
                    run_apart(book, self._clerk, calls)
                else:
                    run(book, self._clerk, calls, paths)
                break
            except NotStraight:
                self._undo(book)
            except Damaged as damaged:
                self._undo(book)
                if not book.look_into(damaged.ids):
                    raise
            except Exception as error:
                if is_storage_failure(error) or is_apart:
                    raise
                self._undo(book)
                if len(calls) == 1:
                    calls[0].answer, calls[0].error = None, blamed(error)
                    return
                is_apart = True
        book.connection.execute("COMMIT")
        self.transactions += 1
        self._committed_on(book)

    def _committed_on(self, book: SqliteBook) -> None:
        if book.lists_changed:
            self._load_lists(book)
        for message_id in book.unreadable:
            self._loop.call_soon_threadsafe(self._damaged, message_id)
        book.unreadable.clear()
        self._checkpoints.committed(book.connection)

    def _begin(self, book: SqliteBook) -> None:
        book.now = self._clock.now()
        book.connection.execute("BEGIN IMMEDIATE")

    def _undo(self, book: SqliteBook) -> None:
        book.forget()
        if book.connection.in_transaction:
            book.connection.execute("ROLLBACK")
        if book.lists_changed:
            self._load_lists(book)

    # --- trouble ----------------------------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> SpoolUnavailable:
        """Put the storage into a known state after a failure; answers what the callers are told."""
        if isinstance(error, SpoolUnavailable):
            return error
        disk_full = isinstance(error, apsw.FullError)
        try:
            if self._book is None:
                raise error
            self._undo(self._book)
            if not disk_full:
                raise error
            # Moving what is committed into the database lets the log be used from its start again.
            self._book.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except Exception:
            self._let_go()
        return unavailable(error)

    def _let_go(self) -> None:
        self._broken_at = self._clock.monotonic()
        connection, self._connection, self._book = self._connection, None, None
        let_go(connection)

    def _ready(self) -> SqliteBook:
        """The book, opening the storage again if it was let go. Raises `SpoolUnavailable` or a storage failure."""
        self._place.check()
        if self._book is not None:
            return self._book
        if self._broken_at is not None and self._clock.monotonic() - self._broken_at < RETRY_S:
            raise SpoolUnavailable("the storage of the spool failed a moment ago and is not tried yet")
        return self._open()

    def _open(self) -> SqliteBook:
        """Open and check: all that was logged is moved into the database and synced, and a write must succeed."""
        self._connection = connection = self._connect()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        prove_writable(connection, self._clock.now())
        self._book = SqliteBook(connection, Counters(connection), self._holds)
        self._load_lists(self._book)
        self._broken_at = None
        return self._book

    def _load_lists(self, book: SqliteBook) -> None:
        self._holds[:] = desk.holds(book.connection)
        book.has_suppressions = desk.has_suppressions(book.connection)
        book.lists_changed = False


def prove_writable(connection: apsw.Connection, now: int) -> None:
    """Change something: a transaction without changes would say nothing of the storage."""
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('opened_at', ?)", (str(now),))


def _nothing(book: SqliteBook) -> None:
    del book


def _answer(calls: Sequence[Call]) -> None:
    """On the loop: hand every call its answer; whoever stopped waiting gets none."""
    for call in calls:
        waiter = call.waiter
        if waiter.done():
            continue
        if call.error is not None:
            waiter.set_exception(call.error)
        else:
            waiter.set_result(call.answer)
