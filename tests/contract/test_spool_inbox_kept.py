"""SQLite keeps what providers told: over a failing disk, a new start, and a database of an older version."""

import asyncio
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from posthorse.mail.carriage import Fate
from posthorse.mail.event import EventKind
from posthorse.spool.desk_port import Selector, Unconfirmed
from posthorse.spool.inbox_port import Digestion, Learnt
from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.sqlite import schema
from posthorse.spool.sqlite.schema import connect, create, migrate
from tests.contract.inbox_kit import Feedback
from tests.contract.spool_faults import Faults
from tests.contract.spool_kit import RELAY, opened
from tests.contract.test_spool_faults import faulty


@pytest.mark.parametrize(
    ("error", "what"),
    [(apsw.IOError, "sync"), (apsw.IOError, "write"), (apsw.FullError, "write")],
    ids=["sync", "write", "full"],
)
def test_any_single_failure_keeps_what_was_answered_and_applies_it_once(
    tmp_path: Path, error: type[apsw.Error], what: str
) -> None:
    """Fail each write in turn: a kept notification is there afterwards, and its event has one effect in the end."""

    async def story(number: int) -> bool:
        folder, faults = tmp_path / str(number), Faults()
        folder.mkdir()
        async with faulty(folder, faults, f"inbox-{what}-{error.__name__}-{number}") as world:
            feedback, inbox = Feedback(world), world.spool.inbox
            group = await feedback.handed_over()
            bounce = feedback.event(group.message.id, EventKind.HARD_BOUNCED)
            one = feedback.notification(7, body=b"x" * 9_000)
            faults.arm(number, error, what)
            kept = False
            with suppress(SpoolUnavailable):
                kept = list(await inbox.take_in([one])) == [True]
                (stored,) = await inbox.undigested(10)
                await inbox.digest([Digestion(seq=stored.seq, events=(bounce,))])
            struck = bool(faults.struck)
            faults.heal()
            world.clock.forward(1)
            if kept:
                assert list(await inbox.take_in([one])) == [False], "an acknowledged notification is gone"
            else:
                await inbox.take_in([one])
            for stored in await inbox.undigested(10):
                await inbox.digest([Digestion(seq=stored.seq, events=(bounce,))])
            assert await feedback.tell(bounce) == [Learnt.REPEATED]
            assert await feedback.fate(group.message.id) is Fate.BOUNCED
            assert await feedback.kinds(group.message.id) == ["event", "fate"]
            assert len(await feedback.listed()) == 1
            return struck

    number = 1
    while asyncio.run(story(number)):
        number += 1
    assert number > 2, "no failure was ever met"


def test_a_new_start_knows_what_was_told(tmp_path: Path) -> None:
    """Notifications, applied events, the ids of providers and the list outlive the process."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            feedback = Feedback(world)
            group = await feedback.handed_over(name="id-1")
            await world.spool.inbox.take_in([feedback.notification(1, facts={"a": "b"})])
            await feedback.tell(feedback.event(group.message.id, EventKind.COMPLAINED))
        async with opened("sqlite", tmp_path) as world:
            feedback = Feedback(world)
            (stored,) = await world.spool.inbox.undigested(10)
            assert stored.notification == feedback.notification(1, facts={"a": "b"})
            assert await feedback.tell(feedback.event(group.message.id, EventKind.COMPLAINED)) == [Learnt.REPEATED]
            assert await feedback.tell(feedback.event(None, provider_message_id="id-1")) == [Learnt.APPLIED]
            assert [entry.message_id for entry in await feedback.listed()] == [group.message.id]

    asyncio.run(story())


def test_a_spool_of_the_first_version_learns_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it handed over then is listed as not confirmed, its list stays, and events apply."""

    async def story() -> None:
        async with opened("sqlite", tmp_path) as world:
            feedback = Feedback(world)
            group = await feedback.handed_over()
            await world.suppress("eve@example.com")
        _as_of_the_first_version(tmp_path / "spool.db")
        async with opened("sqlite", tmp_path) as world:
            feedback = Feedback(world)
            world.clock.forward(60)
            which = Unconfirmed(providers=frozenset({RELAY}), before=world.clock.now())
            assert len(await world.spool.select(Selector(unconfirmed=which), 10)) == 1
            assert [entry.address for entry in await feedback.listed()] == ["eve@example.com"]
            assert await feedback.learn(group.message.id) is Learnt.APPLIED
            assert await world.spool.count_unconfirmed(which) == {RELAY: 0}

    def _as_of_the_first_version(path: Path) -> None:
        """The same rows in a database that only the first migration made."""
        old = tmp_path / "old.db"
        create(str(old))
        first = schema.migrations()[:1]
        with monkeypatch.context() as patched:
            patched.setattr(schema, "migrations", lambda: first)
            connection = connect(str(old))
            migrate(connection)
        connection.execute("ATTACH ? AS new", (str(path),))
        for table in ("message", "body", "recipient", "history", "suppression"):
            columns = ", ".join(
                name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
            )
            connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608
        connection.close(True)
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"spool.db{end}").unlink(missing_ok=True)
        old.rename(path)

    asyncio.run(story())
