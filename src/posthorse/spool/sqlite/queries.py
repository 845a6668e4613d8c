"""Named queries from .sql files, and statements that carry a whole batch.

Promise: a batch of any size uses one of few texts (its rows are padded to a power of two), so that every statement is
found prepared. Left out: running them.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import chain

import apsw

LARGEST = 256
"""Rows in one statement at most; keeps the text below what the statement cache takes (16 KiB)."""

ENTRY = (
    "json_array(hex(m.id), m.tenant, m.stream, m.sender, m.size_bytes, m.accepted_at, m.expires_at, m.smtputf8,"
    " m.eight_bit, m.supersede_key, m.attributes,"
    " r.n, r.address, r.carriage, r.fate, r.fence, r.attempts, r.copies_released,"
    " r.copies_allowed, r.leased_from, r.lease_until, r.next_at, r.tried, r.withdrawn, r.hold, r.doubtful, r.provider,"
    " hex(r.attempt), r.node, r.rested_at)"
)
"""One recipient with its message as a JSON array, in the order that `posthorse.spool.sqlite.rows.entry_of` reads."""

DUE = (
    "json_array(hex(m.id), m.tenant, m.stream, m.sender, m.size_bytes, m.accepted_at, m.expires_at, m.smtputf8,"
    " m.eight_bit, m.supersede_key, m.attributes, r.n, r.address, r.carriage, r.fence, r.attempts, r.copies_released,"
    " r.copies_allowed, r.next_at, r.tried, r.withdrawn)"
)
"""What a courier needs of a due recipient, in the order that `posthorse.spool.sqlite.rows.DueTuple` reads."""

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*")
_WIDTH = re.compile(r"WITH v \(([^)]*)\)")

Value = None | int | float | str | bytes


@cache
def named(file: str) -> dict[str, str]:
    """The queries of one file below spool/sql/sqlite, by name."""
    text = files("posthorse.spool.sql").joinpath("sqlite", file).read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return {
        name: " ".join(_COMMENT.sub("", query).replace("{entry}", ENTRY).split()).rstrip(";")
        for name, query in zip(parts[::2], parts[1::2], strict=True)
    }


class Bulk:
    """One query over a batch of rows."""

    __slots__ = ("_text", "_texts", "width")

    def __init__(self, text: str) -> None:
        found = _WIDTH.search(text)
        if found is None:
            raise ValueError(f"not a query over rows: {text}")
        self._text = text
        self._texts: dict[int, str] = {}
        self.width = found[1].count(",") + 1

    def run(
        self, connection: apsw.Connection, rows: Sequence[Sequence[Value]], *tail: Value
    ) -> list[tuple[Value, ...]]:
        """Run over all rows, in as few statements as fit; `tail` binds what follows the rows. Answers its rows."""
        answer: list[tuple[Value, ...]] = []
        for start in range(0, len(rows), LARGEST):
            part = rows[start : start + LARGEST]
            answer += self._run(connection, part, tail)
        return answer

    def change(self, connection: apsw.Connection, rows: Sequence[Sequence[Value]], *tail: Value) -> int:
        """As `run`, for a query that changes rows: answers how many."""
        count = 0
        for start in range(0, len(rows), LARGEST):
            part = rows[start : start + LARGEST]
            self._run(connection, part, tail)
            count += connection.changes()
        return count

    def _run(
        self, connection: apsw.Connection, rows: Sequence[Sequence[Value]], tail: Sequence[Value]
    ) -> list[tuple[Value, ...]]:
        shape = 1 << (len(rows) - 1).bit_length()
        padding = (None,) * ((shape - len(rows)) * self.width)
        bindings = [*chain.from_iterable(rows), *padding, *tail]
        return connection.execute(self._texts.get(shape) or self._shaped(shape), bindings).fetchall()

    def _shaped(self, shape: int) -> str:
        row = "(" + ",".join("?" * self.width) + ")"
        text = self._text.replace("{rows}", "VALUES " + ",".join([row] * shape))
        self._texts[shape] = text
        return text
