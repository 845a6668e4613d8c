"""SQLite on a disk that fails: what was acknowledged is there, failure is told as such, and it goes on by itself."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId
from posthorse.spool.desk_port import Selector
from posthorse.spool.entry import EntryKey
from posthorse.spool.port import Admitted, Released, SpoolUnavailable
from posthorse.spool.sqlite import SqliteSpool
from tests.contract.spool_faults import Faults, FaultyFiles
from tests.contract.spool_kit import HANDOVER, NODE, UNCLEAR, HandClock, World

Known = dict[EntryKey, set[Carriage]]
"""Where each acknowledged recipient may stand, by what was acknowledged about it."""


@asynccontextmanager
async def faulty(folder: Path, faults: Faults, name: str) -> AsyncIterator[World]:
    """A spool on a failing disk."""
    layer = FaultyFiles(name, faults)
    clock = HandClock()
    spool = await SqliteSpool.open(str(folder / "spool.db"), clock=clock, switch_interval_s=None, vfs=name)
    try:
        yield World(spool=spool, clock=clock)
    finally:
        faults.heal()
        await spool.close()
        layer.unregister()


async def work(world: World) -> tuple[Known, list[SpoolUnavailable]]:
    """Three messages through all calls, some at once; what failed is passed over as a courier would."""
    known: Known = {}
    failures: list[SpoolUnavailable] = []

    async def tried(call: Any) -> Any:
        try:
            return await call
        except SpoolUnavailable as failure:
            failures.append(failure)
            return None

    batches = [[world.message(lease_for=NODE, body=b"x" * 9000)] for _ in range(2)]
    batches.append([world.message("a@example.com", "b@example.com", supersede_key="k", body=b"y" * 20_000)])
    for answer in await asyncio.gather(*(tried(world.spool.admit(batch)) for batch in batches)):
        for admitted in answer or ():
            assert isinstance(admitted, Admitted)
            for view in await world.spool.select(Selector(message_id=admitted.id), 9):
                known[admitted.id, view.n] = {Carriage.QUEUED, Carriage.LEASED, Carriage.RELEASED, Carriage.IN_DOUBT,
                                              Carriage.HANDED_OVER}  # fmt: skip
            if admitted.lease is None:
                continue
            key = (admitted.id, 0)
            verdicts = await tried(world.spool.release([world.mark(admitted.lease)]))
            if verdicts is None:
                continue
            assert isinstance(verdicts[0], Released)
            known[key] = {Carriage.RELEASED, Carriage.IN_DOUBT, Carriage.HANDED_OVER}
            outcome = HANDOVER if len(known) == 1 else UNCLEAR
            if await tried(world.spool.settle([world.settlement(admitted.lease, outcome)])):
                known[key] = {Carriage.HANDED_OVER} if outcome is HANDOVER else {Carriage.IN_DOUBT}
    await tried(world.lease())
    await tried(world.spool.sweep(10))
    return known, failures


async def check(world: World, known: Known) -> None:
    """Everything acknowledged is there and as it was acknowledged."""
    for (message_id, n), allowed in known.items():
        assert await world.carriage(message_id, n) in allowed
        assert await world.spool.body(message_id) in (b"x" * 9000, b"y" * 20_000)


async def filled(world: World, body: bytes) -> tuple[list[MessageId], SpoolUnavailable]:
    """Take mail until the spool refuses; answers what it took and the refusal."""
    stored: list[MessageId] = []
    while len(stored) < 500:
        try:
            stored.append((await world.admit(body=body)).id)
        except SpoolUnavailable as refusal:
            return stored, refusal
    pytest.fail("the disk was never full")


async def usable(world: World) -> None:
    """The spool takes mail again without a restart, after a moment."""
    for _ in range(3):
        world.clock.forward(1)
        try:
            await world.admit()
        except SpoolUnavailable:
            continue
        return
    pytest.fail("the spool did not recover")


@pytest.mark.parametrize(
    ("error", "what"),
    [(apsw.IOError, "sync"), (apsw.IOError, "write"), (apsw.FullError, "write")],
    ids=["sync", "write", "full"],
)
def test_any_single_failure_loses_nothing_acknowledged(tmp_path: Path, error: type[apsw.Error], what: str) -> None:
    """For every n: the n-th write or sync fails once; nothing acknowledged is lost and the spool recovers by itself."""

    async def story(number: int) -> bool:
        folder = tmp_path / str(number)
        folder.mkdir()
        faults = Faults()
        async with faulty(folder, faults, f"faulty-{what}-{error.__name__}-{number}") as world:
            faults.arm(number, error, what)
            known, failures = await work(world)
            struck = faults.struck
            assert all(failure.disk_full == (error is apsw.FullError) for failure in failures)
            faults.heal()
            await usable(world)
            await check(world, known)
        clock = HandClock()
        spool = await SqliteSpool.open(str(folder / "spool.db"), clock=clock, switch_interval_s=None)
        await check(World(spool=spool, clock=clock), known)
        await spool.close()
        return bool(struck)

    number = 1
    while asyncio.run(story(number)):
        number += 1
    assert number > 5, "the failing call was never met"


def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """No room: 452-like refusals and nothing acknowledged is lost; with room again it goes on."""

    async def story() -> None:
        faults = Faults()
        async with faulty(tmp_path, faults, "faulty-room") as world:
            faults.room = sum(faults.sizes.values()) + 1_500_000
            stored, refusal = await filled(world, b"z" * 10_000)
            assert refusal.disk_full
            assert len(stored) > 10
            with pytest.raises(SpoolUnavailable):
                await world.admit(body=b"z" * 2_000_000)
            faults.heal()
            await usable(world)
            views = await world.spool.select(Selector(), 1000)
            assert set(stored) <= {view.message.id for view in views}
            for message_id in stored:
                assert await world.spool.body(message_id) == b"z" * 10_000

    asyncio.run(story())


def test_a_failing_disk_is_left_alone_for_a_moment(tmp_path: Path) -> None:
    """While it fails every call is refused at once, and the desk's questions too; nothing hangs."""

    async def story() -> None:
        faults = Faults()
        async with faulty(tmp_path, faults, "faulty-long") as world:
            stored = await world.admit()
            every: Callable[[str], bool] = lambda call: True  # noqa: E731
            for _ in range(5):
                faults.arm(1, apsw.IOError, "write", "sync", "truncate")
                faults.counts = every
                with pytest.raises(SpoolUnavailable):
                    await world.admit()
                with pytest.raises(SpoolUnavailable):
                    await world.admit()
                world.clock.forward(1)
            faults.heal()
            await usable(world)
            assert await world.carriage(stored.id) is Carriage.QUEUED

    asyncio.run(story())


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A real file system of 3 MiB, where this machine lets root make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small file system can only be mounted by root outside a closed container")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_really_full_disk(small_disk: Path) -> None:
    """The kernel's own ENOSPC: refused, told as a full disk, and fine again when somebody makes room."""

    async def story() -> None:
        clock = HandClock()
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"\0" * (1 << 20))
        spool = await SqliteSpool.open(str(small_disk / "spool.db"), clock=clock, switch_interval_s=None)
        world = World(spool=spool, clock=clock)
        stored, refusal = await filled(world, os.urandom(20_000))
        assert refusal.disk_full
        ballast.unlink()
        await usable(world)
        proved = [not spool.failed]
        await spool.prove()
        proved.append(not spool.failed)
        assert proved == [False, True], "what goes through by chance proves nothing"
        for message_id in stored:
            assert await world.carriage(message_id) is Carriage.QUEUED
        await spool.close()

    asyncio.run(story())


def test_a_start_on_a_full_disk_is_told_as_such(small_disk: Path) -> None:
    """With a spool there or without, the reason is the disk, and with room again the same start succeeds."""

    async def start() -> None:
        spool = await SqliteSpool.open(str(small_disk / "spool.db"), clock=HandClock(), switch_interval_s=None)
        await spool.close()

    ballast = small_disk / "ballast"
    for _ in range(2):
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        with ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x")
        with pytest.raises(SpoolUnavailable, match="the disk of the spool is full"):
            asyncio.run(start())
        ballast.unlink()
        asyncio.run(start())
