"""The straight path in SQL says exactly what the rules say, for rows in every state."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import apsw
import pytest

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, AttemptId, MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.outcome import Handover
from posthorse.mail.stream import Stream
from posthorse.spool import rules
from posthorse.spool.desk_port import Suppression
from posthorse.spool.entry import Entry
from posthorse.spool.port import Settlement
from posthorse.spool.rules import Row
from posthorse.spool.sqlite import desk
from posthorse.spool.sqlite.book import Counters, SqliteBook
from posthorse.spool.sqlite.schema import connect, create, migrate

NOW = 1_000_000
ID = MessageId(b"m" * 16)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[SqliteBook]:
    """A book on a database of its own, inside a transaction."""
    create(str(tmp_path / "spool.db"))
    connection = connect(str(tmp_path / "spool.db"))
    migrate(connection)
    connection.execute("BEGIN")
    book = SqliteBook(connection, Counters(connection), [])
    book.now = NOW
    yield book
    connection.execute("ROLLBACK")
    connection.close()


@dataclass(frozen=True, slots=True)
class Case:
    """A row and who is on the list."""

    row: Row
    listed: str
    """`no`, `yes`, `ran out`, `elsewhere`."""


def cases() -> Iterator[Case]:
    """Every state a compare-and-set may meet."""
    for carriage, fence, copies, late, withdrawn, hold, listed in itertools.product(
        (Carriage.LEASED, Carriage.RELEASED, Carriage.QUEUED, Carriage.IN_DOUBT),
        (2, 3),
        (0, 1, 2),
        (False, True),
        ("", rules.SUPERSEDED),
        (None, 7),
        ("no", "yes", "ran out", "elsewhere"),
    ):
        row = Row(
            carriage=carriage,
            expires_at=NOW if late else NOW + 1,
            copies_allowed=2,
            copies_released=copies,
            fence=fence,
            leased_from=Carriage.QUEUED if carriage in (Carriage.LEASED, Carriage.RELEASED) else None,
            lease_until=NOW + 5 if carriage in (Carriage.LEASED, Carriage.RELEASED) else None,
            withdrawn=withdrawn,
            hold=hold,
        )
        yield Case(row, listed)


def stored(book: SqliteBook, row: Row) -> Entry:
    """The row as the only recipient of the database."""
    message = Message(
        id=ID,
        tenant=MAIN_TENANT,
        stream=Stream.STANDARD,
        sender="a@shop.example",
        size_bytes=1,
        accepted_at=0,
        expires_at=row.expires_at,
    )
    entry = Entry(message=message, n=0, address="Ann@Example.com", row=row)
    book.add(message, b"x", [entry])
    book.put(entry)
    book.flush()
    return entry


def lists(book: SqliteBook, listed: str) -> None:
    """Put the recipient on a list, or not quite."""
    if listed != "no":
        entry = Suppression(
            tenant=Tenant("acme") if listed == "elsewhere" else MAIN_TENANT,
            address="ann@example.com",
            reason="",
            source="",
            created_at=0,
            expires_at=NOW if listed == "ran out" else None,
        )
        desk.suppress(book, entry)


def kept(connection: apsw.Connection) -> list[tuple[object, ...]]:
    """The row as it is stored."""
    return connection.execute("SELECT * FROM recipient").fetchall()


def test_release_allows_exactly_what_the_rules_allow(book: SqliteBook) -> None:
    """The condition of the statement and `release_refusal` agree on every state, and a refusal changes nothing."""
    seen = set()
    for case in cases():
        book.connection.execute("SAVEPOINT one")
        stored(book, case.row)
        lists(book, case.listed)
        refusal = rules.release_refusal(case.row, 3, NOW, suppressed=case.listed == "yes")
        before = kept(book.connection)
        done = book.release_all([(ID, 0, 3, "relay", b"a" * 16, NOW + 9)])
        assert done is (refusal is None), (case, refusal)
        (entry,) = book.entries([(ID, 0)]).values()
        if done:
            expected = rules.release(case.row, NOW + 9, ProviderName("relay")).row
            assert (entry.row, entry.attempt) == (expected, b"a" * 16)
        else:
            assert kept(book.connection) == before
        seen.add(refusal)
        book.connection.execute("ROLLBACK TO one; RELEASE one")
    assert len(seen) == 7, "a reason of refusal was never met"


def test_a_handover_is_settled_exactly_as_the_rules_say(book: SqliteBook) -> None:
    """The straight settlement takes only the present released attempt, and leaves the row that the rules leave."""
    settlement = Settlement(
        message_id=ID,
        n=0,
        fence=3,
        outcome=Handover(),
        tried=(ProviderName("relay"), ProviderName("other")),
        provider=ProviderName("relay"),
        attempt=AttemptId(b"a" * 16),
        released=True,
    )
    taken = 0
    for case in cases():
        book.connection.execute("SAVEPOINT one")
        row = replace(case.row, doubtful=(1,))
        entry = stored(book, row)
        done = book.hand_over_all([(ID, 0, 3, "relay,other")])
        assert done is (row.carriage is Carriage.RELEASED and row.fence == 3)
        (after,) = book.entries([(ID, 0)]).values()
        if done:
            taken += 1
            assert after.row == rules.settle(row, settlement, NOW)[0].row
            assert after.rested_at == NOW
        else:
            assert after == entry
        book.connection.execute("ROLLBACK TO one; RELEASE one")
    assert taken
