"""SQLite on a disk that lost something: one damaged place stops one message, and nothing is lost without a word."""

import asyncio
import random
from pathlib import Path

import apsw
import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId
from posthorse.spool.codec import encoded
from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.sqlite import SqliteSpool
from posthorse.spool.sqlite.schema import PAGE_SIZE_BYTES
from tests.contract.spool_kit import HANDOVER, HandClock, World


async def opened(folder: Path, clock: HandClock, damaged: list[MessageId] | None = None) -> World:
    """The spool of a folder, which tells of damage."""
    told = damaged if damaged is not None else []
    spool = await SqliteSpool.open(str(folder / "spool.db"), clock=clock, switch_interval_s=None, damaged=told.append)
    return World(spool=spool, clock=clock, made=1_000 if told is damaged else 0)


def pages_of(folder: Path, table: str) -> list[int]:
    """Where a table lies in the file: its pages, the root first."""
    connection = apsw.Connection(str(folder / "spool.db"))
    pages = [page for (page,) in connection.execute("SELECT pageno FROM dbstat WHERE name = ? ORDER BY path", (table,))]
    connection.close()
    return pages


def spoil(folder: Path, page: int) -> None:
    """Overwrite one page."""
    with (folder / "spool.db").open("r+b") as file:
        file.seek((page - 1) * PAGE_SIZE_BYTES)
        file.write(random.Random(7).randbytes(PAGE_SIZE_BYTES))


def spoil_body(folder: Path, message_id: MessageId, how: str) -> None:
    """Make the stored bytes of one message unreadable."""
    connection = apsw.Connection(str(folder / "spool.db"))
    match how:
        case "gone":
            connection.execute("DELETE FROM body WHERE id = ?", (message_id,))
        case _:
            connection.execute("UPDATE body SET bytes = ? WHERE id = ?", (b"\x09" + encoded(b"x"), message_id))
    connection.close()


@pytest.mark.parametrize("how", ["gone", "another codec"])
def test_mail_that_cannot_be_read_holds_up_nothing_else(how: str, tmp_path: Path) -> None:
    """It is put off and told; what is due behind it leaves, new mail is taken, and a person can hurry or cancel it."""

    async def story() -> None:
        clock, told = HandClock(), list[MessageId]()
        world = await opened(tmp_path, clock)
        bad, good = await world.admit("a@b.example", "c@b.example"), await world.admit()
        await world.spool.close()
        spoil_body(tmp_path, bad.id, how)
        world = await opened(tmp_path, clock, told)
        (group,) = await world.lease()
        assert group.message.id == good.id
        assert told == [bad.id]
        for n in range(2):
            assert await world.carriage(bad.id, n) is Carriage.QUEUED
        reasons = [fact.detail.get("reason") for fact in await world.spool.history(bad.id)]
        assert reasons.count("its stored bytes cannot be read") == 2
        assert await world.lease() == []
        clock.forward(11 * 60)
        assert await world.lease() == []
        assert told == [bad.id, bad.id]
        await world.spool.close()

    asyncio.run(story())


def test_a_damaged_page_of_bodies_stops_those_messages_only(tmp_path: Path) -> None:
    """Everything else is leased and sent; what lies on the page stays in the queue, and each is told by its id."""

    async def story() -> None:
        clock, told = HandClock(), list[MessageId]()
        world = await opened(tmp_path, clock)
        stored = [(await world.admit(body=b"x" * 1000)).id for _ in range(60)]
        await world.spool.close()
        spoil(tmp_path, pages_of(tmp_path, "body")[3])
        world = await opened(tmp_path, clock, told)
        sent: list[MessageId] = []
        while groups := await world.lease(limit=7):
            for group in groups:
                await world.release(group)
                await world.settle(group, HANDOVER)
                sent.append(group.message.id)
        lost = sorted(set(stored) - set(sent))
        assert (sorted(told), 0 < len(lost) < 20) == (lost, True)
        for message_id in lost:
            assert await world.carriage(message_id) is Carriage.QUEUED
        await world.admit()
        await world.spool.close()

    asyncio.run(story())


@pytest.mark.parametrize("table", ["recipient", "message", "due", "history"])
def test_a_damaged_page_of_what_changes_is_told_with_what_to_do(table: str, tmp_path: Path) -> None:
    """No call answers as if all were well, and no file is left in use by a start that fails."""

    async def story() -> None:
        clock = HandClock()
        world = await opened(tmp_path, clock)
        await world.admit()
        await world.spool.close()
        spoil(tmp_path, pages_of(tmp_path, table)[0])
        world = await opened(tmp_path, clock, [])
        try:
            await world.admit()
        finally:
            await world.spool.close()

    with pytest.raises(SpoolUnavailable, match=r"the database of the spool is damaged .*: stop the gateway and copy"):
        asyncio.run(story())


@pytest.mark.parametrize("how", ["moved away", "replaced"])
def test_a_file_taken_away_under_the_gateway_gets_no_more_receipts(how: str, tmp_path: Path) -> None:
    """What would be written to a file that nobody finds again is refused; once the file is back, all goes on."""

    async def story() -> None:
        clock = HandClock()
        world = await opened(tmp_path, clock)
        stored = await world.admit_leased()
        there, away = tmp_path / "spool.db", tmp_path / "away.db"
        there.rename(away)
        if how == "replaced":
            there.write_bytes(b"")
        for _ in range(2):
            with pytest.raises(SpoolUnavailable, match=r"removed or replaced .* put the same file back"):
                await world.admit()
            clock.forward(1)
        with pytest.raises(SpoolUnavailable):
            await world.release(stored)
        assert there.exists() == (how == "replaced"), "nothing is made in its place"
        away.rename(there)
        await world.release(stored)
        assert await world.carriage((await world.admit()).id) is Carriage.QUEUED
        await world.spool.close()

    asyncio.run(story())
