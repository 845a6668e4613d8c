"""A copy of a spool, made while its owner works on, and its way back.

Promise: the copy is one consistent moment, on disk and complete when `copy_database` returns, and never written over
another file. What happened after that moment is not in it; whoever restores must doubt everything that was not final.
"""

import os
from pathlib import Path

import apsw


class CopyFailed(Exception):
    """There is no copy; the text says why."""


def copy_database(source: Path, target: Path) -> int:
    """Copy the database to a new file; answers its size in bytes. Blocks. Raises `CopyFailed`."""
    if target.exists():
        raise CopyFailed(f"{target} exists already; a backup is never written over another file")
    draft = target.with_name(f"{target.name}.partial")
    try:
        draft.unlink(missing_ok=True)
        _copy(source, draft)
        _make_durable(draft)
        os.link(draft, target)
        _make_durable(target.parent)
        return target.stat().st_size
    except (OSError, apsw.Error) as error:
        raise CopyFailed(f"{target}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def check_database(path: Path) -> None:
    """Raise `CopyFailed` unless this is a whole, undamaged spool."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            found = connection.execute("PRAGMA quick_check(1)").get
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        finally:
            connection.close()
    except apsw.Error as error:
        raise CopyFailed(f"{path} cannot be read as a spool: {error}") from error
    if found != "ok":
        raise CopyFailed(f"{path} is damaged: {found}")
    if not {"message", "recipient", "history"} <= tables:
        raise CopyFailed(f"{path} is a database, but no spool of Posthorse")


def _copy(source: Path, draft: Path) -> None:
    """As one read transaction: the writer goes on beside it."""
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(10_000)
        connection.execute("VACUUM INTO ?", (str(draft),))
    finally:
        connection.close()


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
