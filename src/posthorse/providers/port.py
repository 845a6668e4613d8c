"""The provider port: one way out of the gateway.

A provider performs one attempt of one handover group and answers with an outcome per recipient. It streams all but the
last bytes, asks the gate, and only then sends the rest. It never retries, never judges health and never decides what
happens next. It sets its own time limits *before* the release (connect, greeting, replies); after the release it waits
for as long as it is left running: the courier decides when to stop waiting and parks it for a late answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from posthorse.mail.ids import ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Outcome


class Fidelity(Enum):
    """How faithfully a way out carries bytes."""

    EXACT = "exact"
    WRAPPED = "wrapped"
    """The same, save what the provider rewrites, listed in `Capability.rewrites`."""
    RECOMPOSED = "recomposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a way out can carry; checked when the plan is made."""

    fidelity: Fidelity
    separate_envelope: bool
    """Recipients are given apart from the headers, so any group can be sent."""
    max_recipients: int
    max_size_bytes: int
    smtputf8: bool
    """May be unknown before the first connection; then True, and the attempt answers."""
    rewrites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Time limits before the release, seconds."""

    connect_s: float = 3.0
    answer_s: float = 10.0


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverGroup:
    """One message, a set of its recipients, one provider request."""

    message: Message
    body: bytes
    recipients: tuple[tuple[int, str], ...]
    """(n, address) of each."""
    limits: Limits = DEFAULT_LIMITS


ReleaseGate = Callable[[Sequence[int]], Awaitable[bool]]
"""Given the recipient numbers still in the attempt: True once the release mark is durable; False: send nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """How an attempt ended."""

    outcomes: Mapping[int, Outcome]
    """By recipient number; a recipient whose release was refused has no entry."""


class Provider(Protocol):
    """One sending account at one outside service."""

    @property
    def name(self) -> ProviderName:
        """Its configured name."""
        ...

    @property
    def kind(self) -> str:
        """Which implementation it is, as in `[[providers]] kind`."""
        ...

    @property
    def capability(self) -> Capability:
        """What it can carry, as known now: a first connection may teach it more."""
        ...

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """Try once. Does not raise for anything the network or the provider does; cancellation closes the connection.

        The gate is awaited at most once. After it answered True, whatever is not a complete answer is `Unclear`;
        before, or when it answered False, nothing was sent.
        """
        ...

    async def prepare(self, connections: int) -> None:
        """Have this many connections open and idle, if it keeps any; failures are silent, the next attempt tells."""
        ...

    async def close(self) -> None:
        """Close idle connections; attempts under way go on, and nothing new stays open after them."""
        ...


class NotNow(Exception):
    """A survey cannot be made at this moment, for a reason of ours; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a group cannot be carried."""

    why: str
    """In words."""
    of_part: bool = False
    """The content could be carried; it is these recipients without others of the message that cannot. Else nothing
    about the other recipients changes it."""


@runtime_checkable
class Surveying(Provider, Protocol):
    """A provider that cannot carry everything whole: it is asked about each group before an attempt is planned."""

    async def survey(self, group: HandoverGroup) -> Obstacle | None:
        """Why this group can never be carried there; None: it can.

        A function of the body, the recipients and the kind of provider, so it may be remembered; a group of other
        recipients is another question. Raises `NotNow`.
        """
        ...
