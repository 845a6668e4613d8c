"""Why mail is not taken: one closed list of refusals, with the reply each front gives.

Promise: `text` is written by us for the client and holds nothing the client sent that is not plain printable ASCII; no
refusal names a recipient, a subject or content. Left out: how a front wraps it (SMTP reply line, JSON error).
"""

from dataclasses import dataclass
from enum import Enum

from posthorse.mail.ids import MessageId
from posthorse.mail.stream import Stream


class RefusalKind(Enum):
    """What a refusal is about; the label in metrics and logs."""

    CONNECTIONS = "connections"
    """Too many connections, overall or from this address."""
    NO_LOGIN = "no_login"
    """Mail was offered by somebody who had not logged in."""
    SENDER_ADDRESS = "sender_address"
    """The envelope sender is no address we take."""
    SENDER_DOMAIN = "sender_domain"
    """The sender's domain does not belong to the tenant."""
    RECIPIENT_ADDRESS = "recipient_address"
    """No address we take: syntax, source route, address literal, routing characters."""
    RECIPIENTS = "recipients"
    """Too many recipients, or none."""
    TOO_BIG = "too_big"
    """The message is larger than we take."""
    RATE = "rate"
    """The credential sends faster than it may."""
    OVERLOAD = "overload"
    """Shed, because better mail needs the room."""
    DISK_LOW = "disk_low"
    """The spool's disk must keep its last free space for what is stored."""
    SPOOL = "spool"
    """The spool cannot promise durability now."""
    MALFORMED = "malformed"
    """The header block or the lines break the format."""
    REPEATED_FIELD = "repeated_field"
    """A header field that may stand once stands twice."""
    LOOP = "loop"
    """It has been here before, or passed too many hops."""
    CONTROL = "control"
    """A control header or tag has a value that cannot be meant."""
    KEY_CONFLICT = "key_conflict"
    """The idempotency key belongs to another message."""
    BUG = "bug"
    """Something of ours failed in a way nobody foresaw."""


_LEADS = ("Transaction failed: ", "Message rejected: ", "Throttling failure: ", "Temporary service failure: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No responsibility taken. `code` 4xx: try again later; 5xx: not like this (RFC 5321 section 4.2.1)."""

    kind: RefusalKind
    code: int
    enhanced: str
    """RFC 3463."""
    text: str

    @property
    def temporary(self) -> bool:
        """The same offer may be taken later."""
        return self.code < 500

    @property
    def reason(self) -> str:
        """The text without the words with which a reply of SMTP begins: for every other front."""
        text = self.text
        for lead in _LEADS:
            text = text.removeprefix(lead)
        return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Responsibility taken: the message is durable."""

    id: MessageId
    """The receipt."""
    stream: Stream
    repeated: bool = False
    """It was accepted before under the same idempotency key; this is its first receipt."""


Verdict = Accepted | Refused


def _no(kind: RefusalKind, code: int, enhanced: str, text: str) -> Refused:
    return Refused(kind=kind, code=code, enhanced=enhanced, text=text)


# What SES also says is said in its words, since applications match on them.
TOO_MANY_CONNECTIONS = _no(RefusalKind.CONNECTIONS, 421, "4.7.0", "Too many concurrent SMTP connections")
TOO_BIG = _no(RefusalKind.TOO_BIG, 552, "5.3.4", "Message is too long")
TOO_MANY_RECIPIENTS = _no(RefusalKind.RECIPIENTS, 452, "4.5.3", "Too many recipients")
NO_RECIPIENTS = _no(RefusalKind.RECIPIENTS, 554, "5.5.1", "No valid recipients")
RATE_EXCEEDED = _no(RefusalKind.RATE, 454, "4.7.0", "Throttling failure: Maximum sending rate exceeded.")
OVERLOADED = _no(RefusalKind.OVERLOAD, 451, "4.3.2", "Temporary service failure: busy, try again later")
DISK_LOW = _no(RefusalKind.DISK_LOW, 452, "4.3.1", "Temporary service failure: insufficient storage, try again later")
SPOOL_DOWN = _no(RefusalKind.SPOOL, 451, "4.3.0", "Temporary service failure: cannot store mail now, try again later")
BUG = _no(RefusalKind.BUG, 451, "4.3.0", "Temporary service failure")
KEY_CONFLICT = _no(
    RefusalKind.KEY_CONFLICT, 554, "5.5.4", "Message rejected: this idempotency key belongs to another message"
)
NO_LOGIN = _no(RefusalKind.NO_LOGIN, 530, "5.7.0", "Authentication required")
BARE_LINE_END = _no(RefusalKind.MALFORMED, 550, "5.5.2", "Bare CR, bare LF or NUL in the message; lines end with CRLF")
LOOP = _no(RefusalKind.LOOP, 554, "5.4.6", "Message rejected: routing loop detected")


def bad_sender(why: str) -> Refused:
    """The envelope sender is no address we take; `why` holds nothing of it."""
    return _no(RefusalKind.SENDER_ADDRESS, 553, "5.1.7", f"Sender refused: {why}")


def bad_recipient(why: str) -> Refused:
    """The recipient is no address we take; `why` holds nothing of it."""
    return _no(RefusalKind.RECIPIENT_ADDRESS, 553, "5.1.3", f"Recipient refused: {why}")


def malformed(text: str) -> Refused:
    """The format is broken in the way `text` says."""
    return _no(RefusalKind.MALFORMED, 554, "5.6.0", f"Transaction failed: {text}")


def bad_control(text: str) -> Refused:
    """A control header or tag cannot be meant as it is."""
    return _no(RefusalKind.CONTROL, 554, "5.5.4", f"Transaction failed: {text}")


def sender_not_verified(domain: str) -> Refused:
    """The domain does not belong to the tenant."""
    named = domain if domain.isascii() and domain.isprintable() else "the sender's domain"
    return _no(
        RefusalKind.SENDER_DOMAIN,
        554,
        "5.7.1",
        "Message rejected: Email address is not verified. The following identities failed the check: " + named,
    )


def repeated_field(name: str) -> Refused:
    """A field that may stand once stands twice; `name` is one of a closed list."""
    return _no(RefusalKind.REPEATED_FIELD, 554, "5.6.0", f"Transaction failed: Duplicate header '{name}'.")


def unknown_control(name: str) -> Refused:
    """A header that asks for what is not here: a slip that must not pass unnoticed."""
    if (
        name.lower() == "x-ses-list-management-options"
    ):  # without it mail to many would go out with no way to unsubscribe
        return bad_control("There are no contact lists here: X-SES-LIST-MANAGEMENT-OPTIONS is not offered.")
    return bad_control(f"Unknown control header '{name[:64]}'.")
