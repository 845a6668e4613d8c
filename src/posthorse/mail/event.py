"""Events: what a provider told of one recipient of one message, in our words.

Promise: the meaning of an event for duty, fate and suppression is written here and nowhere else; it does not depend on
who told it, or when. Left out: how each provider says it (`posthorse.providers`), and what it does to a recipient
(`posthorse.spool.rules`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from posthorse.mail.carriage import Fate
from posthorse.mail.ids import MessageId, ProviderName


class EventKind(Enum):
    """What happened. Whatever a provider tells of a message proves that it took it."""

    TAKEN = "taken"
    """The provider has it and works on it."""
    DEFERRED = "deferred"
    """The receiving server put it off; the provider goes on trying."""
    DELIVERED = "delivered"
    """The receiving server said yes."""
    SOFT_BOUNCED = "soft_bounced"
    """The receiving server said no, for a reason that may pass; the provider has stopped trying."""
    HARD_BOUNCED = "hard_bounced"
    """The receiving server said no, for good: there is no such address."""
    DROPPED = "dropped"
    """The provider took it and will not send it: its own suppression list, its view of the content, a bad template."""
    COMPLAINED = "complained"
    """A person called it spam."""
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"


FATES: Mapping[EventKind, Fate] = {
    EventKind.TAKEN: Fate.UNKNOWN,
    EventKind.DEFERRED: Fate.UNKNOWN,
    EventKind.DELIVERED: Fate.DELIVERED,
    EventKind.SOFT_BOUNCED: Fate.BOUNCED,
    EventKind.HARD_BOUNCED: Fate.BOUNCED,
    EventKind.DROPPED: Fate.BOUNCED,
    EventKind.COMPLAINED: Fate.COMPLAINED,
    EventKind.OPENED: Fate.DELIVERED,
    EventKind.CLICKED: Fate.DELIVERED,
    EventKind.UNSUBSCRIBED: Fate.DELIVERED,
}
"""The least that each kind proves of the fate."""

SUPPRESSING: Mapping[EventKind, str] = {
    EventKind.HARD_BOUNCED: "hard_bounce",
    EventKind.COMPLAINED: "complaint",
}
"""Kinds after which the address must not be mailed, with the reason as the suppression list has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing learnt about one recipient."""

    provider: ProviderName
    key: str
    """Tells a repetition: the provider's event id and the recipient, or made of what it says; 128 characters."""
    kind: EventKind
    at: int
    """When it happened as the provider says, microseconds UTC; 0: it did not say."""
    recipient: str
    """Address as the provider gives it."""
    message_id: MessageId | None = None
    """Our id, if it came back with the event."""
    provider_message_id: str = ""
    """The provider's id, as its handover gave it; empty: not told. One of the two ids is there."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """For people: the receiving server's words, the kind of bounce; no subject, no content."""
