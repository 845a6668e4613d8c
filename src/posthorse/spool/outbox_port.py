"""The spool's side for what customers are told: how far each endpoint has read the history, and what it did not take.

The history is the queue. An endpoint is a place on it; what it would not take is noted apart, so that it holds up
nothing behind it; what is to be told again is a second place on it, with its end. Promise: one `record` is one
transaction, so that after a crash nothing is passed over: at worst something is told twice. A new endpoint begins at
the present end of the history.

Left out: what of the history customers are told, and when it is tried again (`posthorse.feedback`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage
from posthorse.mail.ids import MessageId, Tenant
from posthorse.mail.message import Message
from posthorse.spool.port import HistoryRow

EndpointKey = tuple[Tenant, str]
"""Tenant and name of a customer's endpoint."""

MOST_GIVEN_UP = 1_000
"""So many facts that were given up are kept for each endpoint; the oldest beyond them are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One fact of the history that may be worth telling, with what surrounds it."""

    fact: HistoryRow
    message: Message
    address: str
    """The recipient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of the history as it was read."""

    happenings: tuple[Happening, ...]
    """In the order of the history; facts that nobody is ever told are left out."""
    read_to: int
    """`seq` of the last fact looked at; where the reading began, if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A fact that an endpoint did not take."""

    seq: int
    tries: int
    next_at: int | None
    """When it is tried again, microseconds UTC; None: given up."""
    why: str
    """For people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A noted fact whose time has come. `happening` None: retention has dropped it."""

    noted: Noted
    noted_at: int
    """When, microseconds UTC."""
    happening: Happening | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """How an endpoint stands."""

    tenant: Tenant
    name: str
    read_to: int
    """Facts up to this `seq` were told, or noted apart."""
    replay: tuple[int, int] | None = None
    """To be told again: behind the first `seq`, up to the second; None: nothing."""
    disabled_at: int | None = None
    disabled_why: str = ""
    disabled_url: str = ""
    """Where it pointed then; an endpoint that points elsewhere now is no longer disabled. Empty: by a person's word."""
    waiting: int = 0
    """Noted facts that are tried again."""
    given_up: int = 0
    next_at: int | None = None
    """When the next noted fact is due, microseconds UTC."""
    last_why: str = ""
    """Why the noted fact with the latest try was not taken; empty: nothing is noted."""
    behind_since: int | None = None
    """When the first fact behind `read_to` happened, microseconds UTC; None: everything is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What became of some facts at one endpoint."""

    tenant: Tenant
    name: str
    read_to: int | None = None
    """None: as it was. It never goes back."""
    replayed: tuple[int, int] | None = None
    """The replay stood at the first `seq` and has come to the second; void if somebody moved it meanwhile."""
    taken: tuple[int, ...] = ()
    """Facts that need not be noted any more."""
    noted: tuple[Noted, ...] = ()
    most_waiting: int | None = None
    """So many facts go on waiting, before these are noted: of more, those that were tried most are given up, the oldest
    first. None: all.
    """
    disabled: str = ""
    """Why nothing more may be sent there; empty: it may."""
    url: str = ""


EARLY = "given up early, too many waited: "
"""Stands before why a fact was not taken, if it was given up to make room."""


class SpoolOutbox(Protocol):
    """What the outbox and its operators ask of the spool; each call is one transaction or one question."""

    async def enroll(self, tenant: Tenant, name: str) -> EndpointState:
        """The endpoint as it stands; a new one at the end of the history."""
        ...

    async def endpoints(self) -> Sequence[EndpointState]:
        """Every endpoint that was ever enrolled and not forgotten, by tenant and name."""
        ...

    async def endpoint(self, tenant: Tenant, name: str) -> EndpointState | None:
        """One of them; None: unknown."""
        ...

    async def happenings(self, tenant: Tenant, after: int, until: int | None, facts: int) -> Page:
        """The next `facts` facts behind `after`, those of this tenant's recipients; none behind `until`."""
        ...

    async def due_again(self, tenant: Tenant, name: str, limit: int) -> Sequence[Again]:
        """Noted facts whose time has come, the longest due first."""
        ...

    async def record(self, progress: Progress) -> None:
        """Make the progress of one endpoint durable. An endpoint that is unknown (forgotten meanwhile) has none."""
        ...

    async def replay_since(self, tenant: Tenant, name: str, since: int) -> int | None:
        """Tell everything again that happened since then (microseconds UTC) and is in the history: answers how many
        facts there are to look at, those that nobody is told included. None: no such endpoint.
        """
        ...

    async def replay_message(self, tenant: Tenant, name: str, message_id: MessageId) -> int | None:
        """Tell everything again about one message of this tenant: answers how many facts; None: no such endpoint."""
        ...

    async def disable(self, tenant: Tenant, name: str, why: str) -> bool:
        """A person's word that nothing is sent there; False: no such endpoint."""
        ...

    async def enable(self, tenant: Tenant, name: str) -> bool:
        """Send there again, from where it stopped, and what was noted at once; False: no such endpoint."""
        ...

    async def forget(self, tenant: Tenant, name: str) -> bool:
        """Drop all that is kept of an endpoint; False: no such endpoint."""
        ...


TOLD_KINDS = frozenset({"fate", "duplicate"})
"""Kinds of facts that may be worth telling without a move."""

TOLD_STATES: frozenset[Carriage] = ENDS_OF_DUTY | {Carriage.IN_DOUBT}
"""A move into one of these may be worth telling."""


def is_worth_a_look(fact: HistoryRow) -> bool:
    """Whether a fact may be one that customers are told: every adapter leaves out the same others."""
    return fact.n >= 0 and (fact.kind in TOLD_KINDS or fact.new in TOLD_STATES)
