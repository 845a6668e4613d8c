"""What operators' commands need of a gateway beside its spool.

The daemon implements `Node`; `NoNode` stands in while no gateway runs: orders are then only stored, and followed at the
next start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from posthorse.mail.ids import ProviderName
from posthorse.mail.standing import StandingState
from posthorse.spool.desk_port import Unconfirmed


class NotDone(Exception):
    """The command cannot be done; the text is for the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """A provider as the running gateway sees it."""

    standing: StandingState
    why: str
    slots: int
    in_use: int
    attempts_last_minute: int
    failures_last_minute: int
    typical_s: float
    """How long an answer takes at most, usually."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirming:
    """Which providers tell what became of mail, and how long they may take."""

    providers: frozenset[ProviderName] = frozenset()
    within_us: int = 300_000_000

    def unconfirmed(self, now: int) -> Unconfirmed:
        """What is not confirmed at `now`."""
        return Unconfirmed(providers=self.providers, before=now - self.within_us)


class Node(Protocol):
    """A gateway, or its absence."""

    @property
    def running(self) -> bool:
        """Whether a gateway is behind it."""
        ...

    @property
    def provider_names(self) -> Sequence[ProviderName]:
        """Every configured provider."""
        ...

    def provider_states(self) -> Mapping[ProviderName, ProviderState]:
        """Every provider's state now; empty if no gateway runs."""
        ...

    async def orders_changed(self) -> None:
        """Follow the standing orders as they are in the spool now."""
        ...

    def restored(self, name: ProviderName) -> None:
        """Forget what was held against a provider."""
        ...

    async def keys_changed(self) -> None:
        """Take over the access keys as they are in the spool now."""
        ...

    async def reload(self) -> tuple[Sequence[str], Sequence[str]]:
        """Read the configuration again: what took effect, what needs a restart. Raises `NotDone` with every problem."""
        ...

    async def backup(self, path: Path) -> int:
        """Copy the spool to a new file while mail goes on; answers its size in bytes. Raises `NotDone`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoNode:
    """No gateway runs on this spool."""

    provider_names: Sequence[ProviderName]
    running: bool = False

    def provider_states(self) -> Mapping[ProviderName, ProviderState]:
        """Nobody watches them."""
        return {}

    async def orders_changed(self) -> None:
        """They are read at the next start."""

    def restored(self, name: ProviderName) -> None:
        """Nothing is held against anybody."""

    async def keys_changed(self) -> None:
        """They are read at the next start."""

    async def reload(self) -> tuple[Sequence[str], Sequence[str]]:
        """Nothing to tell it to."""
        raise NotDone("no gateway is running; the file is read when it starts")

    async def backup(self, path: Path) -> int:
        """The caller copies the file, which nobody else has open."""
        raise NotDone("no gateway is running")
