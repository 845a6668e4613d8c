"""Restoring a backup: nothing in it may be sent again by itself.

Promise: the restored spool appears in its place only once it is paused and everything that was not final is in doubt
with its budget spent; a crash before leaves a file with another name and the place empty. A key file that the
spool needs and that is not there, or is another one, is told at once.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from posthorse.adapters.clock import SystemClock
from posthorse.adapters.sealing import KeyFileError, key_file_of, read_key_file
from posthorse.cli.spool_desk import opened_spool
from posthorse.control.node import NotDone
from posthorse.mail.orders import PAUSED
from posthorse.spool.desk_port import Control, sealed_secrets
from posthorse.spool.sqlite.backup import CopyFailed, check_database


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A spool that is back."""

    path: Path
    in_doubt: int
    """Recipients whose mail may have left since the backup."""
    key_trouble: str
    """Why its access keys cannot be opened, and what to do; empty: they can, or there are none."""


_BESIDE = ("-wal", "-shm", ".lock")
"""What SQLite and the owner keep beside a database."""


async def restored(backup: Path, spool_file: Path, by: str) -> Restored:
    """Put the backup in the place of the spool. Raises `NotDone`."""
    place = _real(spool_file)
    for taken in (place, *(_beside(place, end) for end in _BESIDE[:1])):
        if taken.exists():
            raise NotDone(f"{taken} is there: stop the gateway and move the old spool away first, with its -wal file")
    draft = place.with_name(f"{place.name}.restoring")
    try:
        _bring(backup, draft)
        in_doubt, sealed = await _make_safe(draft, by)
        os.link(draft, place)
    except OSError as error:
        raise NotDone(f"{error.filename or place}: {error.strerror}") from error
    finally:
        _remove(draft)
    return Restored(path=place, in_doubt=in_doubt, key_trouble=_key_trouble(place, sealed))


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


async def _make_safe(draft: Path, by: str) -> tuple[int, Mapping[str, bytes]]:
    """How many recipients are in doubt, and what the key file must open."""
    async with opened_spool(draft) as spool:
        doubtful = await spool.doubt_all(by)
        now = SystemClock().now()
        await spool.order(Control(key=PAUSED, value="restored from a backup", by=by, at=now))
        return doubtful, sealed_secrets(await spool.keys())


def _key_trouble(spool_file: Path, sealed: Mapping[str, bytes]) -> str:
    if not sealed:
        return ""
    try:
        read_key_file(key_file_of(spool_file), sealed)
    except KeyFileError as error:
        return str(error)
    return ""


def _real(path: Path) -> Path:
    """The file itself, wherever a symbolic link to it stands."""
    return Path(os.path.realpath(path))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _remove(draft: Path) -> None:
    for path in (draft, *(_beside(draft, end) for end in _BESIDE)):
        path.unlink(missing_ok=True)
