"""Compose: structured mail as MIME that any server takes, by one pure function for every front.

Promise: lines end in CRLF and have at most 998 octets, all ASCII save a local part that is not; the same
`StructuredMail` always gives the same octets (no clock, no chance), so a repeated request is a repeated message. What a
client gives never becomes another header, address or part than the one it stands for; else `ComposeError` says why. A
field is never longer than admission takes one.

Left out: Date and Message-ID (admission adds them), Bcc (envelope only), fields given twice (admission refuses those
that may stand once).
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from posthorse.accept.address import PLAIN_MAILBOX, PLAIN_MAILBOX_BYTES, BadAddress, NeedsSmtpUtf8, mailbox
from posthorse.accept.compose_parts import STEP, attachment_entity, body_entity
from posthorse.accept.compose_words import TooLong, address_field, unstructured
from posthorse.accept.encoded_words import hides_controls
from posthorse.accept.headers import MAX_BLOCK_BYTES, MAX_FIELD_BYTES
from posthorse.accept.mailboxes import UNSEEN, Mailbox, read_mailbox, single_spaced
from posthorse.accept.structured import (
    DEFAULT_LIMITS,
    SES_LIMITS,
    Attachment,
    Body,
    ComposeError,
    ComposeLimits,
    Disposition,
    StructuredMail,
    TransferEncoding,
)
from posthorse.mail.large import poured, vessel

__all__ = [
    "DEFAULT_LIMITS",
    "SES_LIMITS",
    "Attachment",
    "Body",
    "ComposeError",
    "ComposeLimits",
    "Disposition",
    "Mailbox",
    "StructuredMail",
    "TransferEncoding",
    "checked_mailbox",
    "checked_mailboxes",
    "compose",
    "compose_in_turns",
]

_PLAIN = re.compile(PLAIN_MAILBOX.decode("ascii"))
_NAME = re.compile(r"[!-9;-~]+")
"""RFC 5322 section 3.6.8."""
_ASCII_ONLY = frozenset(
    {"date", "message-id", "in-reply-to", "references", "auto-submitted", "precedence", "importance"}
)
"""Further fields in which encoded words would be broken syntax; so are they in `list-*`."""
_TOO_LONG = f"it has more than {MAX_FIELD_BYTES >> 10} KiB as a field of the header"
_MOST_BLOCK_BYTES = MAX_BLOCK_BYTES - (16 << 10)
"""Of the fields made here; those of the first entity come after them, and names of files are short."""


@dataclass(frozen=True, slots=True)
class _Multipart:
    """Entities inside one another."""

    subtype: str
    entities: Sequence["_Entity"]


_Entity = _Multipart | Iterator[bytes]


def compose(mail: StructuredMail, limits: ComposeLimits = DEFAULT_LIMITS) -> bytes:
    """The message. Raises `ComposeError`."""
    return b"".join(_steps(mail, limits))


async def compose_in_turns(mail: StructuredMail, limits: ComposeLimits = DEFAULT_LIMITS) -> bytes:
    """The same, giving way to others between the steps; for what is large."""
    message = vessel()
    for step in _steps(mail, limits):
        message.write(step)
        await asyncio.sleep(0)
    return poured(message)


def checked_mailboxes(where: str, given: Iterable[str | Mailbox], *, utf8: bool) -> list[Mailbox]:
    """Mailboxes as they may stand in a field and an envelope. Raises `ComposeError` that names the first bad one."""
    return [checked_mailbox(f"{where}[{number}]", one, utf8=utf8) for number, one in enumerate(given)]


def checked_mailbox(where: str, given: str | Mailbox, *, utf8: bool) -> Mailbox:
    """The same for one alone."""
    try:
        return read_mailbox(given, utf8=utf8) if isinstance(given, str) else _checked(given, utf8)
    except NeedsSmtpUtf8:
        raise ComposeError(where, "characters beyond ASCII before the @ are not taken here") from None
    except BadAddress as error:
        raise ComposeError(where, str(error)) from None


def _checked(one: Mailbox, utf8: bool) -> Mailbox:
    plain = len(one.address) <= PLAIN_MAILBOX_BYTES and _PLAIN.fullmatch(one.address) is not None
    if plain and not one.name:
        return one
    if UNSEEN.search(one.name) or hides_controls(one.name):
        raise BadAddress("the name holds control characters")
    address = one.address if plain else mailbox(one.address, utf8=utf8)
    return Mailbox(address=address, name=single_spaced(one.name) if one.name else "")


def _steps(mail: StructuredMail, limits: ComposeLimits) -> Iterator[bytes]:
    yield _fields(mail, limits)
    entity = _structure(mail, limits)
    if isinstance(entity, _Multipart):
        digest = blake2b(digest_size=12)
        yield from _digested(mail, digest)
        yield from _written(entity, digest.hexdigest(), "")
        return
    step = b""
    for step in entity:
        yield step
    if not step.endswith(b"\r\n"):
        yield b"\r\n"


# --- header fields ---------------------------------------------------------------------------------------------------


def _fields(mail: StructuredMail, limits: ComposeLimits) -> bytes:
    fields = [_mailboxes("from", "From", [checked_mailbox("from", mail.from_, utf8=limits.utf8)])]
    for where, name, given in (("reply_to", "Reply-To", mail.reply_to), ("to", "To", mail.to), ("cc", "Cc", mail.cc)):
        if given:
            fields.append(_mailboxes(where, name, checked_mailboxes(where, given, utf8=limits.utf8)))
    fields.append(_text("subject", "Subject", mail.subject, limits.subject))
    fields += _further(mail.headers, limits)
    fields.append(b"MIME-Version: 1.0\r\n")
    block = b"".join(fields)
    if len(block) > _MOST_BLOCK_BYTES:
        raise ComposeError("headers", f"the header has more than {_MOST_BLOCK_BYTES >> 10} KiB with these")
    return block


def _mailboxes(where: str, name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    # measured before it is written: encoding a thousand long names would take a second
    if len(mailboxes) > 1 and sum(len(one.name) + len(one.address) for one in mailboxes) > MAX_FIELD_BYTES:
        raise ComposeError(where, _TOO_LONG)
    try:
        return _bounded(where, address_field(name, mailboxes))
    except TooLong:
        raise ComposeError(where, "a name has a word longer than a line may be") from None


def _text(where: str, name: str, value: str, most: int) -> bytes:
    if len(value) > most:
        raise ComposeError(where, f"it has more than {most} characters")
    if UNSEEN.search(value) or hides_controls(value):
        raise ComposeError(where, "it holds control characters")
    try:
        return _bounded(where, unstructured(name, value))
    except TooLong:
        raise ComposeError(where, "it has a word longer than a line may be") from None


def _bounded(where: str, field: bytes) -> bytes:
    if len(field) > MAX_FIELD_BYTES:
        raise ComposeError(where, _TOO_LONG)
    return field


def _further(headers: Sequence[tuple[str, str]], limits: ComposeLimits) -> Iterator[bytes]:
    if len(headers) > limits.headers:
        raise ComposeError("headers", f"there are more than {limits.headers}")
    for number, (name, value) in enumerate(headers):
        where = f"headers[{number}]"
        lowered = name.lower()
        if not _NAME.fullmatch(name) or len(name) > limits.header_name:
            raise ComposeError(where, f"the name is 1 to {limits.header_name} printable ASCII characters but the colon")
        if lowered in limits.reserved or lowered.startswith("content-"):
            raise ComposeError(where, "this field is made from the other fields, not given as a header")
        if len(name) + len(value) > limits.header_together:
            raise ComposeError(where, f"name and value have more than {limits.header_together} characters")
        if not value.isascii() and (lowered in _ASCII_ONLY or lowered.startswith("list-")):
            raise ComposeError(where, "the value of this field is plain ASCII")
        yield _text(where, name, value, limits.header_value)


# --- MIME structure --------------------------------------------------------------------------------------------------


def _structure(mail: StructuredMail, limits: ComposeLimits) -> _Entity:
    if len(mail.attachments) > limits.attachments:
        raise ComposeError("attachments", f"there are more than {limits.attachments}")
    related: list[_Entity] = []
    beside: list[_Entity] = []
    for number, attachment in enumerate(mail.attachments):
        belongs = mail.html is not None and attachment.disposition is Disposition.INLINE and attachment.content_id
        entity = attachment_entity(f"attachments[{number}]", attachment, limits)
        (related if belongs else beside).append(entity)
    bodies: list[_Entity] = []
    if mail.text is not None:
        bodies.append(body_entity("text", "plain", mail.text))
    if mail.html is not None:
        bodies.append(_around("related", [body_entity("html", "html", mail.html), *related]))
    if not bodies:
        if not beside:
            raise ComposeError("body", "there is no text, no html and no attachment")
        return _Multipart("mixed", beside)
    return _around("mixed", [_around("alternative", bodies), *beside])


def _around(subtype: str, entities: Sequence[_Entity]) -> _Entity:
    """A multipart of several entities; one alone needs none."""
    return entities[0] if len(entities) == 1 else _Multipart(subtype, entities)


def _written(entity: _Entity, digest: str, path: str) -> Iterator[bytes]:
    """An entity; each multipart in it has a boundary of its own. A boundary begins with `=_`, which neither base64 nor
    quoted-printable holds, and 7bit text not by chance. None is the beginning of another one (RFC 2046 section 5.1.1),
    since each ends in the digest, which has no `_`.
    """
    if not isinstance(entity, _Multipart):
        yield from entity
        return
    mine = f"=_{path}{digest}"
    yield f'Content-Type: multipart/{entity.subtype};\r\n boundary="{mine}"\r\n\r\n'.encode("ascii")
    for number, part in enumerate(entity.entities):
        yield f"{'' if number == 0 else chr(13) + chr(10)}--{mine}\r\n".encode("ascii")
        yield from _written(part, digest, f"{path}{number}_")
    yield f"\r\n--{mine}--\r\n".encode("ascii")


def _digested(mail: StructuredMail, digest: "blake2b") -> Iterator[bytes]:
    """Take all content into the digest, step by step."""
    for body in (mail.text, mail.html):
        content = body.content if body is not None else ""
        for at in range(0, len(content), STEP):
            digest.update(content[at : at + STEP].encode("utf-8", "replace"))
            yield b""
        digest.update(b"\0")
    for attachment in mail.attachments:
        digest.update(attachment.file_name.encode("utf-8", "replace") + b"\0")
        for at in range(0, len(attachment.content), STEP):
            digest.update(memoryview(attachment.content)[at : at + STEP])
            yield b""
