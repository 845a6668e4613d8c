"""A `SendEmail` request of SES v2 with raw content, and what SES makes of the mail, pure.

Duty: read the request, find its recipients, and rewrite the header as SES does: Message-ID, Date and Return-Path are
its own, X-SES-* and Bcc are removed, `FromEmailAddress` replaces From. Left out: templates, simple content, tracking.
Source: SES API v2, `SendEmail`; SES developer guide, raw email and header fields.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, getaddresses, parseaddr

import msgspec

MAX_RECIPIENTS = 50
_MAX_COMMENTS = 100
"""Of one address field; the standard library reads comments within comments by recursion."""

MAX_TAGS = 50
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")

_REPLACED = re.compile(rb"(?:message-id|date|return-path|bcc|x-ses-[a-z-]+)\s*:", re.IGNORECASE)
_FROM = re.compile(rb"from\s*:", re.IGNORECASE)
_FIELD = re.compile(rb"[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")


class SesMailRefused(Exception):
    """The request cannot be taken: SES's error type and text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class Destination(msgspec.Struct, rename="pascal", frozen=True):
    """The envelope, if given apart from the header."""

    to_addresses: list[str] = []
    cc_addresses: list[str] = []
    bcc_addresses: list[str] = []


class Raw(msgspec.Struct, rename="pascal", frozen=True):
    """The whole message in base64."""

    data: str


class Content(msgspec.Struct, rename="pascal", frozen=True):
    """What is sent; only raw content is understood here."""

    raw: Raw | None = None


class Tag(msgspec.Struct, rename="pascal", frozen=True):
    """What comes back with events."""

    name: str
    value: str


class SendEmail(msgspec.Struct, rename="pascal", frozen=True):
    """The request body; fields not named here are ignored."""

    content: Content
    from_email_address: str = ""
    destination: Destination | None = None
    configuration_set_name: str = ""
    email_tags: list[Tag] = []


class SesMail(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks to send."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    from_address: str
    """Replaces the From header; empty: the header stays."""
    subject: str
    configuration_set: str
    tags: dict[str, str]


def read_send_email(body: bytes) -> SesMail:
    """The mail in a request body. Raises `SesMailRefused`."""
    try:
        request = msgspec.json.decode(body, type=SendEmail)
        content = base64.b64decode(request.content.raw.data if request.content.raw else "", validate=True)
    except (msgspec.DecodeError, binascii.Error, RecursionError) as error:
        raise SesMailRefused("BadRequestException", str(error)) from error
    if not content:
        raise SesMailRefused("BadRequestException", "Only raw content is understood here.")
    fields = header_fields(content)
    sender = _readable(request.from_email_address or _first(fields, b"from"))
    recipients = tuple(_recipients(request.destination, fields))
    if not recipients or len(recipients) > MAX_RECIPIENTS:
        raise SesMailRefused("BadRequestException", f"Recipient count is {len(recipients)}, 1 to {MAX_RECIPIENTS} go.")
    for address in (parseaddr(sender)[1], *recipients):
        if "@" not in address.strip("@") or not address.isascii():
            raise SesMailRefused("BadRequestException", "Local address contains control or whitespace, or is missing.")
    return SesMail(
        sender=parseaddr(sender)[1],
        recipients=recipients,
        content=content,
        from_address=request.from_email_address,
        subject=_first(fields, b"subject"),
        configuration_set=request.configuration_set_name,
        tags=_tags(request.email_tags),
    )


def rewritten(mail: SesMail, *, message_id: str, region: str, now: int) -> bytes:
    """The message as SES delivers it. `now` in microseconds UTC."""
    end = mail.content.find(b"\r\n\r\n")
    block, rest = (mail.content, b"\r\n") if end < 0 else (mail.content[: end + 2], mail.content[end + 2 :])
    kept = [field for field in _FIELD.findall(block) if not _REPLACED.match(field)]
    if mail.from_address:
        kept = [f"From: {mail.from_address}\r\n".encode() if _FROM.match(field) else field for field in kept]
    date = format_datetime(datetime.fromtimestamp(now / 1e6, UTC))
    own = (
        f"Return-Path: <{message_id}@amazonses.com>\r\n"
        f"Message-ID: {delivered_message_id(message_id, region)}\r\nDate: {date}"
    )
    return own.encode() + b"\r\n" + b"".join(kept) + rest


def delivered_message_id(message_id: str, region: str) -> str:
    """Message-ID of the mail as its recipients see it."""
    return f"<{message_id}@{'email' if region == 'us-east-1' else region}.amazonses.com>"


def header_fields(content: bytes) -> list[tuple[bytes, str]]:
    """Name in lower case and unfolded value of each header field."""
    end = content.find(b"\r\n\r\n")
    block = content if end < 0 else content[: end + 2]
    fields = []
    for field in _FIELD.findall(block):
        name, _, value = field.partition(b":")
        fields.append((name.strip().lower(), value.replace(b"\r\n", b"").strip().decode("utf-8", "replace")))
    return fields


def _tags(tags: Sequence[Tag]) -> dict[str, str]:
    for tag in tags:
        if not _TAG.fullmatch(tag.name) or not _TAG.fullmatch(tag.value):
            raise SesMailRefused("BadRequestException", f"Invalid characters in the tag {tag.name[:64]}.")
    if len({tag.name for tag in tags}) < len(tags) or len(tags) > MAX_TAGS:
        raise SesMailRefused("BadRequestException", "A tag is given twice, or there are too many.")
    return {tag.name: tag.value for tag in tags}


def _recipients(destination: Destination | None, fields: Sequence[tuple[bytes, str]]) -> list[str]:
    if destination is not None:
        given = [*destination.to_addresses, *destination.cc_addresses, *destination.bcc_addresses]
    else:
        given = [value for name, value in fields if name in (b"to", b"cc", b"bcc")]
    return [address for _, address in getaddresses([_readable(value) for value in given]) if address]


def _readable(value: str) -> str:
    if value.count("(") > _MAX_COMMENTS:
        raise SesMailRefused("BadRequestException", "Too many comments in an address.")
    return value


def _first(fields: Sequence[tuple[bytes, str]], wanted: bytes) -> str:
    return next((value for name, value in fields if name == wanted), "")
