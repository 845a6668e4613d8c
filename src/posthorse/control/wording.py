"""Between the spool's values and what people read and write: times, ids, selectors, recipients."""

from datetime import UTC, datetime

from posthorse.control import replies
from posthorse.control.node import NotDone
from posthorse.control.requests import Which
from posthorse.mail.ids import MessageId, Tenant, parse_message_id
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import RecipientView, Selector, Unconfirmed
from posthorse.spool.entry import is_unconfirmed


def written_time(at: int) -> str:
    """Microseconds UTC as RFC 3339 with milliseconds."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND // 1_000:03d}Z"


def maybe_time(at: int | None) -> str | None:
    """As `written_time`; None stays None."""
    return None if at is None else written_time(at)


def message_id(text: str) -> MessageId:
    """The id of a message. Raises `NotDone`."""
    try:
        return parse_message_id(text)
    except ValueError:
        raise NotDone(f"{text!r} is not a message id: 32 hexadecimal digits, as in the receipt") from None


def selector(which: Which) -> Selector:
    """What the spool is asked for. Raises `NotDone`."""
    return Selector(
        tenant=Tenant(which.tenant) if which.tenant else None,
        message_id=message_id(which.id) if which.id else None,
        n=which.n,
        carriage=which.state,
        fate=which.fate,
        stream=which.stream,
        sender_domain=which.sender_domain.lower(),
        recipient_domain=which.recipient_domain.lower(),
        before_id=message_id(which.before) if which.before else None,
    )


def in_words(chosen: Selector) -> str:
    """A selector as a person would say it."""
    parts: tuple[tuple[str, str | int | None], ...] = (
        ("tenant", chosen.tenant),
        ("id", chosen.message_id.hex() if chosen.message_id else None),
        ("recipient", chosen.n),
        ("state", chosen.carriage.value if chosen.carriage else None),
        ("fate", chosen.fate.value if chosen.fate else None),
        ("stream", chosen.stream.value if chosen.stream else None),
        ("from", chosen.sender_domain),
        ("to", chosen.recipient_domain),
    )
    return ", ".join(f"{name} {value}" for name, value in parts if value not in (None, "")) or "everything"


def recipient(view: RecipientView, unconfirmed: Unconfirmed) -> replies.Recipient:
    """One recipient as a command answers it; `unconfirmed`: what counts as not confirmed now."""
    message = view.message
    return replies.Recipient(
        id=message.id.hex(),
        n=view.n,
        stream=message.stream.value,
        state=view.carriage.value,
        fate=view.fate.value,
        sender=message.sender,
        address=view.address,
        size_bytes=message.size_bytes,
        accepted_at=written_time(message.accepted_at),
        expires_at=written_time(message.expires_at),
        next_at=maybe_time(view.next_at),
        attempts=view.attempts,
        copies_released=view.copies_released,
        copies_allowed=view.copies_allowed,
        provider=view.provider,
        hold=view.hold,
        withdrawn=view.withdrawn,
        ended_at=maybe_time(view.rested_at),
        not_confirmed=is_unconfirmed(unconfirmed, view),
    )
