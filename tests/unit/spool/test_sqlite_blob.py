"""Large bodies go to SQLite and come from it slice by slice, so that the interpreter lock is given away in between."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from posthorse.mail.ids import MessageId
from posthorse.mail.large import SLICE_BYTES
from posthorse.spool.codec import Unreadable
from posthorse.spool.sqlite import blob
from posthorse.spool.sqlite.book import Counters, SqliteBook
from posthorse.spool.sqlite.schema import connect, create, migrate

ID = MessageId(b"m" * 16)


class Watched:
    """A connection that notes how many bytes pass between us and SQLite in one call."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.passed: list[int] = []
        self.open = 0

    def execute(self, text: str, bindings: tuple[Any, ...]) -> None:
        self.passed += [len(value) for value in bindings if isinstance(value, bytes)]
        self.connection.execute(text, bindings)

    def blob_open(self, *where: Any) -> "Watched":
        self._blob = self.connection.blob_open(*where)
        self.open += 1
        return self

    def write(self, data: bytes) -> None:
        self.passed.append(len(data))
        self._blob.write(data)

    def read(self, size: int) -> bytes:
        data = self._blob.read(size)
        self.passed.append(len(data))
        return data

    def close(self, force: bool) -> None:
        self._blob.close(force)
        self.open -= 1


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A new database, watched."""
    create(str(tmp_path / "spool.db"))
    connection = connect(str(tmp_path / "spool.db"))
    migrate(connection)
    yield Watched(connection)
    connection.close()


def test_no_call_carries_more_than_a_slice(watched: Watched) -> None:
    """Neither on the way in nor on the way out, and no handle stays open."""
    body = bytes(range(256)) * (10 * SLICE_BYTES // 256 + 1)
    connection = cast(apsw.Connection, watched)
    blob.write(connection, 1, ID, body)
    assert blob.read(connection, 1, ID) == body
    assert len(watched.passed) > 20
    assert max(watched.passed) <= SLICE_BYTES
    assert watched.open == 0


def test_a_handle_is_closed_whatever_happens(watched: Watched) -> None:
    """A handle left open would keep its transaction from being undone."""
    watched.connection.execute("INSERT INTO body VALUES (1, ?, ?)", (ID, b"\x09" * 100_000))
    with pytest.raises(Unreadable):
        blob.read(cast(apsw.Connection, watched), 1, ID)
    assert watched.open == 0


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_body_of_an_undone_transaction_is_not_written_with_the_next(watched: Watched, size: int) -> None:
    """Large or small, what was gathered is forgotten."""
    book = SqliteBook(watched.connection, Counters(watched.connection), [])
    book.keep_body(ID, b"x" * size)
    book.forget()
    book.keep_body(ID, b"y" * size)
    book.flush()
    assert watched.connection.execute("SELECT row_number, length(bytes) FROM body").fetchall() == [(2, size + 5)]
