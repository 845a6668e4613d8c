"""Power cuts: whatever part of the unsynced writes survives, nothing acknowledged is lost; a control does lose."""

import asyncio
import random
from pathlib import Path

import apsw
import pytest

from posthorse.mail.carriage import Carriage
from posthorse.spool.desk_port import Selector
from posthorse.spool.entry import EntryKey
from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.sqlite import SqliteSpool
from posthorse.spool.sqlite import spool as spool_module
from posthorse.spool.sqlite.schema import connect
from tests.contract.spool_kit import HANDOVER, HandClock, World
from tests.contract.spool_power import Power, PoweredFiles

CUTS = 30


async def under_load(folder: Path, seed: int, power: Power) -> dict[EntryKey, Carriage]:
    """Work until the power goes; answers what was acknowledged last about each recipient."""
    dice = random.Random(seed)
    layer = PoweredFiles(f"power-{seed}", power)
    told: dict[EntryKey, Carriage] = {}
    clock = HandClock()
    spool = await SqliteSpool.open(str(folder / "spool.db"), clock=clock, switch_interval_s=None, vfs=layer.name)
    world = World(spool=spool, clock=clock)
    power.cut_at = power.writes + dice.randrange(200, 2_500)

    async def client() -> None:
        while True:
            group = await world.admit_leased(body=b"x" * dice.choice((100, 9_000, 40_000)))
            told[group.message.id, 0] = Carriage.LEASED
            await world.release(group)
            told[group.message.id, 0] = Carriage.RELEASED
            await world.settle(group, HANDOVER)
            told[group.message.id, 0] = Carriage.HANDED_OVER

    await asyncio.gather(*(_until_dark(client()) for _ in range(5)))
    await spool.close()
    layer.unregister()
    power.leave_behind(dice)
    return told


async def _until_dark(client: object) -> None:
    with pytest.raises(SpoolUnavailable):
        await client  # type: ignore[misc]


async def losses(folder: Path, told: dict[EntryKey, Carriage]) -> list[EntryKey]:
    """What was acknowledged and is not there, after the power came back."""
    clock = HandClock()
    spool = await SqliteSpool.open(str(folder / "spool.db"), clock=clock, switch_interval_s=None)
    views = {(v.message.id, v.n): v.carriage for v in await spool.select(Selector(), 100_000)}
    bodies = [await spool.body(message_id) for message_id, _ in views]
    assert all(body is not None and body == b"x" * len(body) for body in bodies)
    await spool.close()
    order = [Carriage.QUEUED, Carriage.LEASED, Carriage.RELEASED, Carriage.HANDED_OVER]
    # An unreleased lease is given back when the next owner opens the spool.
    least = {Carriage.LEASED: Carriage.QUEUED}
    return [
        key
        for key, carriage in told.items()
        if key not in views or order.index(views[key]) < order.index(least.get(carriage, carriage))
    ]


async def story(folder: Path, seed: int) -> int:
    """One cut; answers how much was lost."""
    told = await under_load(folder, seed, Power())
    assert told, "the power went before anything was acknowledged"
    return len(await losses(folder, told))


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that does not sync its commits."""

    def unsynced(path: str, *, vfs: str = "") -> apsw.Connection:
        connection = connect(path, vfs=vfs)
        connection.pragma("synchronous", "normal")
        return connection

    monkeypatch.setattr(spool_module, "connect", unsynced)


def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Thirty cuts at any write under load: every receipt, release and handover told of is there afterwards."""
    for seed in range(CUTS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert asyncio.run(story(folder, seed)) == 0, f"seed {seed}"


@pytest.mark.usefixtures("careless")
def test_without_syncing_a_cut_does_lose(tmp_path: Path) -> None:
    """The control: the same cuts on a spool that skips the sync of its commits lose acknowledged mail."""
    lost = 0
    for seed in range(CUTS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        lost += asyncio.run(story(folder, seed))
        if lost:
            break
    assert lost
