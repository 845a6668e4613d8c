"""A request of Postmark's `POST /email`, and the mail Postmark makes of it, pure.

Duty: read the request by its documentation, stricter than Postmark in one thing: a field that it does not know is
incompatible JSON, where Postmark would look past it and the mail would miss what stood there. Promise: whatever is
wrong is a `PostmarkRefused` with Postmark's error code. Left out: templates, tracking.
Source: Postmark API, Email and error codes.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from posthorse.lab.recompose import Attached, Fields, people_in, words

MAX_RECIPIENTS, MAX_BYTES, MAX_BODY_BYTES = 50, 10_000_000, 5_000_000
MAX_SUBJECT, MAX_TAG = 2_000, 1_000
MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE = 10, 20, 80

RESERVED = words(
    "from to cc bcc reply-to subject content-type content-transfer-encoding mime-version received return-path "
    "dkim-signature x-pm-message-stream x-pm-tag"
)
"""Header fields that have a field of their own, or that Postmark makes."""
FORBIDDEN_TYPES = words(
    "vbs exe bin bat chm com cpl crt hlp hta inf ins isp jse lnk mdb pcd pif reg scr sct shs vbe vba wsf wsh wsl msc "
    "msi msp mst"
)
"""Endings of file names that are not taken (Postmark API, attachments)."""

_ADDRESS = re.compile(r"[^@\s<>(),;:\"\[\]\\]+@[A-Za-z0-9.-]+")
_FIELD_NAME = re.compile(r"[!-9;-~]+")
_MAX_COMMENTS = 100
"""Of one address field; the standard library reads comments within comments by recursion."""


class PostmarkRefused(Exception):
    """What Postmark says of a bad request: error code and text; HTTP status 422 or 413."""

    def __init__(self, code: int, text: str, status: int = 422) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


class Header(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """A header field of the client's own."""

    name: str
    value: str


class Attachment(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """A file."""

    name: str
    content: str
    content_type: str
    content_id: str | None = msgspec.field(name="ContentID", default=None)


class Email(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """The request body."""

    from_: str = msgspec.field(name="From", default="")
    to: str = ""
    cc: str | None = None
    bcc: str | None = None
    subject: str | None = None
    tag: str | None = None
    text_body: str | None = None
    html_body: str | None = None
    reply_to: str | None = None
    headers: list[Header] | None = None
    metadata: dict[str, str] | None = None
    attachments: list[Attachment] | None = None
    message_stream: str | None = None
    track_opens: bool | None = None
    track_links: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmarkMail:
    """What a request asks to send."""

    fields: Fields
    recipients: tuple[str, ...]
    """To, Cc, Bcc."""
    to: str
    """The To field as given, which the answer repeats."""
    cc: str
    bcc: str
    tag: str
    stream: str


def read_email(body: bytes, streams: Sequence[str]) -> PostmarkMail:
    """The mail in a request body, for one of these message streams. Raises `PostmarkRefused`."""
    if len(body) > MAX_BYTES:
        raise PostmarkRefused(0, "Payload too large", 413)
    email = _decoded(body)
    to, cc, bcc = (_people(text or "", name) for text, name in ((email.to, "To"), (email.cc, "Cc"), (email.bcc, "Bcc")))
    recipients = tuple(address for _, address in (*to, *cc, *bcc))
    if not to:
        raise PostmarkRefused(300, "Zero recipients specified")
    if len(recipients) > MAX_RECIPIENTS:
        raise PostmarkRefused(300, f"Too many recipients specified. The limit is {MAX_RECIPIENTS}.")
    _check(email, streams)
    fields = Fields(
        sender=_sender(email.from_),
        to=to,
        cc=cc,
        reply_to=_people(email.reply_to or "", "ReplyTo"),
        subject=email.subject or "",
        bodies=_bodies(email),
        attached=tuple(_attached(email.attachments or [])),
        headers=tuple(_headers(email.headers or [])),
        tags=email.metadata or {},
    )
    return PostmarkMail(
        fields=fields,
        recipients=recipients,
        to=email.to,
        cc=email.cc or "",
        bcc=email.bcc or "",
        tag=email.tag or "",
        stream=email.message_stream or "outbound",
    )


def _decoded(body: bytes) -> Email:
    try:
        return msgspec.json.decode(body, type=Email)
    except msgspec.ValidationError as error:
        raise PostmarkRefused(403, f"Incompatible JSON: {error}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise PostmarkRefused(402, f"Invalid JSON: {error}") from error


def _check(email: Email, streams: Sequence[str]) -> None:
    """What has no place of its own."""
    if len(email.subject or "") > MAX_SUBJECT or _has_line_end(email.subject or ""):
        raise PostmarkRefused(300, f"Invalid 'Subject': at most {MAX_SUBJECT} characters on one line.")
    if len(email.tag or "") > MAX_TAG:
        raise PostmarkRefused(300, f"Invalid 'Tag': at most {MAX_TAG} characters.")
    if (email.message_stream or "outbound") not in streams:
        raise PostmarkRefused(1235, "The 'MessageStream' provided does not exist on this server.")
    metadata = email.metadata or {}
    if len(metadata) > MAX_METADATA or any(
        len(name) > MAX_METADATA_NAME or len(value) > MAX_METADATA_VALUE for name, value in metadata.items()
    ):
        raise PostmarkRefused(
            300,
            f"Invalid metadata: at most {MAX_METADATA} fields, names of {MAX_METADATA_NAME} and values of "
            f"{MAX_METADATA_VALUE} characters.",
        )


def _people(text: str, name: str) -> list[tuple[str, str]]:
    if text.count("(") > _MAX_COMMENTS or _has_line_end(text):
        raise PostmarkRefused(300, f"Error parsing '{name}': illegal email address.")
    people = people_in(text) if text.strip() else []
    for _, address in people:
        if not _ADDRESS.fullmatch(address) or not address.isascii():
            raise PostmarkRefused(300, f"Error parsing '{name}': illegal email address '{address}'.")
    return people


def _sender(text: str) -> tuple[str, str]:
    people = _people(text, "From")
    if len(people) != 1:
        raise PostmarkRefused(300, "Invalid 'From' address: one is needed.")
    return people[0]


def _bodies(email: Email) -> list[tuple[str, str]]:
    given = (("text/plain", email.text_body), ("text/html", email.html_body))
    bodies = [(kind, text) for kind, text in given if text]
    if not bodies:
        raise PostmarkRefused(300, "Provide either email TextBody or HtmlBody or both.")
    if any(len(text.encode()) > MAX_BODY_BYTES for _, text in bodies):
        raise PostmarkRefused(300, "TextBody and HtmlBody may have at most 5 MB each.")
    return bodies


def _attached(attachments: Sequence[Attachment]) -> Iterator[Attached]:
    for one in attachments:
        if one.name.rpartition(".")[2].lower() in FORBIDDEN_TYPES and "." in one.name:
            raise PostmarkRefused(411, f"The file type of {one.name} is not allowed.")
        if not one.name or "/" not in one.content_type or _has_line_end(one.name + one.content_type):
            raise PostmarkRefused(300, "Invalid attachment: it needs a name and a content type.")
        try:
            content = base64.b64decode(one.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise PostmarkRefused(300, f"Invalid attachment: {one.name} is not base64.") from error
        content_id = (one.content_id or "").removeprefix("cid:")
        if _has_line_end(content_id):
            raise PostmarkRefused(300, f"Invalid attachment: the ContentID of {one.name}.")
        yield Attached(
            name=one.name,
            content_type=one.content_type,
            content=content,
            content_id=content_id,
            is_inline=bool(content_id),
        )


def _headers(headers: Sequence[Header]) -> Iterator[tuple[str, str]]:
    for one in headers:
        if one.name.lower() in RESERVED or not _FIELD_NAME.fullmatch(one.name) or _has_line_end(one.value):
            raise PostmarkRefused(300, f"Invalid header: {one.name!r} may not be given.")
        yield one.name, one.value


def _has_line_end(text: str) -> bool:
    return any(mark in text for mark in "\r\n\0")
