"""Restoring a backup: nothing in it may be sent again by itself.

Promise: the restored spool appears in its place only once it is paused and everything that was not final is in doubt
with its budget spent; a crash before leaves a file with another name and the place empty.
"""

import os
import shutil
from pathlib import Path

from posthorse.adapters.clock import SystemClock
from posthorse.cli.spool_desk import opened_spool
from posthorse.control.node import NotDone
from posthorse.mail.orders import PAUSED
from posthorse.spool.desk_port import Control
from posthorse.spool.sqlite.backup import CopyFailed, check_database

_BESIDE = ("-wal", "-shm", ".lock")
"""What SQLite and the owner keep beside a database."""


async def restored(backup: Path, spool_file: Path, by: str) -> int:
    """Put the backup in the place of the spool; answers how many recipients are in doubt. Raises `NotDone`."""
    for taken in (spool_file, *(_beside(spool_file, end) for end in _BESIDE[:1])):
        if taken.exists():
            raise NotDone(f"{taken} is there: stop the gateway and move the old spool away first, with its -wal file")
    draft = spool_file.with_name(f"{spool_file.name}.restoring")
    try:
        _bring(backup, draft)
        doubtful = await _make_safe(draft, by)
        os.link(draft, spool_file)
    except OSError as error:
        raise NotDone(f"{error.filename or spool_file}: {error.strerror}") from error
    finally:
        _remove(draft)
    return doubtful


def _bring(backup: Path, draft: Path) -> None:
    try:
        check_database(backup)
    except CopyFailed as error:
        raise NotDone(str(error)) from error
    _remove(draft)
    with backup.open("rb") as source, open(draft, "xb", opener=_private) as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())


async def _make_safe(draft: Path, by: str) -> int:
    async with opened_spool(draft) as spool:
        doubtful = await spool.doubt_all(by)
        now = SystemClock().now()
        await spool.order(Control(key=PAUSED, value="restored from a backup", by=by, at=now))
    return doubtful


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _remove(draft: Path) -> None:
    for path in (draft, *(_beside(draft, end) for end in _BESIDE)):
        path.unlink(missing_ok=True)
