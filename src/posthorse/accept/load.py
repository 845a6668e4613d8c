"""Load: how full the gateway is, and whose mail is shed first.

Promise: bulk goes first, then once and standard, urgent last, and urgent only when memory or disk would not hold; a
shed reply costs microseconds. What is accepted already is never shed.
"""

from dataclasses import dataclass

from posthorse.accept.refusal import DISK_LOW, OVERLOADED, Refused
from posthorse.mail.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A measure of now, from whoever knows."""

    queued: int = 0
    """Recipients waiting in the spool."""
    receiving_bytes: int = 0
    """Bytes of messages being received or on their way into the spool."""
    pending_commits: int = 0
    """Messages waiting for their commit."""
    free_space_bytes: int | None = None
    """On the spool's disk; None: not known, or no disk."""


IDLE = Load()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadLimits:
    """What counts as full."""

    queued: int = 2_000_000
    receiving_bytes: int = 256 << 20
    pending_commits: int = 4_096
    free_space_bytes: int = 256 << 20


DEFAULT_LOAD_LIMITS = LoadLimits()

SHED_FROM: dict[Stream, float] = {Stream.BULK: 0.5, Stream.ONCE: 1.0, Stream.STANDARD: 1.0, Stream.URGENT: 2.0}
"""The share of a limit from which a stream is shed. A backlog alone never sheds urgent mail: it goes first anyway."""


_CALM = min(SHED_FROM.values())


def shed(stream: Stream, load: Load, limits: LoadLimits) -> Refused | None:
    """The refusal for mail of `stream` at this load; None: there is room."""
    if load.free_space_bytes is not None and load.free_space_bytes < limits.free_space_bytes:
        return DISK_LOW
    memory = max(load.receiving_bytes / limits.receiving_bytes, load.pending_commits / limits.pending_commits)
    backlog = load.queued / limits.queued
    if memory < _CALM and backlog < _CALM:
        return None
    share = memory if stream is Stream.URGENT else max(memory, backlog)
    return OVERLOADED if share >= SHED_FROM[stream] else None
