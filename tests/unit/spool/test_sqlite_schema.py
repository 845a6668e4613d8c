"""Opening a database: which libraries and schemas are taken, and what the database itself refuses."""

from pathlib import Path

import apsw
import pytest

from posthorse.mail.carriage import TRANSITIONS, Carriage, Cause
from posthorse.spool.sqlite import schema
from posthorse.spool.sqlite.schema import SpoolRefused, connect, create, is_safe, migrate


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database with nothing in it."""
    create(str(tmp_path / "spool.db"))
    return str(tmp_path / "spool.db")


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 54, 1), True),
        ((4, 0, 0), True),
    ],
)
def test_libraries_with_the_wal_reset_race_are_refused(version: tuple[int, ...], safe: bool) -> None:
    """Exactly the releases that can lose committed data are unsafe."""
    assert is_safe(version) is safe


def test_an_unsafe_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says which version was found and what to install."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.50.4")
    with pytest.raises(SpoolRefused, match=r"SQLite 3\.50\.4 .* install apsw"):
        schema.check_library()


def test_the_file_is_private(path: str) -> None:
    """A new database can be read by its owner only."""
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_settings_are_those_durability_rests_on(path: str) -> None:
    """Write-ahead log, every commit synced, no checkpoint inside a commit."""
    connection = connect(path)
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("wal_autocheckpoint") == 0
    connection.close()


def test_migrating_twice_changes_nothing(path: str) -> None:
    """A database of this version is taken as it is."""
    connection = connect(path)
    migrate(connection)
    before = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_schema").fetchall() == before
    assert connection.pragma("user_version") == len(schema.migrations())
    connection.close()


def test_a_newer_schema_is_refused(path: str) -> None:
    """A database that a newer version wrote is left alone, with a line that says so."""
    connection = connect(path)
    migrate(connection)
    connection.pragma("user_version", 99)
    with pytest.raises(SpoolRefused, match="schema 99"):
        migrate(connection)
    connection.close()


def test_tables_are_strict(path: str) -> None:
    """No table takes a value of another type than its column's."""
    connection = connect(path)
    migrate(connection)
    loose = connection.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict").fetchall()
    assert [name for (name,) in loose if not str(name).startswith("sqlite_")] == []
    connection.close()


def test_history_takes_exactly_the_legal_moves(path: str) -> None:
    """Every triple of old, new and cause: the CHECK in the database is the transition table."""
    connection = connect(path)
    migrate(connection)
    connection.execute("BEGIN")
    for old in Carriage:
        for new in Carriage:
            for cause in Cause:
                legal = cause in TRANSITIONS.get((old, new), ())
                assert _can_write(connection, old, new, cause) is legal, (old, new, cause)
    connection.execute("ROLLBACK")
    connection.close()


def test_checks_follow_the_transition_table(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version with another table renews the database's checks when it opens; rows written before stay."""
    connection = connect(path)
    migrate(connection)
    assert not _can_write(connection, Carriage.EXPIRED, Carriage.QUEUED, Cause.DECISION)
    legal = {**TRANSITIONS, (Carriage.EXPIRED, Carriage.QUEUED): frozenset({Cause.DECISION})}
    monkeypatch.setattr(schema, "TRANSITIONS", legal)
    migrate(connection)
    connection.close()
    connection = connect(path)
    assert _can_write(connection, Carriage.EXPIRED, Carriage.QUEUED, Cause.DECISION)
    assert not _can_write(connection, Carriage.EXPIRED, Carriage.LEASED, Cause.DECISION)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()


def test_migrations_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbered files begin at one and leave no number out; no placeholder is left unfilled."""
    texts = schema.migrations()
    assert texts
    assert not any("{" in text.split("--")[0] for text in texts)


def _can_write(connection: apsw.Connection, old: Carriage, new: Carriage, cause: Cause) -> bool:
    try:
        connection.execute(
            "INSERT INTO history (at, id, n, kind, old, new, cause, fence) VALUES (0, x'00', 0, 'moved', ?, ?, ?, 0)",
            (old.value, new.value, cause.value),
        )
    except apsw.ConstraintError:
        return False
    return True
