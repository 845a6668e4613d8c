"""The place of the database: whether its path still leads to the file that is open.

A file that is removed, or another one put in its place, stays open and takes every write, and nothing of it is there at
the next start. Promise: from then on nothing more is stored or sent, and the first file put back makes all well again.
Left out: the log beside the database.
"""

import os

from posthorse.spool.port import SpoolUnavailable


class Place:
    """A path and the file it led to when this was made."""

    def __init__(self, path: str) -> None:
        """Raises OSError if there is no file."""
        self._path = path
        self._identity = _identity(path)

    def check(self) -> None:
        """Raises `SpoolUnavailable` if the path leads to another file, or to none."""
        try:
            is_same = _identity(self._path) == self._identity
        except OSError:
            is_same = False
        if not is_same:
            raise SpoolUnavailable(
                f"{self._path} was removed or replaced while the gateway uses it: put the same file back there; "
                f"if it is deleted, copy it from the /proc/{os.getpid()}/fd of this process before you stop it"
            )


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
