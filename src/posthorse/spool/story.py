"""What is written to history, and how a row is recomputed from it.

Promise: the facts of one recipient, oldest first, replay to exactly its row. A fact carries what a reader cannot
derive: the common steps (lease, release, handover) are understood from their move alone, all else names what changed.

Left out: when something happens (`posthorse.spool.rules`) and where it is kept (the adapters).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Cause, Fate
from posthorse.mail.event import Event
from posthorse.mail.ids import AttemptId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Handover, Rejection, kind_of, scope_of
from posthorse.spool.port import HistoryRow, Settlement
from posthorse.spool.rules import Change, Row

Detail = Mapping[str, str | int | float | bool | None]

ABOUT_MESSAGE = -1
"""Recipient number of a fact about the whole message."""

MOST_WORDS, MOST_NAME, MOST_TEXT = 12, 40, 500
"""Words of a provider that are kept of one event, and the characters of each name and text."""

_FIELDS = (
    "copies_allowed",
    "copies_released",
    "fence",
    "leased_from",
    "lease_until",
    "next_at",
    "attempts",
    "tried",
    "withdrawn",
    "hold",
    "doubtful",
    "provider",
)
"""Fields of a row that a fact may set by name; carriage moves only by its move, expiry never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What surrounds a change when it is told to history."""

    at: int
    kind: str = "moved"
    fence: int | None = None
    """Fence of the attempt it is about; None: the row's own."""
    provider: ProviderName = ProviderName("")
    attempt: AttemptId = AttemptId(b"")
    detail: Detail = field(default_factory=dict)


def accepted(message: Message, first: Row, recipients: int, *, is_leased: bool) -> HistoryRow:
    """The first fact of a message: how all its recipients begin.

    `is_leased`: every one of them was leased in the same transaction, as `first` stands.
    """
    detail: dict[str, str | int | float | bool | None] = {
        "recipients": recipients,
        "expires_at": first.expires_at,
        "copies_allowed": first.copies_allowed,
    }
    if is_leased:
        detail["lease_until"] = first.lease_until
    elif first.next_at is not None:
        detail["next_at"] = first.next_at
    return HistoryRow(
        seq=0,
        at=message.accepted_at,
        tenant=message.tenant,
        message_id=message.id,
        n=ABOUT_MESSAGE,
        kind="accepted",
        old=Carriage.QUEUED if is_leased else None,
        new=Carriage.LEASED if is_leased else Carriage.QUEUED,
        cause=Cause.LEASE if is_leased else None,
        fence=first.fence,
        detail=detail,
    )


def tell(message: Message, n: int, before: Row, change: Change, telling: Telling) -> list[HistoryRow]:
    """The facts of one change: one per move, at least one if the kind is more than a move or a field changed."""
    after = change.row
    if not change.moves and after == before and telling.kind == "moved":
        return []
    facts = []
    for place in range(max(1, len(change.moves))):
        move = change.moves[place] if change.moves else None
        facts.append(
            HistoryRow(
                seq=0,
                at=telling.at,
                tenant=message.tenant,
                message_id=message.id,
                n=n,
                kind=telling.kind if place == 0 else "moved",
                old=move.old if move else None,
                new=move.new if move else None,
                cause=move.cause if move else None,
                fence=after.fence if telling.fence is None else telling.fence,
                provider=telling.provider,
                attempt=telling.attempt,
                detail=telling.detail if place == 0 else {},
            )
        )
    named = _differences(_fold(before, facts), after)
    if named:
        facts[-1] = replace(facts[-1], detail={**facts[-1].detail, **named})
    return facts


def settlement_detail(settlement: Settlement) -> Detail:
    """How an attempt ended, for history: outcome, scope, reply, and the plan's reason: `chosen` says why it was this
    provider, `reason` why none was asked.
    """
    detail: dict[str, str | int | float | bool | None] = {}
    if settlement.started_at:
        detail["started_at"] = settlement.started_at
    if settlement.reason:
        detail["chosen" if settlement.provider else "reason"] = settlement.reason
    outcome = settlement.outcome
    if outcome is None:
        return detail
    detail["outcome"] = kind_of(outcome)
    if isinstance(outcome, Handover):
        if outcome.provider_message_id:
            detail["provider_message_id"] = outcome.provider_message_id
    else:
        detail["scope"] = scope_of(outcome).value
    reply = outcome.reply
    if reply.code:
        detail["code"] = reply.code
    if reply.enhanced:
        detail["enhanced"] = reply.enhanced
    if reply.text:
        detail["text"] = reply.text
    if settlement.final and isinstance(outcome, Rejection):
        detail["final"] = True
    return detail


def event_detail(event: Event, notification: int = 0) -> Detail:
    """What was told, for history: `event` (its kind), `told_at`, `key`, the provider's words as `said_NAME`, and the
    number of its notification, as long as that is kept.
    """
    detail: dict[str, str | int | float | bool | None] = {"event": event.kind.value, "key": event.key}
    if notification:
        detail["notification"] = notification
    if event.at:
        detail["told_at"] = event.at
    if event.provider_message_id:
        detail["provider_message_id"] = event.provider_message_id
    words = list(event.detail.items())[:MOST_WORDS]
    return detail | {f"said_{name[:MOST_NAME]}": text[:MOST_TEXT] for name, text in words}


def fate_detail(old: Fate, new: Fate, event: Event) -> Detail:
    """A fate that an event raised, for history; with the event's words, since customers are told fact by fact."""
    return {**event_detail(event), "old": old.value, "new": new.value}


def replay_fate(facts: Iterable[HistoryRow]) -> Fate:
    """The fate of one recipient from its facts, oldest first."""
    fate = Fate.UNKNOWN
    for fact in facts:
        if fact.kind == "fate":
            fate = Fate(str(fact.detail["new"]))
    return fate


def replay(facts: Iterable[HistoryRow]) -> Row:
    """The row of one recipient from its facts and those about its message, oldest first.

    Raises ValueError when the first fact is not the acceptance.
    """
    row: Row | None = None
    for fact in facts:
        if fact.kind == "accepted":
            row = _begin(fact)
        elif row is None:
            raise ValueError(f"history of message {fact.message_id.hex()} does not begin with its acceptance")
        else:
            row = _fold(row, [fact])
    if row is None:
        raise ValueError("no history")
    return row


def _begin(fact: HistoryRow) -> Row:
    number = {name: value for name, value in fact.detail.items() if isinstance(value, int)}
    row = Row(
        carriage=Carriage.QUEUED,
        expires_at=number["expires_at"],
        copies_allowed=number["copies_allowed"],
        next_at=number.get("next_at"),
    )
    return _fold(row, [fact]) if fact.old is not None else row


def _fold(row: Row, facts: Iterable[HistoryRow]) -> Row:
    for fact in facts:
        if fact.new is not None and fact.cause is not None:
            row = _implied(row, fact, fact.new, fact.cause)
        named: dict[str, Any] = {name: _read(name, fact.detail[name]) for name in _FIELDS if name in fact.detail}
        if named:
            row = replace(row, **named)
    return row


def _implied(row: Row, fact: HistoryRow, new: Carriage, cause: Cause) -> Row:
    """What a move alone says about the row."""
    if new is Carriage.LEASED:
        return replace(row, carriage=new, fence=fact.fence, leased_from=row.carriage, next_at=None)
    if new is Carriage.RELEASED:
        return replace(row, carriage=new, copies_released=row.copies_released + 1, provider=fact.provider)
    attempts, copies, doubtful = row.attempts, row.copies_released, row.doubtful
    if cause is Cause.ANSWER and fact.provider:
        attempts += 1
    if row.carriage is Carriage.RELEASED and cause in (Cause.ANSWER, Cause.LAPSE):
        if new is Carriage.IN_DOUBT:
            doubtful = (*doubtful, row.fence)
        elif new is not Carriage.HANDED_OVER:
            copies -= 1
    return replace(
        row,
        carriage=new,
        attempts=attempts,
        copies_released=copies,
        doubtful=doubtful,
        leased_from=None,
        lease_until=None,
        next_at=None if new in ENDS_OF_DUTY else row.next_at,
    )


def _differences(implied: Row, after: Row) -> dict[str, str | int | None]:
    return {name: _write(getattr(after, name)) for name in _FIELDS if getattr(implied, name) != getattr(after, name)}


def _write(value: str | int | Carriage | tuple[str | int, ...] | None) -> str | int | None:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return value.value if isinstance(value, Carriage) else value


def _read(name: str, value: str | int | float | bool | None) -> object:
    match name:
        case "tried":
            return split_tried(str(value))
        case "doubtful":
            return split_doubtful(str(value))
        case "leased_from":
            return None if value is None else Carriage(value)
        case _:
            return value


def split_tried(text: str) -> tuple[ProviderName, ...]:
    """Provider names from their stored form, joined by commas (which no name contains)."""
    return tuple(ProviderName(name) for name in text.split(",")) if text else ()


def split_doubtful(text: str) -> tuple[int, ...]:
    """Fences from their stored form, joined by commas."""
    return tuple(int(fence) for fence in text.split(",")) if text else ()
