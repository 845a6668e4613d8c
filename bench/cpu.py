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


def cpu_s(root: int) -> float:
    """User and system seconds of `root` and everything below it so far."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        fields = _fields(int(entry))
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(entry))
            spent[int(entry)] = sum(int(value) for value in fields[11:15]) * TICK_S
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        total += spent.get(pid, 0.0)
        waiting += parents.get(pid, [])
    return total
