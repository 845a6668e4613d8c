"""What customers are told: events made of the history, one fact at a time.

Promise: pure, and the same fact always makes the same events with the same ids, whoever asks and however often, so that
a receiver can tell a repetition. A lease that is given back tells nothing: the recipient stands where it stood. Never
in an event: the subject, or any part of the content.

Left out: which endpoint wants which (`outbox`), signing and sending (`webhook_signature`, `webhook_call`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from hashlib import blake2b

import msgspec

from posthorse.mail.carriage import Carriage, Cause, Fate
from posthorse.mail.stream import SECOND
from posthorse.spool.outbox_port import Happening
from posthorse.spool.port import HistoryRow

MOST_TEXT = 1_000
"""Characters of what a provider or a receiving server said."""


class CustomerEventKind(Enum):
    """What a customer can be told of a recipient."""

    HANDED_OVER = "message.handed_over"
    """A provider took responsibility. Not yet delivery."""
    REJECTED = "message.rejected"
    """A certain no, and no other provider would say otherwise."""
    EXPIRED = "message.expired"
    """The deadline passed while nothing was out."""
    CANCELLED = "message.cancelled"
    """Withdrawn by a person or the application."""
    SUPERSEDED = "message.superseded"
    """Withdrawn by a newer message with the same supersede key."""
    SUPPRESSED = "message.suppressed"
    """The address must not be mailed."""
    IN_DOUBT = "message.in_doubt"
    """It left, and nobody knows yet whether it was taken; another event settles it as soon as it is known."""
    DELIVERED = "message.delivered"
    """The receiving server said yes."""
    BOUNCED = "message.bounced"
    """The receiving server said no after the handover."""
    COMPLAINED = "message.complained"
    """A person called it spam."""
    DUPLICATED = "message.duplicated"
    """The recipient is known to have got, or to get, a second copy."""


TEST_KIND = "webhook.test"
"""Type of the event that a person sends to see whether an endpoint works."""

_OF_CARRIAGE = {
    Carriage.HANDED_OVER: CustomerEventKind.HANDED_OVER,
    Carriage.REJECTED: CustomerEventKind.REJECTED,
    Carriage.EXPIRED: CustomerEventKind.EXPIRED,
    Carriage.CANCELLED: CustomerEventKind.CANCELLED,
    Carriage.SUPERSEDED: CustomerEventKind.SUPERSEDED,
    Carriage.SUPPRESSED: CustomerEventKind.SUPPRESSED,
    Carriage.IN_DOUBT: CustomerEventKind.IN_DOUBT,
}
_OF_FATE = {
    Fate.DELIVERED.value: CustomerEventKind.DELIVERED,
    Fate.BOUNCED.value: CustomerEventKind.BOUNCED,
    Fate.COMPLAINED.value: CustomerEventKind.COMPLAINED,
}
_GIVEN_BACK = frozenset({Cause.RETURN, Cause.LAPSE, Cause.ANSWER})
"""Causes by which a lease ends where it began. A restore says so of what was handed over, but makes a doubt anew."""


_DOUBT = {
    Cause.LAPSE: "the attempt was cut off after the mail had left, and its answer with it",
    Cause.RESTORE: "the spool was restored from a backup, so what was sent after it is not known",
}


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the other side said."""

    code: int = 0
    enhanced: str = ""
    text: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The `data` of an event."""

    message_id: str
    recipient: str
    recipient_number: int
    tenant: str
    stream: str
    sender: str
    accepted_at: str
    happened_at: str
    """As the provider tells it, of what became of the mail; else when we learnt it."""
    configuration_set: str
    tags: dict[str, str]
    provider: str
    """Empty: none was involved."""
    provider_message_id: str
    cause: str
    """What brought it about (`posthorse.mail.carriage.Cause`); empty for what became of the mail afterwards."""
    reason: str
    """Why, in our words; the id of the newer message that superseded it; empty: reply, said and cause say it all."""
    reply: Reply
    """What a provider answered to our handover; empty: it said nothing."""
    said: dict[str, str]
    """What a provider told afterwards, in its own words and under its own names (`diagnostic`, `bounce`, ...)."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is sent (Standard Webhooks: `type`, `timestamp`, `data`)."""

    type: str
    timestamp: str
    data: Told | dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerEvent:
    """One event, ready to be signed."""

    id: str
    kind: CustomerEventKind
    body: bytes
    """JSON; the same bytes at every try, since they are what is signed."""


_ENCODER = msgspec.json.Encoder()


def events_of(happening: Happening) -> tuple[CustomerEvent, ...]:
    """What one fact tells the customer: nothing, one thing, or a handover and a fate at once."""
    return tuple(_event(happening, kind) for kind in _kinds(happening.fact))


def rehearsal(endpoint: str, at: int, event_id: str) -> bytes:
    """The body of a test event."""
    told = {"endpoint": endpoint, "note": "sent by `posthorse webhooks test`; nothing happened to any mail"}
    return _ENCODER.encode(Envelope(type=TEST_KIND, timestamp=rfc3339(at), data={"id": event_id, **told}))


def rfc3339(at: int) -> str:
    """Microseconds UTC as RFC 3339 with microseconds."""
    second, micros = divmod(at, SECOND)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{micros:06d}Z"


def _kinds(fact: HistoryRow) -> Iterator[CustomerEventKind]:
    if fact.kind == "duplicate":
        yield CustomerEventKind.DUPLICATED
    if fact.new in _OF_CARRIAGE and fact.new is not fact.old and not _is_given_back(fact):
        yield _OF_CARRIAGE[fact.new]
    if fact.kind == "fate" and (learnt := _OF_FATE.get(str(fact.detail.get("new")))):
        yield learnt


def _is_given_back(fact: HistoryRow) -> bool:
    if fact.old is not Carriage.LEASED:
        return False
    if fact.new is Carriage.IN_DOUBT:
        return fact.cause in _GIVEN_BACK
    return fact.new is Carriage.HANDED_OVER and (fact.cause in _GIVEN_BACK or fact.cause is Cause.RESTORE)


def _event(happening: Happening, kind: CustomerEventKind) -> CustomerEvent:
    fact = happening.fact
    body = Envelope(type=kind.value, timestamp=rfc3339(fact.at), data=_told(happening))
    return CustomerEvent(id=_id(fact, kind), kind=kind, body=_ENCODER.encode(body))


def _id(fact: HistoryRow, kind: CustomerEventKind) -> str:
    """Made of what stays the same when a backup is restored and numbers are given out anew: then it is another fact."""
    told = f"{fact.message_id.hex()} {fact.n} {fact.seq} {fact.at} {kind.value}"
    return f"evt_{blake2b(told.encode(), digest_size=16).hexdigest()}"


def _told(happening: Happening) -> Told:
    fact, message = happening.fact, happening.message
    attributes = message.attributes
    return Told(
        message_id=message.id.hex(),
        recipient=happening.address,
        recipient_number=fact.n,
        tenant=message.tenant,
        stream=message.stream.value,
        sender=message.sender,
        accepted_at=rfc3339(message.accepted_at),
        happened_at=rfc3339(_happened_at(fact)),
        configuration_set=attributes.get("configuration_set", ""),
        tags={name[4:]: value for name, value in attributes.items() if name.startswith("tag:")},
        provider=fact.provider,
        provider_message_id=_text(fact, "provider_message_id"),
        cause=fact.cause.value if fact.cause else "",
        reason=_reason(fact),
        reply=_reply(fact),
        said={name[5:]: _text(fact, name) for name in fact.detail if name.startswith("said_")},
    )


def _reason(fact: HistoryRow) -> str:
    if fact.new is Carriage.IN_DOUBT and fact.cause in _DOUBT:
        return _DOUBT[fact.cause]
    if fact.new is Carriage.HANDED_OVER and fact.detail.get("outcome") == "unclear":
        return "another copy was sent, and is in doubt"
    ours = "" if _has_answer(fact) else _text(fact, "text")  # such as "no answer within 30 s of the release"
    if fact.new is Carriage.IN_DOUBT and not ours:
        return "the answer does not say whether it was taken"
    return ours or _text(fact, "reason") or _text(fact, "by_message")


def _has_answer(fact: HistoryRow) -> bool:
    return bool(fact.detail.get("code")) or fact.detail.get("outcome") == "handover"


def _happened_at(fact: HistoryRow) -> int:
    told_at = fact.detail.get("told_at")
    return told_at if isinstance(told_at, int) and 0 < told_at <= fact.at else fact.at


def _reply(fact: HistoryRow) -> Reply:
    if not _has_answer(fact):
        return Reply()
    code = fact.detail.get("code")
    return Reply(
        code=code if isinstance(code, int) else 0,
        enhanced=_text(fact, "enhanced"),
        text=_text(fact, "text"),
    )


def _text(fact: HistoryRow, name: str) -> str:
    value = fact.detail.get(name)
    return value[:MOST_TEXT] if isinstance(value, str) else ""
