"""CPU seconds of a process and all its descendants, dead ones included once their parents reaped them."""

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def descendants(root: int) -> list[int]:
    """`root` and every living process below it."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _fields(int(entry))):
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def cpu_s(root: int) -> float:
    """User and system seconds of `root` and everything below it so far."""
    return sum(_spent_s(pid) for pid in descendants(root))


def _spent_s(pid: int) -> float:
    return sum(int(value) for value in _fields(pid)[11:15]) * TICK_S
