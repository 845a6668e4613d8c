"""The checkpoint thread: moves what is committed from the log into the database, beside the writer.

A checkpoint inside the writer's own commits would make every few thousandth caller wait for it. PASSIVE waits for
nobody and blocks nobody. The log is used from its start again once all of it was moved; under constant load that moment
never comes by itself, so beyond `LARGE_PAGES` the writer moves the small remainder between two transactions.

Promise: a failing checkpoint loses nothing; it is tried again after the next step.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

import apsw

from posthorse.spool.sqlite.schema import let_go

STEP_PAGES = 2_000
"""Pages written to the log between two passes (16 MiB)."""

LARGE_PAGES = 24_000
"""Pages in the log beyond which the writer helps to finish (192 MiB)."""


class Checkpointer:
    """One thread with a connection of its own."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._wake = threading.Event()
        self._closing = False
        self._next = STEP_PAGES
        self.needs_writer = False
        """The log is long and nearly moved: the writer should finish it between two transactions."""
        self.passes = 0
        self._thread = threading.Thread(target=self._work, name="spool-checkpoint", daemon=True)
        self._thread.start()

    def committed(self, connection: apsw.Connection) -> None:
        """The writer committed on `connection`; wakes the thread when a step is full."""
        written, _ = connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)
        if not self._next - STEP_PAGES <= written < self._next:
            self._next = written + STEP_PAGES
            self._wake.set()

    def finish(self, connection: apsw.Connection) -> None:
        """Called by the writer between two transactions when it is needed; a pass under way does it as well."""
        self.needs_writer = False
        with suppress(apsw.BusyError):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def close(self) -> None:
        """End the thread after the pass under way."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _work(self) -> None:
        connection: apsw.Connection | None = None
        while self._wake.wait() and not self._closing:
            self._wake.clear()
            try:
                connection = connection or self._connect()
                in_log, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self.needs_writer = in_log > LARGE_PAGES
                self.passes += 1
            except apsw.Error:
                let_go(connection)
                connection = None
        let_go(connection)
