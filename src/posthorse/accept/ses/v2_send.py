"""`SendEmail` of SES v2: its JSON, read into what is asked for.

Promise: decoded once, in one pass; in a large request blobs are left as they are and decoded slice by slice. Fields
that say nothing here are passed over: identity ARNs (whose mail it is, the access key says), endpoint and tenant names.
Of a key given twice the last counts. What is not JSON in UTF-8, or nested too deeply, is a `SerializationException`.

Source: service model of SESv2 2019-09-27, `SendEmailRequest`.
"""

import asyncio
from typing import Final, Generic, TypeVar

import msgspec

from posthorse.accept.ses.asked import V2_MAX_BYTES, Asked
from posthorse.accept.ses.blobs import json_blob
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.accept.structured import Attachment, Body, Disposition, StructuredMail, TransferEncoding
from posthorse.mail.large import LARGE_BYTES, SLICE_BYTES

LARGE_REQUEST_BYTES: Final = 4 << 20
"""From this size on blobs are not decoded together with the rest: that would take 2 ms for each MB."""
MAX_TEXT_BYTES: Final = 12 << 20
"""Of text and HTML together, as JSON. Reading more in one piece would hold others up."""
MAX_LISTS_BYTES: Final = 256 << 10
"""Of recipients, tags and headers together, as JSON: more than their numbers allow."""
MAX_ATTACHMENTS: Final = 1_000

B = TypeVar("B", bytes, msgspec.Raw)


_ABSENT: Final = msgspec.Raw()


class _Struct(msgspec.Struct, rename="pascal"):
    """Names on the wire are in Pascal case."""


class _Destination(_Struct):
    to_addresses: list[str] | None = None
    cc_addresses: list[str] | None = None
    bcc_addresses: list[str] | None = None


class _Text(_Struct):
    data: str
    charset: str | None = None


class _Bodies(_Struct):
    text: _Text | None = None
    html: _Text | None = None


class _Header(_Struct):
    name: str
    value: str


class _Attachment(_Struct, Generic[B]):
    raw_content: B
    file_name: str
    content_disposition: str | None = None
    content_description: str | None = None
    content_id: str | None = None
    content_transfer_encoding: str | None = None
    content_type: str | None = None


class _Simple(_Struct, Generic[B]):
    subject: _Text
    body: _Bodies
    headers: list[_Header] | None = None
    attachments: list[_Attachment[B]] | None = None


class _Raw(_Struct, Generic[B]):
    data: B


class _Content(_Struct, Generic[B]):
    simple: _Simple[B] | None = None
    raw: _Raw[B] | None = None
    template: dict[str, msgspec.Raw] | None = None


class _Tag(_Struct):
    name: str
    value: str


class _SendEmail(_Struct, Generic[B]):
    content: _Content[B]
    from_email_address: str | None = None
    destination: _Destination | None = None
    reply_to_addresses: list[str] | None = None
    feedback_forwarding_email_address: str | None = None
    email_tags: list[_Tag] | None = None
    configuration_set_name: str | None = None
    list_management_options: dict[str, msgspec.Raw] | None = None


class _SimpleOutline(_Struct):
    body: msgspec.Raw = _ABSENT
    headers: msgspec.Raw = _ABSENT
    attachments: msgspec.Raw = _ABSENT


class _ContentOutline(_Struct):
    simple: _SimpleOutline | None = None


class _Outline(_Struct):
    """The lists of a request, not read yet: of many small things, reading takes long."""

    content: _ContentOutline
    destination: msgspec.Raw = _ABSENT
    reply_to_addresses: msgspec.Raw = _ABSENT
    email_tags: msgspec.Raw = _ABSENT


_outline = msgspec.json.Decoder(_Outline).decode
_decode = msgspec.json.Decoder(_SendEmail[bytes]).decode
_decode_large = msgspec.json.Decoder(_SendEmail[msgspec.Raw]).decode


async def read_send_email(body: bytes) -> Asked:
    """What is asked for. Raises `SesError`."""
    try:
        if len(body) > LARGE_BYTES:
            await _check_lists(_outline(body))
        if len(body) < LARGE_REQUEST_BYTES:
            return _asked(_decode(body))
        request = _decode_large(body)
        content = await _decoded(request.content)
    except msgspec.ValidationError as error:
        raise SesError(Kind.UNREADABLE, _plain(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SesError(Kind.UNREADABLE, "The body is not JSON in UTF-8, or nested too deeply.") from None
    return _asked(_with(request, content))


def _plain(text: str) -> str:
    """The decoder's own words; they name fields of ours, and keys of the client only where it is an array's place."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text[:300])


async def _check_lists(outline: _Outline) -> None:
    simple = outline.content.simple or _SimpleOutline()
    lists = (outline.destination, outline.reply_to_addresses, outline.email_tags, simple.headers)
    if sum(len(memoryview(one)) for one in lists) > MAX_LISTS_BYTES:
        raise SesError(Kind.INVALID, "There are more recipients, tags or headers than any message may have.")
    if len(memoryview(simple.body)) > MAX_TEXT_BYTES:
        raise SesError(Kind.INVALID, f"Text and HTML have at most {MAX_TEXT_BYTES} bytes as JSON.")
    objects, attachments = 0, memoryview(simple.attachments)
    for at in range(0, len(attachments), SLICE_BYTES):
        objects += bytes(attachments[at : at + SLICE_BYTES]).count(b"{")
        await asyncio.sleep(0)
    if objects > MAX_ATTACHMENTS:
        raise SesError(Kind.INVALID, f"There are more than {MAX_ATTACHMENTS} attachments.")


async def _decoded(content: _Content[msgspec.Raw]) -> _Content[bytes]:
    """The content with its blobs decoded, giving way to others."""
    raw = _Raw[bytes](data=await json_blob(content.raw.data)) if content.raw is not None else None
    if content.simple is None:
        return _Content[bytes](raw=raw, template=content.template)
    given = content.simple
    attachments = [
        _Attachment[bytes](
            raw_content=await json_blob(one.raw_content),
            file_name=one.file_name,
            content_disposition=one.content_disposition,
            content_description=one.content_description,
            content_id=one.content_id,
            content_transfer_encoding=one.content_transfer_encoding,
            content_type=one.content_type,
        )
        for one in given.attachments or ()
    ]
    simple = _Simple[bytes](subject=given.subject, body=given.body, headers=given.headers, attachments=attachments)
    return _Content[bytes](simple=simple, raw=raw, template=content.template)


def _with(request: _SendEmail[msgspec.Raw], content: _Content[bytes]) -> _SendEmail[bytes]:
    return _SendEmail[bytes](
        content=content,
        from_email_address=request.from_email_address,
        destination=request.destination,
        reply_to_addresses=request.reply_to_addresses,
        feedback_forwarding_email_address=request.feedback_forwarding_email_address,
        email_tags=request.email_tags,
        configuration_set_name=request.configuration_set_name,
        list_management_options=request.list_management_options,
    )


def _asked(request: _SendEmail[bytes]) -> Asked:
    content, to = request.content, request.destination or _NOBODY
    if request.list_management_options is not None:
        raise SesError(Kind.NOT_FOUND, "There are no contact lists here: leave ListManagementOptions out.")
    if content.template is not None:
        raise SesError(Kind.INVALID, "Template content is not offered here: send Simple or Raw content.")
    if (content.raw is None) is (content.simple is None):
        raise SesError(Kind.INVALID, "Content must be exactly one of Simple and Raw.")
    return Asked(
        from_=request.from_email_address or "",
        bounces_to=request.feedback_forwarding_email_address or "",
        destination=[*(to.to_addresses or ()), *(to.cc_addresses or ()), *(to.bcc_addresses or ())],
        raw=content.raw.data if content.raw is not None else None,
        structured=_structured(request, content.simple, to) if content.simple is not None else None,
        replaces_from=True,
        configuration_set=request.configuration_set_name or "",
        tags=[(tag.name, tag.value) for tag in request.email_tags or ()],
        most_bytes=V2_MAX_BYTES,
    )


_NOBODY = _Destination()
_NOTHING = (b"", b"null")


def _structured(request: _SendEmail[bytes], simple: _Simple[bytes], to: _Destination) -> StructuredMail:
    if not request.from_email_address:
        raise SesError(Kind.INVALID, "FromEmailAddress is required.")
    return StructuredMail(
        from_=request.from_email_address,
        to=tuple(to.to_addresses or ()),
        cc=tuple(to.cc_addresses or ()),
        reply_to=tuple(request.reply_to_addresses or ()),
        subject=simple.subject.data,
        text=_body(simple.body.text),
        html=_body(simple.body.html),
        headers=tuple((header.name, header.value) for header in simple.headers or ()),
        attachments=tuple(map(_attachment, simple.attachments or ())),
    )


def _body(text: _Text | None) -> Body | None:
    return None if text is None else Body(content=text.data, charset=text.charset or "utf-8")


_DISPOSITIONS = {"ATTACHMENT": Disposition.ATTACHMENT, "INLINE": Disposition.INLINE}
_ENCODINGS = {
    "BASE64": TransferEncoding.BASE64,
    "QUOTED_PRINTABLE": TransferEncoding.QUOTED_PRINTABLE,
    "SEVEN_BIT": TransferEncoding.SEVEN_BIT,
}


def _attachment(given: _Attachment[bytes]) -> Attachment:
    disposition = _DISPOSITIONS.get(given.content_disposition or "ATTACHMENT")
    encoding = _ENCODINGS.get(given.content_transfer_encoding or "BASE64")
    if disposition is None or encoding is None:
        known = ", ".join([*_DISPOSITIONS, *_ENCODINGS])
        raise SesError(Kind.INVALID, f"ContentDisposition or ContentTransferEncoding is not known; known: {known}.")
    return Attachment(
        file_name=given.file_name,
        content=given.raw_content,
        content_type=given.content_type or "",
        disposition=disposition,
        content_id=given.content_id or "",
        description=given.content_description or "",
        encoding=encoding,
    )
