"""SQLite beside others at the same database: its own checkpoints, a shell that holds a lock, somebody who reads on."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.sqlite import SqliteSpool, schema
from tests.contract.spool_faults import Faults, FaultyFiles
from tests.contract.spool_kit import HandClock, World


class SlowCheckpoint(Faults):
    """The checkpoint thread waits in its first write to the database until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.go_on = threading.Event(), threading.Event()

    def meet(self, what: str) -> None:
        """Stop here, if this is that thread."""
        if what == "write" and threading.current_thread().name == "spool-checkpoint":
            self.inside.set()
            assert self.go_on.wait(30)
        super().meet(what)


def test_the_writer_that_helps_with_the_log_refuses_nobody(tmp_path: Path) -> None:
    """A long log asks for the writer's help while the checkpoint thread is at it: that is no failure of the storage."""

    async def story() -> None:
        faults = SlowCheckpoint()
        layer = FaultyFiles("slow-checkpoint", faults)
        spool = await SqliteSpool.open(
            str(tmp_path / "spool.db"), clock=HandClock(), switch_interval_s=None, vfs="slow-checkpoint"
        )
        world = World(spool=spool, clock=HandClock())
        try:
            await world.admit()
            spool._checkpoints._wake.set()
            assert await asyncio.to_thread(faults.inside.wait, 30)
            for _ in range(3):
                spool._checkpoints.needs_writer = True
                await world.admit()
            assert not spool.failed
        finally:
            faults.go_on.set()
            await spool.close()
            layer.unregister()

    asyncio.run(story())


NEIGHBOUR = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("begun", flush=True)
sys.stdin.read()
"""


@contextmanager
def neighbour(path: Path, *statements: str) -> Iterator[None]:
    """Another process in the middle of a transaction, until the block ends."""
    command = [sys.executable, "-c", NEIGHBOUR, str(path), *statements]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        yield


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_lock_of_another_process_is_told_and_survived(
    lock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile mail is refused with the reason and the desk answers; afterwards all goes on without a restart."""
    monkeypatch.setattr(schema, "BUSY_MS", 20)

    async def story() -> None:
        clock = HandClock()
        spool = await SqliteSpool.open(str(tmp_path / "spool.db"), clock=clock, switch_interval_s=None)
        world = World(spool=spool, clock=clock)
        stored = await world.admit()
        with neighbour(tmp_path / "spool.db", lock):
            with pytest.raises(SpoolUnavailable, match="another process holds a lock"):
                await world.admit()
            assert await world.carriage(stored.id) is Carriage.QUEUED
            clock.forward(1)
            with pytest.raises(SpoolUnavailable, match="another process holds a lock"):
                await world.admit()
        clock.forward(1)
        await world.admit()
        await spool.close()

    asyncio.run(story())


def size_bytes(path: Path) -> int:
    """Of the log beside a database."""
    return Path(f"{path}-wal").stat().st_size


def test_a_log_that_somebody_kept_long_gives_its_room_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody reads on, the log only grows; once it begins anew, what is beyond the bound is free again."""
    monkeypatch.setattr(schema, "LOG_KEPT_BYTES", 1 << 20)

    async def story() -> None:
        clock = HandClock()
        path = tmp_path / "spool.db"
        spool = await SqliteSpool.open(str(path), clock=clock, switch_interval_s=None)
        world = World(spool=spool, clock=clock)
        await world.admit()
        with neighbour(path, "BEGIN", "SELECT count(*) FROM body"):
            for _ in range(3):
                await world.admit(body=os.urandom(1 << 20))
        grown = size_bytes(path)
        for _ in range(20):
            await world.admit()
            spool._checkpoints.needs_writer = True
        assert (grown > 3 << 20, size_bytes(path) <= 1 << 20) == (True, True)
        await spool.close()

    asyncio.run(story())
