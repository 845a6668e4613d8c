"""Which errors mean that the storage failed, which that one call was wrong, and what callers are told of either.

Promise: the text says what to do where a person can do something: a lock is let go by whoever holds it, a damaged
database is saved before anything else is tried.
"""

import os
from collections.abc import Sequence

import apsw

from posthorse.mail.ids import MessageId
from posthorse.spool.port import SpoolMisuse, SpoolUnavailable

DISK_FULL = "the disk of the spool is full"

_STORAGE = (
    apsw.FullError,
    apsw.IOError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ProtocolError,
    apsw.PermissionsError,
    apsw.NoMemError,
    apsw.NoLFSError,
    apsw.InterruptError,
    apsw.ConnectionClosedError,
    OSError,
    MemoryError,
)

UNREADABLE = (apsw.CorruptError, apsw.IOError)
"""What reading a damaged place raises, while the rest may be well."""


class Damaged(Exception):
    """The body of one of these messages cannot be read. SQLite then writes nothing more in its transaction."""

    def __init__(self, ids: Sequence[MessageId]) -> None:
        super().__init__(f"one of {len(ids)} stored bodies cannot be read")
        self.ids = ids


def is_storage_failure(error: BaseException) -> bool:
    """Whether the storage failed, rather than one call being wrong."""
    return isinstance(error, _STORAGE)


def blamed(error: Exception) -> Exception:
    """The error a caller gets for a call that cannot be done."""
    if isinstance(error, apsw.ConstraintError):
        return SpoolMisuse(f"refused by a constraint of the spool: {error}")
    if isinstance(error, apsw.Error | TypeError | ValueError | OverflowError):
        return SpoolMisuse(f"cannot be stored: {error}")
    return error


def unavailable(error: BaseException) -> SpoolUnavailable:
    """What the callers of a transaction or a question are told when the storage failed."""
    match error:
        case SpoolUnavailable():
            return error
        case apsw.FullError():
            return SpoolUnavailable(DISK_FULL, disk_full=True)
        case apsw.BusyError() | apsw.LockedError():
            return SpoolUnavailable(f"another process holds a lock on the spool, and must let go of it: {error}")
        case apsw.CorruptError() | apsw.NotADBError():
            return SpoolUnavailable(
                f"the database of the spool is damaged ({error}): stop the gateway and copy the file and its -wal file "
                "away before anything else; then `sqlite3 FILE .recover`, or `posthorse restore` of a backup"
            )
        case _:
            return SpoolUnavailable(f"the storage of the spool failed: {error}")


def is_full(path: str) -> bool:
    """Whether there is no room beside this file: SQLite calls a full disk an I/O error when it grows its index of the
    log.
    """
    try:
        return os.statvfs(os.path.dirname(path) or ".").f_bavail == 0
    except OSError:
        return False
