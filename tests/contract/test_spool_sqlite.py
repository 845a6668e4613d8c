"""What only a spool on disk can promise: one owner, crashes, taking over, backups, questions beside the writer."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MessageId
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Selector
from posthorse.spool.port import Admitted, Refusal, ReleaseRefused, SpoolUnavailable
from posthorse.spool.sqlite import SpoolRefused, SqliteSpool, writer
from posthorse.spool.sqlite.backup import copy_database
from tests.contract.spool_kit import HANDOVER, NODE, HandClock, World, opened

CHILD = """
import asyncio, sys
from posthorse.adapters.clock import SystemClock
from posthorse.spool.port import Admitted
from posthorse.spool.sqlite import SqliteSpool
from tests.contract.spool_kit import NODE, World

async def main():
    spool = await SqliteSpool.open(sys.argv[1], clock=SystemClock())
    world = World(spool=spool, clock=None)

    async def client(number):
        for _ in range(10**9):
            new = world.message(lease_for=NODE, body=b"z" * 5000)
            (admitted,) = await spool.admit([new])
            assert isinstance(admitted, Admitted)
            sys.stdout.write(new.id.hex() + " accepted\\n")
            await spool.release([world.mark(admitted.lease)])
            sys.stdout.write(new.id.hex() + " released\\n")
            sys.stdout.flush()

    await asyncio.gather(*(client(number) for number in range(20)))

asyncio.run(main())
"""


async def reopened(folder: Path, **options: object) -> World:
    """The spool of an earlier world, opened again."""
    clock = HandClock()
    spool = await SqliteSpool.open(str(folder / "spool.db"), clock=clock, switch_interval_s=None, **options)  # type: ignore[arg-type]
    return World(spool=spool, clock=clock, made=1000)


def test_one_process_owns_a_spool(tmp_path: Path) -> None:
    """A second owner is refused with the number of the first; when that ends, the next may own it."""

    async def story() -> None:
        async with opened("sqlite", tmp_path):
            with pytest.raises(SpoolRefused, match=r"in use by process \d+"):
                await reopened(tmp_path)
        world = await reopened(tmp_path)
        await world.spool.close()

    asyncio.run(story())


def test_a_link_to_a_spool_is_the_same_spool(tmp_path: Path) -> None:
    """A symbolic link does not let a second owner in."""

    async def story() -> None:
        async with opened("sqlite", tmp_path):
            (tmp_path / "elsewhere").mkdir()
            (tmp_path / "elsewhere" / "spool.db").symlink_to(tmp_path / "spool.db")
            with pytest.raises(SpoolRefused, match=r"in use by process \d+"):
                await reopened(tmp_path / "elsewhere")

    asyncio.run(story())


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """A process killed under load: every receipt and every release it told of is in the spool afterwards."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "spool.db")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    told = [child.stdout.readline().split() for _ in range(600)]
    child.send_signal(signal.SIGKILL)
    told += [line.split() for line in child.stdout.read().splitlines() if line.endswith((" accepted", " released"))]
    child.wait()
    child.stdout.close()

    async def story() -> None:
        world = await reopened(tmp_path)
        views = {view.message.id.hex(): view for view in await world.spool.select(Selector(), 1_000_000)}
        for message_id, what in told:
            expected = {Carriage.RELEASED} if what == "released" else {Carriage.RELEASED, Carriage.QUEUED}
            assert views[message_id].carriage in expected
        assert await world.spool.body(MessageId(bytes.fromhex(told[-1][0]))) == b"z" * 5000
        await world.spool.close()

    asyncio.run(story())


def test_a_new_owner_takes_over_at_once(tmp_path: Path) -> None:
    """Unreleased leases of the dead owner are void when the spool opens; released ones wait for their answer."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            leased = await world.admit_leased()
            out = await world.admit_leased()
            await world.release(out, answer_by_us=10 * SECOND)
        world = await reopened(tmp_path)
        (again,) = await world.lease()
        assert again.message.id == leased.message.id
        assert await world.try_release(leased) == ReleaseRefused(reasons={0: Refusal.STALE})
        assert await world.carriage(out.message.id) is Carriage.RELEASED
        world.clock.forward(10)
        assert (await world.spool.sweep(10)).lapsed_in_doubt == 1
        await world.spool.close()

    asyncio.run(story())


def test_a_hold_cut_short_is_finished_by_the_next_owner(tmp_path: Path) -> None:
    """A crash between setting a hold and marking the last recipient leaves none of them free."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            await world.spool.admit([world.message() for _ in range(600)])
            hold = await world.hold(stream=Stream.STANDARD)
        connection = apsw.Connection(str(tmp_path / "spool.db"))
        connection.execute("UPDATE recipient SET hold = NULL; UPDATE hold SET marked = 0")
        connection.close()
        world = await reopened(tmp_path)
        assert await world.lease() == []
        assert await world.spool.unhold(hold.id) == 600
        await world.spool.close()

    asyncio.run(story())


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """Lists, holds, orders and keys are in force again without being asked for; numbers go on."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            await world.suppress("ann@example.com")
            await world.hold(recipient_domain="held.example")
            first = await world.admit("eve@example.com", idempotency_key="k", fingerprint=b"f")
            last = (await world.spool.events_since(0, 10))[-1].seq
        world = await reopened(tmp_path)
        admitted = await world.admit("ann@example.com", "bob@held.example", lease_for=NODE)
        assert (admitted.suppressed, admitted.lease) == (1, None)
        (repeated,) = await world.spool.admit([world.message(idempotency_key="k", fingerprint=b"f")])
        assert repeated.id == first.id
        assert all(event.seq > last for event in (await world.spool.events_since(last, 10)))
        assert (await world.spool.counts()).by_carriage[Stream.STANDARD, Carriage.SUPPRESSED] == 1
        await world.spool.close()

    asyncio.run(story())


def test_history_numbers_survive_retention_and_restart(tmp_path: Path) -> None:
    """Even when the newest history was dropped, a restarted spool never gives its number again."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            await world.admit(deadline_us=0)
            await world.spool.sweep(10)
            last = (await world.spool.events_since(0, 10))[-1].seq
            world.clock.forward(10)
            assert await world.spool.purge(world.clock.now(), world.clock.now(), 10) == 1
        world = await reopened(tmp_path)
        await world.admit()
        assert len(await world.spool.events_since(last, 10)) == 1
        await world.spool.close()

    asyncio.run(story())


def test_closing_answers_what_was_asked(tmp_path: Path) -> None:
    """Calls under way when the spool closes are done; later ones are refused; closing twice is fine."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            calls = [asyncio.ensure_future(world.spool.admit([world.message()])) for _ in range(50)]
            await asyncio.sleep(0)
            await world.spool.close()
            assert all(isinstance(call.result()[0], Admitted) for call in calls)
            with pytest.raises(SpoolUnavailable, match="closed"):
                await world.admit()
            with pytest.raises(SpoolUnavailable, match="closed"):
                await world.spool.counts()

    asyncio.run(story())


def test_a_caller_that_stops_waiting_harms_nobody(tmp_path: Path) -> None:
    """A cancelled call may have happened; its neighbours are answered and the message is whole or absent."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            batches = [[world.message()] for _ in range(20)]
            calls = [asyncio.ensure_future(world.spool.admit(batch)) for batch in batches]
            await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert all(call.cancelled() for call in calls[::2])
            assert all(isinstance(call.result()[0], Admitted) for call in calls[1::2])
            assert len(await world.spool.select(Selector(), 100)) == 20

    asyncio.run(story())


def test_a_backup_is_taken_while_sending(tmp_path: Path) -> None:
    """A copy made under load is a whole spool of one moment; doubted, it sends nothing by itself."""

    async def story() -> None:
        (tmp_path / "copy").mkdir()
        async with opened("sqlite", tmp_path) as world:
            before = await world.admit(body=b"before")
            sending = asyncio.ensure_future(_send(world, 200))
            await asyncio.to_thread(copy_database, tmp_path / "spool.db", tmp_path / "copy" / "spool.db")
            await sending
        world = await reopened(tmp_path / "copy")
        assert await world.spool.body(before.id) == b"before"
        await world.spool.doubt_all("restore")
        for stream in Stream:
            assert await world.lease(stream=stream) == []
        await world.spool.close()

    asyncio.run(story())


async def _send(world: World, messages: int) -> None:
    for _ in range(messages):
        group = await world.admit_leased()
        await world.release(group)
        await world.settle(group, HANDOVER)


def test_settlements_share_the_commit_of_whoever_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone they wait a moment for company, and no longer; who comes meanwhile is served at once, and so is the end."""

    async def story() -> None:
        shared: list[int] = []
        world = await reopened(tmp_path, committed=lambda _, calls: shared.append(calls))
        groups = [await world.admit_leased() for _ in range(3)]
        for group in groups:
            await world.release(group)
        monkeypatch.setattr(writer, "COMPANY_S", 60.0)
        shared.clear()
        settling = asyncio.ensure_future(world.settle(groups[0], HANDOVER))
        for _ in range(10):
            await world.spool.counts()
        assert not settling.done()
        await world.admit()
        await settling
        assert shared == [2]
        monkeypatch.setattr(writer, "COMPANY_S", 0.01)
        await world.settle(groups[1], HANDOVER)
        assert shared == [2, 1]
        monkeypatch.setattr(writer, "COMPANY_S", 60.0)
        settling = asyncio.ensure_future(world.settle(groups[2], HANDOVER))
        await asyncio.sleep(0)
        await world.spool.close()
        await settling

    asyncio.run(story())


def test_one_wrong_row_does_not_stop_the_others(tmp_path: Path) -> None:
    """A call whose values cannot be stored gets the error; a hundred that shared its transaction do not."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            wrong = replace(world.message(), sender="\ud800@shop.example")
            calls = [world.spool.admit([world.message()]) for _ in range(100)]
            answers = await asyncio.gather(*calls, world.spool.admit([wrong]), return_exceptions=True)
            assert [isinstance(answer, Exception) for answer in answers] == [False] * 100 + [True]
            assert len(await world.spool.select(Selector(), 1000)) == 100

    asyncio.run(story())


def test_questions_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    """While a slow transaction holds the writer, counts and views are answered from the last committed state."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            await world.admit()
            batch = [world.message(body=b"x" * 1000) for _ in range(20_000)]
            slow = asyncio.ensure_future(world.spool.admit(batch))
            await asyncio.sleep(0)
            counts = await world.spool.counts()
            assert counts.by_carriage == {(Stream.STANDARD, Carriage.QUEUED): 1}
            assert not slow.done()
            assert len(await slow) == 20_000

    asyncio.run(story())
