"""What a provider's notifications look like: the seam between telling them and wording them.

Left out: the wording of each provider (`sns`, `sendgrid_events`, `postmark_events`), and when and how often a
notification is sent (`hooks`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from posthorse.lab.fates import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """One notification as it goes over the wire, again and again if need be."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


class HookShape(Protocol):
    """One simulated account's way of telling."""

    @property
    def gathers(self) -> bool:
        """Whether it tells several things in one request."""
        ...

    def greeting(self, url: str) -> HookRequest | None:
        """What must be answered before anything is told at this URL; None: nothing."""
        ...

    async def greeted(self) -> None:
        """Return when the greeting was answered."""
        ...

    @property
    def is_welcome(self) -> bool:
        """Whether things may be told: the greeting was answered, or none is needed."""
        ...

    def worded(self, told: Sequence[Told]) -> Sequence[HookRequest]:
        """The notifications of these things; none for what this provider does not tell."""
        ...

    def forged(self, told: Told) -> HookRequest:
        """A stranger's notification: it claims a hard bounce of these recipients and cannot prove itself."""
        ...

    def gives_up_at(self, status: int) -> bool:
        """Whether this answer, no 2xx, ends the tries."""
        ...


def iso(at: int) -> str:
    """A time in microseconds UTC as `2026-01-02T03:04:05.678Z`."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
