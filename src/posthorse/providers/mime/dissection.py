"""Dissection: a message taken apart, or why it cannot be; and how both travel between processes.

Promise: contents are kept in the form in which requests need them (texts as JSON strings, files as base64), so that
whoever builds a request copies bytes and converts nothing. Left out: how it is done (`dissect`), who may carry it.
"""

import msgspec


class Unfit(Exception):
    """The message cannot be taken apart without a loss. The text says why and quotes neither content nor address."""


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a header field."""

    name: str
    """Display name, decoded; empty: none."""
    address: str
    """As written: dot-atom local part and a domain, ASCII."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment, or an inline image."""

    name: str
    type: str
    """Media type in lower case, without parameters."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Those of the type that programs may look at: name in lower case, ASCII value."""
    content_id: str = ""
    """Without angle brackets; empty: it is an attachment."""
    content: memoryview
    """In base64, without line ends."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar object as the last alternative of the text, or instead of it."""

    method: str
    """In upper case: `REQUEST`."""
    content: memoryview
    """As a JSON string."""


class Dissected(msgspec.Struct, frozen=True, kw_only=True, tag="dissected"):
    """All that the message says, decoded."""

    author: Mailbox
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str | None = None
    """None: the message has no such field."""
    fields: tuple[tuple[str, str], ...] = ()
    """The other fields to carry: name as written, value unfolded, in ASCII (encoded words are left as they are)."""
    text: memoryview | None = None
    """The plain text as a JSON string; None: there is none. Mail that says nothing has a text of one empty line."""
    html: memoryview | None = None
    invitation: Invitation | None = None
    files: tuple[File, ...] = ()


class Undissected(msgspec.Struct, frozen=True, kw_only=True, tag="undissected"):
    """It cannot be taken apart without a loss."""

    why: str


Dissection = Dissected | Undissected

_decoder: msgspec.msgpack.Decoder[Dissection] = msgspec.msgpack.Decoder(Dissection)


def packed(dissection: Dissection) -> bytes:
    """For the way to another process."""
    return msgspec.msgpack.encode(dissection)


def unpacked(raw: bytes) -> Dissection:
    """What `packed` made; contents are views of `raw`. Raises ValueError."""
    return _decoder.decode(raw)
