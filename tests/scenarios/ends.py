"""Ends of processes that are nobody's child any more: whoever started them was killed."""

import os
import select
from pathlib import Path

ENDS_WITHIN_MS = 15_000


def children_of(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_ended(pid: int) -> bool:
    """Wait until a process is gone, whosever child it is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(ENDS_WITHIN_MS))
    finally:
        os.close(descriptor)
