"""The spool's side for whoever looks at notifications: as they came, with what became of reading them.

Promise: bounded: pages of rows, and one body at a time; counted up to `MOST_COUNTED`. Left out: taking them in and
reading them (`posthorse.spool.inbox_port`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from posthorse.mail.ids import ProviderName
from posthorse.spool.inbox_port import UNKNOWN_MAIL, Notification

MOST_KEPT = 1_000
"""In one page."""
MOST_COUNTED = 100_000


class KeptState(Enum):
    """What became of a notification."""

    WAITING = "waiting"
    """Nobody has read it yet."""
    READ = "read"
    UNKNOWN = "unknown"
    """It tells, in part at least, of mail that its provider was not given, as far as is known."""
    UNREADABLE = "unreadable"
    """It makes no sense to us, wholly or in part; the note says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptNotification:
    """One notification, without its body."""

    seq: int
    provider: ProviderName
    state: KeptState
    received_at: int
    """By the spool's clock, microseconds UTC."""
    tries: int
    """How often it was read."""
    next_at: int | None
    """When it is read once more, microseconds UTC; None: never by itself."""
    note: str
    size_bytes: int


def state_of(due_at: int | None, note: str) -> KeptState:
    """What became of a notification that is due again then, or never, and bears this note."""
    if note:
        return KeptState.UNKNOWN if note == UNKNOWN_MAIL else KeptState.UNREADABLE
    return KeptState.READ if due_at is None else KeptState.WAITING


class SpoolKept(Protocol):
    """What is asked of the spool; each call is one question, beside the mail."""

    async def newest(
        self, state: KeptState | None, provider: ProviderName | None, before: int | None, limit: int
    ) -> Sequence[KeptNotification]:
        """At most `limit` notifications (`MOST_KEPT` at most) older than this number, newest first."""
        ...

    async def one(self, seq: int) -> tuple[KeptNotification, Notification] | None:
        """One as it came; None: it is not here, or was dropped by retention."""
        ...

    async def count(self) -> Mapping[KeptState, int]:
        """How many there are of each state but `READ`."""
        ...
