"""The header block, cut by ourselves: which fields there are, and which of them we read, drop or allow only once.

Promise: linear time, nothing decoded, no part of the body looked at (MIME structure is never parsed on this path); a
field is the bytes the client sent, folds included. Left out: meaning of the values (`control`, `prepare`).
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from posthorse.accept.refusal import Refused, malformed, repeated_field, unknown_control

MAX_BLOCK_BYTES = 128 << 10
MAX_FIELDS = 256
MAX_FIELD_BYTES = 16 << 10

_FIELD_BREAK = re.compile(rb"\r\n(?![ \t])")
_NAME_BYTES = bytes(code for code in range(33, 127) if code != ord(":"))
"""RFC 5322 section 3.6.8: printable ASCII but the colon."""


class Duty(Enum):
    """What we do with a header field."""

    ONCE = "once"
    """May stand once only (the list of SES); passed on."""
    RECEIVED = "received"
    """Counted as a hop; passed on."""
    CONTROL = "control"
    """Read by us and removed; may stand once."""
    DROP = "drop"
    """Removed unread."""
    UNKNOWN_CONTROL = "unknown_control"
    """Looks like one of ours and is none: the message is refused."""
    CARRY = "carry"
    """Passed on, however often."""


# Looking a member up on its class costs ten times a name, and this is asked for every field of every message.
_ONCE: Final = Duty.ONCE
_RECEIVED: Final = Duty.RECEIVED
_CONTROL: Final = Duty.CONTROL
_CARRY: Final = Duty.CARRY
_UNKNOWN_CONTROL: Final = Duty.UNKNOWN_CONTROL

# Fields that SES takes only once: "Amazon SES header fields" in its developer guide; To and Cc by RFC 5322 section 3.6.
_SINGLE_FIELDS = """
accept-language acceptlanguage archived-at auto-submitted bounces-to cc comments content-alternative content-base
content-class content-description content-disposition content-duration content-id content-language content-length
content-location content-md5 content-transfer-encoding content-type date delivered-to disposition-notification-options
disposition-notification-to domainkey-signature errors-to from importance in-reply-to keywords list-archive
list-help list-id list-owner list-post list-subscribe list-unsubscribe list-unsubscribe-post message-context message-id
mime-version organization original-from original-message-id original-recipient original-subject precedence priority
references reply-to return-receipt-to sender solicitation sensitivity subject thread-index thread-topic to user-agent
vbr-info dkim-signature
"""

STREAM = b"x-posthorse-stream"
DEADLINE = b"x-posthorse-deadline"
SUPERSEDE = b"x-posthorse-supersede"
IDEMPOTENCY_KEY = b"x-posthorse-idempotency-key"
CONFIGURATION_SET = b"x-ses-configuration-set"
MESSAGE_TAGS = b"x-ses-message-tags"
LIST_MANAGEMENT = b"x-ses-list-management-options"
OURS = b"x-posthorse-"
STAMP = b"x-posthorse-id"

DUTIES: dict[bytes, Duty] = {
    **dict.fromkeys((name.encode() for name in _SINGLE_FIELDS.split()), Duty.ONCE),
    **dict.fromkeys((STREAM, DEADLINE, SUPERSEDE, IDEMPOTENCY_KEY, CONFIGURATION_SET, MESSAGE_TAGS), Duty.CONTROL),
    # X-Posthorse-Id: set by an earlier passage; this one sets its own. Return-Path belongs to the last hop (RFC 5321
    # section 4.4). Bcc names people whom the others must not see.
    **dict.fromkeys((STAMP, b"bcc", b"resent-bcc", b"return-path", b"x-smtpapi", b"x-msys-api"), Duty.DROP),
    b"received": Duty.RECEIVED,
    LIST_MANAGEMENT: Duty.UNKNOWN_CONTROL,
}
"""By name in lower case; `duty_of` says what becomes of the others."""

OPTION_PREFIXES = (b"x-ses-", b"x-mailgun-", b"x-pm-", b"x-mj-", b"x-mailjet-", b"x-mc-", b"x-mailin-", b"x-mt-")
"""Option headers of providers: in a customer's message they would change settings of our accounts there."""


@dataclass(slots=True)
class HeaderBlock:
    """The fields of a message that passed the format rules."""

    end: int
    """Where the fields end in the content: the blank line, or the end of the content if there is none."""
    kept: list[bytes]
    """Fields to pass on, each without its final CRLF."""
    dropped: bool
    """Whether there are others."""
    once: dict[bytes, bytes]
    """Values (raw, after the colon) of fields that may stand once, by name in lower case."""
    controls: dict[bytes, bytes]
    """Raw values of the fields we read, by name in lower case."""
    received: list[bytes]
    """Raw values of the Received fields."""


def cut(content: bytes) -> HeaderBlock | Refused:
    """Cut the header block and sort its fields by duty. `content` has strict CRLF lines."""
    end = 0 if content.startswith(b"\r\n") else content.find(b"\r\n\r\n", 0, MAX_BLOCK_BYTES + 4)
    if end < 0:
        if len(content) > MAX_BLOCK_BYTES:
            return malformed(f"Header block longer than {MAX_BLOCK_BYTES} bytes.")
        end = len(content) - 2 if content.endswith(b"\r\n") else len(content)
    fields = _fields(content[:end]) if end > 0 else []
    if len(fields) > MAX_FIELDS:
        return malformed(f"More than {MAX_FIELDS} header fields.")
    if end > MAX_FIELD_BYTES and max(map(len, fields)) > MAX_FIELD_BYTES:
        return malformed(f"Header field longer than {MAX_FIELD_BYTES} bytes.")
    return _sort(fields, min(end + 2, len(content)))


def _fields(head: bytes) -> list[bytes]:
    if b"\r\n " in head or b"\r\n\t" in head:
        return _FIELD_BREAK.split(head)
    return head.split(b"\r\n")  # nothing is folded: the same, at a third of the cost


def _sort(fields: list[bytes], end: int) -> HeaderBlock | Refused:
    kept: list[bytes] = []
    once: dict[bytes, bytes] = {}
    controls: dict[bytes, bytes] = {}
    received: list[bytes] = []
    for field in fields:
        name, colon, value = field.partition(b":")
        known = _KNOWN.get(name) or _learn(name)
        if known is None or not colon:
            return malformed("Malformed header line.")
        lowered, duty = known
        if duty is _CARRY:
            kept.append(field)
        elif duty is _ONCE:
            if lowered in once:
                return repeated_field(name.decode("ascii"))
            once[lowered] = value
            kept.append(field)
        elif duty is _RECEIVED:
            received.append(value)
            kept.append(field)
        elif duty is _CONTROL:
            if lowered in controls:
                return repeated_field(name.decode("ascii"))
            controls[lowered] = value
        elif duty is _UNKNOWN_CONTROL:
            return unknown_control(name.decode("ascii"))
    dropped = len(kept) < len(fields)
    return HeaderBlock(end=end, kept=kept, dropped=dropped, once=once, controls=controls, received=received)


def duty_of(lowered: bytes) -> Duty:
    """What we do with fields of this name (in lower case)."""
    duty = DUTIES.get(lowered)
    if duty is not None:
        return duty
    if lowered.startswith(OPTION_PREFIXES):
        return Duty.DROP
    return Duty.UNKNOWN_CONTROL if lowered.startswith(OURS) else Duty.CARRY


_KNOWN: dict[bytes, tuple[bytes, Duty]] = {}
"""Names as they were spelt, seen before: in lower case, with their duty. Bounded, since clients choose names."""
_MAX_KNOWN = 2_048


def _learn(name: bytes) -> tuple[bytes, Duty] | None:
    """The same for a name not seen before; None: it is no field name."""
    if not name or name.translate(None, _NAME_BYTES):
        return None
    lowered = name.lower()
    known = (lowered, duty_of(lowered))
    if len(name) <= 64 and len(_KNOWN) < _MAX_KNOWN:
        _KNOWN[name] = known
    return known
