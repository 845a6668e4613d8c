"""Structured mail: what a client gives in fields instead of MIME, for `posthorse.accept.compose`.

Left out: how a front's wire names these fields, and its envelope: Bcc recipients never become part of a message.
"""

from dataclasses import dataclass
from enum import Enum

from posthorse.accept.mailboxes import Mailbox


class ComposeError(ValueError):
    """Such a message is not made. The text is for the client, and repeats nothing of what it sent."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        """The field of `StructuredMail`, with the position from 0 in lists: `to[2]`, `attachments[0].content_type`."""
        self.why = why


class Disposition(Enum):
    """How a part is meant to be shown (RFC 2183)."""

    ATTACHMENT = "attachment"
    INLINE = "inline"


class TransferEncoding(Enum):
    """How the client would like an attachment to be encoded; what does not fit the content becomes base64."""

    BASE64 = "base64"
    QUOTED_PRINTABLE = "quoted-printable"
    SEVEN_BIT = "7bit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body with the charset it shall have. UTF-8 is taken instead if that charset lacks a character."""

    content: str
    charset: str = "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with the message."""

    file_name: str
    """Empty: it has none."""
    content: bytes
    content_type: str = ""
    """With parameters, if any; empty: by the end of the file name."""
    disposition: Disposition = Disposition.ATTACHMENT
    content_id: str = ""
    """With or without angle brackets; an inline part that has one belongs to the HTML body."""
    description: str = ""
    encoding: TransferEncoding = TransferEncoding.BASE64


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredMail:
    """A message in fields. Mailboxes may be given as text, `Name <local@domain>`, one to a string."""

    from_: str | Mailbox
    to: tuple[str | Mailbox, ...] = ()
    cc: tuple[str | Mailbox, ...] = ()
    reply_to: tuple[str | Mailbox, ...] = ()
    subject: str = ""
    text: Body | None = None
    html: Body | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Further fields, in order."""
    attachments: tuple[Attachment, ...] = ()


_MADE = frozenset({"from", "to", "cc", "bcc", "reply-to", "subject", "mime-version"}) | {
    "return-path",
    "received",
    "resent-bcc",
    "sender",
    "dkim-signature",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeLimits:
    """Bounds of the fields, in characters; each front has its own."""

    headers: int = 50
    header_name: int = 126
    header_value: int = 4_096
    header_together: int = 4_096
    """Name and value of one."""
    reserved: frozenset[str] = _MADE
    """Names (lower case) that are no further header: the fields above make them. `content-*` is always one."""
    subject: int = 8_192
    attachments: int = 100
    file_name: int = 255
    content_type: int = 255
    content_id: int = 255
    description: int = 1_000
    utf8: bool = True
    """Whether a local part may go beyond ASCII (RFC 6531)."""


DEFAULT_LIMITS = ComposeLimits()

SES_LIMITS = ComposeLimits(
    headers=15,
    header_name=126,
    header_value=995,
    header_together=996,
    reserved=_MADE | {"date", "message-id"},
    content_type=78,
    content_id=78,
    utf8=False,
)
"""What Amazon SES allows in Simple content: API reference of SES v2, `MessageHeader` and `Attachment`."""
