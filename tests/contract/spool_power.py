"""A file layer that can lose its power: what was not synced may be on disk, or not, in any part."""

import random
from pathlib import Path
from typing import Any

import apsw


class Power:
    """The supply of all files of one layer."""

    def __init__(self) -> None:
        self.is_on = True
        self.writes = 0
        self.cut_at: int | None = None
        """The write (from 1) at which the power goes."""
        self.unsynced: dict[str, list[tuple[int, bytes, bytes]]] = {}
        """Writes since the last sync of each file: offset, what was written, what was there before."""

    def cut(self) -> None:
        """From now on nothing reaches the disk."""
        self.is_on = False

    def meet(self) -> None:
        """Something is about to reach the disk."""
        if not self.is_on:
            raise apsw.IOError("the power is off")

    def leave_behind(self, dice: random.Random) -> None:
        """Make the files what a power cut may leave: all that was synced, and any part of what was not.

        The index that processes share about the log lives in memory and is gone.
        """
        for name, writes in self.unsynced.items():
            path = Path(name)
            if not path.exists():
                continue
            with path.open("r+b") as file:
                for offset, _, before in reversed(writes):
                    file.seek(offset)
                    file.write(before)
                for offset, data, _ in writes:
                    fate = dice.random()
                    if fate < 0.5:
                        continue
                    kept = data if fate < 0.9 else data[: dice.randrange(len(data) + 1) // 512 * 512]
                    file.seek(offset)
                    file.write(kept)
            Path(name.removesuffix("-wal") + "-shm").unlink(missing_ok=True)


class PoweredFiles(apsw.VFS):
    """The layer, registered under a name of its own."""

    def __init__(self, name: str, power: Power) -> None:
        self.name = name
        self.power = power
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        """A file that hangs on the power."""
        return _PoweredFile(name, flags, self.power)


class _PoweredFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], power: Power) -> None:
        self._power = power
        self._name = name if isinstance(name, str) else name.filename() if name is not None else ""
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write into the cache of the machine."""
        power = self._power
        power.meet()
        power.writes += 1
        if power.writes == power.cut_at:
            power.cut()
            power.meet()
        size = super().xFileSize()
        there = super().xRead(min(len(data), max(0, size - offset)), offset) if offset < size else b""
        power.unsynced.setdefault(self._name, []).append((offset, data, there.ljust(len(data), b"\0")))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """What was written is safe now."""
        self._power.meet()
        self._power.unsynced.pop(self._name, None)
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        """Shorten at once, the hardest case."""
        self._power.meet()
        super().xTruncate(size)
