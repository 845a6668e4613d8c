"""A file layer for SQLite that fails on command: the n-th write or sync, or every write beyond a size."""

from collections.abc import Callable
from typing import Any

import apsw


class Faults:
    """What is to go wrong; armed by a test, shared by all files of one layer."""

    def __init__(self) -> None:
        self.calls = 0
        self.fail_at: int | None = None
        """The call (from 1, counted since `arm`) that fails."""
        self.counts: Callable[[str], bool] = lambda what: True
        """Which calls are counted: `write`, `sync`, `truncate`."""
        self.error: type[apsw.Error] = apsw.IOError
        self.room: int | None = None
        """Bytes the disk has for all files together; None: plenty."""
        self.struck = 0
        self.sizes: dict[str, int] = {}

    def arm(self, fail_at: int, error: type[apsw.Error], *what: str) -> None:
        """Fail one call from now on."""
        self.calls, self.fail_at, self.error, self.struck = 0, fail_at, error, 0
        self.counts = lambda call: call in what

    def heal(self) -> None:
        """Nothing fails any more."""
        self.fail_at = self.room = None

    def meet(self, what: str) -> None:
        """A call is about to be made; may raise instead."""
        if self.fail_at is None or not self.counts(what):
            return
        self.calls += 1
        if self.calls == self.fail_at:
            self.struck += 1
            raise self.error(f"{what} fails on command")

    def grow(self, name: str, end: int) -> None:
        """A file is about to reach this size; may raise instead."""
        size = max(end, self.sizes.get(name, 0))
        others = sum(value for key, value in self.sizes.items() if key != name)
        if self.room is not None and end > self.sizes.get(name, 0) and others + size > self.room:
            self.struck += 1
            raise apsw.FullError("no room on command")
        self.sizes[name] = size


class FaultyFiles(apsw.VFS):
    """The layer, registered under a name of its own."""

    def __init__(self, name: str, faults: Faults) -> None:
        self.faults = faults
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        """A file that asks `Faults` before every call that changes it."""
        return _FaultyFile(name, flags, self.faults)


class _FaultyFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], faults: Faults) -> None:
        self._faults = faults
        self._name = name if isinstance(name, str) else name.filename() if name is not None else ""
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write, or fail on command."""
        self._faults.meet("write")
        self._faults.grow(self._name, offset + len(data))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Sync, or fail on command."""
        self._faults.meet("sync")
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        """Shorten, or fail on command."""
        self._faults.meet("truncate")
        self._faults.sizes[self._name] = size
        super().xTruncate(size)
