"""`SendEmail` of SES v2 on the wire: the shapes of its JSON, and how it is read.

Promise: decoded once, in one pass. A large request is measured before (`posthorse.accept.json_bounds`), taken apart
without reading its parts, and its blobs are decoded slice by slice. Of a key given twice the last counts (`BOUNDS` says
why). What is not JSON in UTF-8, or nested too deeply, is a `SerializationException`.

Left out: what the request asks for (`v2_send`).
Source: service model of SESv2 2019-09-27, `SendEmailRequest`.
"""

import asyncio
import re
from typing import Final

import msgspec

from posthorse.accept.json_bounds import Bounds, Excess, OutOfBounds, check
from posthorse.accept.ses.blobs import json_blob
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.mail.large import LARGE_BYTES, SLICE_BYTES, poured, vessel

LARGE_REQUEST_BYTES: Final = 4 << 20
"""From this size on blobs are not decoded together with the rest: that would take 2 ms for each MB."""
MAX_TEXT_BYTES: Final = 12 << 20
"""Of text and HTML together, as JSON. Reading more in one piece would hold others up."""
MAX_LISTS_BYTES: Final = 256 << 10
"""Of recipients, tags, headers and whatever else is short together, as JSON: more than their numbers allow."""
MAX_ATTACHMENTS: Final = 1_000
BOUNDS: Final = Bounds(
    strings=24_000,
    objects=24_000,
    outside_bytes=512 << 10,
    escapes=3_000_000,
    value_bytes=512 << 10,
    content=frozenset({b"Data", b"RawContent"}),
    names_once=False,
)
"""Of a large request: more than a thousand attachments with all their fields have. Escaped slashes, of which some
clients make very many, are none any more when it is measured.

AWS says nothing of names that stand twice in one object. That the last one counts is what most readers of JSON do (RFC
8259 section 4). It is so for small requests and large ones, since no other reader stands before this one: what was
signed is what is read. Looking for them in every small request would cost a tenth of reading it, and no client library
writes them.
"""

_MISSING: Final = re.compile(r"Object missing required field `(\w+)`(?: - at `\$\.?(.*)`)?")
_NO_UTF8: Final = b"\xff"
_NOT_THERE: Final = msgspec.Raw(b"null")


class _Struct(msgspec.Struct, rename="pascal"):
    """Names on the wire are in Pascal case."""


class Destination(_Struct):
    """Recipients."""

    to_addresses: list[str] | None = None
    cc_addresses: list[str] | None = None
    bcc_addresses: list[str] | None = None


class Text(_Struct):
    """Text, and the charset that is wanted for it."""

    data: str
    charset: str | None = None


class _Bodies(_Struct):
    text: Text | None = None
    html: Text | None = None


class _Header(_Struct):
    name: str
    value: str


class Attachment(_Struct):
    """One file, its blob decoded."""

    raw_content: bytes
    file_name: str
    content_disposition: str | None = None
    content_description: str | None = None
    content_id: str | None = None
    content_transfer_encoding: str | None = None
    content_type: str | None = None


class Simple(_Struct):
    """Content that is composed here."""

    subject: Text
    body: _Bodies
    headers: list[_Header] | None = None
    attachments: list[Attachment] | None = None


class _Raw(_Struct):
    data: bytes


class _Content(_Struct):
    simple: Simple | None = None
    raw: _Raw | None = None
    template: msgspec.Raw = _NOT_THERE


class _Tag(_Struct):
    name: str
    value: str


class SendEmail(_Struct):
    """The request, without what says nothing here."""

    content: _Content
    from_email_address: str | None = None
    destination: Destination | None = None
    reply_to_addresses: list[str] | None = None
    feedback_forwarding_email_address: str | None = None
    email_tags: list[_Tag] | None = None
    configuration_set_name: str | None = None
    list_management_options: msgspec.Raw = _NOT_THERE


class _AttachmentOutline(_Struct):
    raw_content: msgspec.Raw
    file_name: msgspec.Raw
    content_disposition: msgspec.Raw = _NOT_THERE
    content_description: msgspec.Raw = _NOT_THERE
    content_id: msgspec.Raw = _NOT_THERE
    content_transfer_encoding: msgspec.Raw = _NOT_THERE
    content_type: msgspec.Raw = _NOT_THERE


class _SimpleOutline(_Struct):
    subject: msgspec.Raw = _NOT_THERE
    body: msgspec.Raw = _NOT_THERE
    headers: msgspec.Raw = _NOT_THERE
    attachments: msgspec.Raw = _NOT_THERE


class _RawOutline(_Struct):
    data: msgspec.Raw


class _ContentOutline(_Struct):
    simple: _SimpleOutline | None = None
    raw: _RawOutline | None = None
    template: msgspec.Raw = _NOT_THERE


class _Outline(_Struct):
    """A request whose parts are not read yet: of each name that stands there twice only the last is left."""

    content: _ContentOutline
    from_email_address: msgspec.Raw = _NOT_THERE
    destination: msgspec.Raw = _NOT_THERE
    reply_to_addresses: msgspec.Raw = _NOT_THERE
    feedback_forwarding_email_address: msgspec.Raw = _NOT_THERE
    email_tags: msgspec.Raw = _NOT_THERE
    configuration_set_name: msgspec.Raw = _NOT_THERE
    list_management_options: msgspec.Raw = _NOT_THERE


_outline = msgspec.json.Decoder(_Outline).decode
_decode = msgspec.json.Decoder(SendEmail).decode
_decode_attachments = msgspec.json.Decoder(list[_AttachmentOutline] | None).decode
_decode_attachment = msgspec.json.Decoder(Attachment).decode
_encode = msgspec.json.Encoder().encode
_EMPTY: Final = msgspec.Raw(b'""')


async def read_request(body: bytes) -> SendEmail:
    """The request, whole. Raises `SesError`."""
    try:
        if len(body) <= LARGE_BYTES:
            return _decode(body)
        body = await _plain_slashes(body)
        await check(body, BOUNDS)
        outline = _outline(body)
        await _check_parts(outline)
        return _decode(body) if len(body) < LARGE_REQUEST_BYTES else await _in_turns(outline)
    except OutOfBounds as error:
        raise _beyond(error.excess) from None
    except msgspec.ValidationError as error:
        raise _unlike(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SesError(Kind.UNREADABLE, "The body is not JSON in UTF-8, or nested too deeply.") from None


async def _plain_slashes(body: bytes) -> bytes:
    """The same document without escaped slashes: they cost the decoder as much as others, and say nothing."""
    first = 0
    while first < len(body) and body.find(b"\\/", first, first + SLICE_BYTES + 1) < 0:
        first += SLICE_BYTES
        await asyncio.sleep(0)
    return body if first >= len(body) else await _with_plain_slashes(body)


async def _with_plain_slashes(body: bytes) -> bytes:
    into, at = vessel(), 0
    while at < len(body):
        piece = body[at : at + SLICE_BYTES]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2 and at + len(piece) < len(body):
            piece = piece[:-1]  # an escape is not cut apart
        at += len(piece)
        if b"\\/" in piece and _NO_UTF8 not in piece:
            # pairs first, from the left, as they are read; what stands for them is no part of any text
            piece = piece.replace(b"\\\\", _NO_UTF8).replace(b"\\/", b"/").replace(_NO_UTF8, b"\\\\")
        into.write(piece)
        await asyncio.sleep(0)
    return poured(into)


def _beyond(excess: Excess) -> SesError:
    match excess:
        case Excess.OUTSIDE:
            told = "There is more between the strings of the request than any message may have."
            return SesError(Kind.UNREADABLE, told)
        case Excess.ESCAPES:
            return SesError(Kind.INVALID, f"The strings of a request have at most {BOUNDS.escapes} escapes.")
        case Excess.VALUE:
            return SesError(Kind.INVALID, f"Only content has more than {BOUNDS.value_bytes} bytes in one string.")
        case _:
            return SesError(Kind.INVALID, "The request has more parts than any message may have.")


def _unlike(text: str) -> SesError:
    """What the decoder says of a document that has another shape."""
    missing = _MISSING.fullmatch(text)
    if missing is None:
        return SesError(Kind.UNREADABLE, _plain(text))
    place = f"{missing[2]}." if missing[2] else ""
    return SesError(Kind.MISSING, f"{_plain(place + missing[1])}: is missing.")


def _plain(text: str) -> str:
    """The decoder's own words; they name fields of ours, and keys of the client only where it is an array's place."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text[:300])


async def _check_parts(outline: _Outline) -> None:
    simple = outline.content.simple or _SimpleOutline()
    small = (
        outline.from_email_address,
        outline.destination,
        outline.reply_to_addresses,
        outline.feedback_forwarding_email_address,
        outline.email_tags,
        outline.configuration_set_name,
        simple.subject,
        simple.headers,
    )
    if sum(map(_bytes, small)) > MAX_LISTS_BYTES:
        raise SesError(Kind.INVALID, "There are more recipients, tags or headers than any message may have.")
    if _bytes(simple.body) > MAX_TEXT_BYTES:
        raise SesError(Kind.INVALID, f"Text and HTML have at most {MAX_TEXT_BYTES} bytes as JSON.")
    objects, attachments = 0, memoryview(simple.attachments)
    for at in range(0, len(attachments), SLICE_BYTES):
        objects += bytes(attachments[at : at + SLICE_BYTES]).count(b"{")
        await asyncio.sleep(0)
    if objects > MAX_ATTACHMENTS:
        raise SesError(Kind.INVALID, f"There are more than {MAX_ATTACHMENTS} attachments.")
    await asyncio.sleep(0)


def _bytes(part: msgspec.Raw) -> int:
    return len(memoryview(part))


async def _in_turns(outline: _Outline) -> SendEmail:
    """The request with its blobs decoded, giving way to others."""
    given, blob, attachments = outline.content, _EMPTY, _NOT_THERE
    if given.raw is not None:
        blob, given.raw.data = given.raw.data, _EMPTY
    if given.simple is not None:
        attachments, given.simple.attachments = given.simple.attachments, _NOT_THERE
    request = _decode(_encode(outline))
    await asyncio.sleep(0)
    if request.content.raw is not None:
        request.content.raw.data = await json_blob(blob)
    if request.content.simple is not None:
        request.content.simple.attachments = await _attachments_in_turns(attachments)
    return request


async def _attachments_in_turns(given: msgspec.Raw) -> list[Attachment]:
    outlines = _decode_attachments(memoryview(given)) or []
    blobs = [one.raw_content for one in outlines]
    for one in outlines:
        one.raw_content = _EMPTY
    if sum(_bytes(part) for one in outlines for part in msgspec.structs.astuple(one)) > MAX_LISTS_BYTES:
        raise SesError(Kind.INVALID, "The names of attachments are longer than any message may have them.")
    await asyncio.sleep(0)
    attachments = [_decode_attachment(_encode(one)) for one in outlines]
    for attachment, blob in zip(attachments, blobs, strict=True):
        attachment.raw_content = await json_blob(blob)
    return attachments
