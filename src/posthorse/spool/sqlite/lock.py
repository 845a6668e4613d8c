"""One process owns a spool: a lock file beside the database, held by flock for the life of the owner.

The kernel lets go of it when the process ends, however it ends. The lock stands beside the file itself, wherever a
symbolic link to it stands. Left out: hard links, network file systems without flock.
"""

import fcntl
import os
from contextlib import suppress

from posthorse.spool.sqlite.schema import SpoolRefused


class OwnerLock:
    """The lock, held from construction to `release`."""

    def __init__(self, path: str) -> None:
        """Take the lock for the database at `path`. Raises `SpoolRefused` if it cannot be had."""
        try:
            self._file = os.open(os.path.realpath(path) + ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolRefused(f"{path} cannot be owned: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._file, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise SpoolRefused(
                f"{path} is in use by process {owner}: one process owns a spool; stop it or use another file"
            ) from None
        with suppress(OSError):  # on a full disk the owner stays unnamed
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go, once; the file stays, since removing it would race with the next owner."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
