"""The outbox's statements: none of them looks through the history, or through all that is noted."""

import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from posthorse.spool.sqlite import outbox, recorded
from posthorse.spool.sqlite.schema import connect, create, migrate

STATEMENTS = {**outbox._SQL, **{f"recorded {name}": text for name, text in recorded._SQL.items()}}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[apsw.Connection]:
    """An empty spool."""
    path = str(tmp_path / "spool.db")
    create(path)
    connection = connect(path)
    migrate(connection)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_has_its_index(name: str, database: apsw.Connection) -> None:
    """History, messages, recipients and notes are searched by a key; only the few endpoints are scanned."""
    text = STATEMENTS[name]
    bindings = {each[1:]: 1 for each in re.findall(r":[a-z_]+", text)}
    plan = [str(step[3]) for step in database.execute(f"EXPLAIN QUERY PLAN {text}", bindings)]
    scans = {step for step in plan if step.startswith("SCAN") and step.split()[1] not in ("e", "endpoint")}
    # w, h and u are windows of bounded length, made by the parts that the plan tells before.
    # recorded: m is the newest messages, in the order of their key, as many as are asked for.
    assert {step.split()[1] for step in scans} <= {"w", "h", "u", "m", "CONSTANT", "message"}, plan
    assert not any("history" in step or "undelivered" in step for step in scans), plan
