"""Statements over batches: any size goes in, in few texts."""

import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from posthorse.spool.sqlite.queries import LARGEST, Bulk, named
from posthorse.spool.sqlite.schema import connect, create, migrate


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    """An empty database in memory."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER, b TEXT)")
    yield connection
    connection.close()


@pytest.mark.parametrize("size", [1, 2, 3, 64, 65, LARGEST, LARGEST + 1, 3 * LARGEST + 7])
def test_every_row_goes_in_once(connection: apsw.Connection, size: int) -> None:
    """Batches of any size are stored whole, whatever the padding; the count of changed rows is true."""
    rows = [(number, f"row {number}") for number in range(1, size + 1)]
    add = Bulk("WITH v (a, b) AS ({rows}) INSERT INTO t SELECT * FROM v WHERE a IS NOT NULL")
    assert add.change(connection, rows) == size
    assert connection.execute("SELECT a, b FROM t ORDER BY a").fetchall() == rows


def test_what_follows_the_rows_is_bound(connection: apsw.Connection) -> None:
    """Values for the rest of the statement come after the rows, in every chunk."""
    connection.execute("INSERT INTO t VALUES (1, 'x'), (2, 'y')")
    move = Bulk("WITH v (a) AS ({rows}) UPDATE t SET b = :b FROM v WHERE t.a = v.a")
    assert move.change(connection, [(1,), (2,), (9,)], "z") == 2
    ask = Bulk("WITH v (a) AS ({rows}) SELECT t.b FROM v CROSS JOIN t ON t.a = v.a WHERE t.b = :b")
    assert ask.run(connection, [(number,) for number in range(LARGEST + 2)], "z") == [("z",), ("z",)]


def test_texts_are_few() -> None:
    """Batches of all sizes use one text per power of two, short enough for the statement cache."""
    connection = apsw.Connection(":memory:")
    ask = Bulk("WITH v (a) AS ({rows}) SELECT count(a) FROM v")
    for size in range(1, LARGEST + 1):
        assert ask.run(connection, [(1,)] * size) == [(size,)]
    assert len(ask._texts) == LARGEST.bit_length()
    connection.close()
    for text in named("hot.sql").values():
        if "{rows}" in text:
            assert len(Bulk(text)._shaped(LARGEST)) < 16_384


def plan_of(connection: apsw.Connection, text: str) -> list[str]:
    """How SQLite would run a statement."""
    count = text.count("?") + len(set(re.findall(r":[a-z_]+", text)))
    return [str(step[3]) for step in connection.execute(f"EXPLAIN QUERY PLAN {text}", [1] * count)]


@pytest.mark.parametrize("file", ["hot.sql", "desk.sql"])
def test_no_statement_reads_a_whole_table(file: str, tmp_path: Path) -> None:
    """Whatever the size of its batch, a statement finds its rows by an index; only small lists are read whole."""
    create(str(tmp_path / "spool.db"))
    connection = connect(str(tmp_path / "spool.db"))
    migrate(connection)
    small = {"v", "hold", "control", "access_key", "tally", "suppression"}
    for name, text in named(file).items():
        shapes = [Bulk(text)._shaped(1 << power) for power in range(9)] if "{rows}" in text else [text]
        for shaped in shapes:
            for step in plan_of(connection, shaped):
                scanned = re.match(r"SCAN (\w+)$", step)
                assert not scanned or scanned[1] in small or "LIMIT" in text, (name, step)
                assert "AUTOMATIC" not in step, (name, step)
    connection.close()


def test_a_query_needs_rows() -> None:
    """A text without rows is refused when it is made, not when it runs."""
    with pytest.raises(ValueError, match="not a query over rows"):
        Bulk("SELECT 1")
