"""`SendEmail` of SES v2: what its request asks for.

Fields that say nothing here are passed over: identity ARNs (whose mail it is, the access key says), endpoint and tenant
names. Left out: how the request is read (`v2_wire`).
Source: service model of SESv2 2019-09-27, `SendEmailRequest`.
"""

from collections.abc import Iterable
from functools import partial

import msgspec

from posthorse.accept.ses import v2_wire as wire
from posthorse.accept.ses.asked import V2_MAX_BYTES, Asked
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.accept.ses.field_names import of_v2
from posthorse.accept.structured import Attachment, Body, Disposition, StructuredMail, TransferEncoding


async def read_send_email(body: bytes) -> Asked:
    """What is asked for. Raises `SesError`."""
    return _asked(await wire.read_request(body))


def _asked(request: wire.SendEmail) -> Asked:
    content, to = request.content, request.destination or _NOBODY
    if _is_there(request.list_management_options):
        raise SesError(Kind.NOT_FOUND, "There are no contact lists here: leave ListManagementOptions out.")
    if _is_there(content.template):
        raise SesError(Kind.INVALID, "Template content is not offered here: send Simple or Raw content.")
    if (content.raw is None) is (content.simple is None):
        raise SesError(Kind.INVALID, "Content must be exactly one of Simple and Raw.")
    return Asked(
        from_=request.from_email_address or "",
        bounces_to=request.feedback_forwarding_email_address or "",
        to=to.to_addresses or (),
        cc=to.cc_addresses or (),
        bcc=to.bcc_addresses or (),
        reply_to=request.reply_to_addresses or (),
        raw=content.raw.data if content.raw is not None else None,
        structured=_structured(request, content.simple) if content.simple is not None else None,
        replaces_from=True,
        configuration_set=request.configuration_set_name or "",
        tags=[(tag.name, tag.value) for tag in request.email_tags or ()],
        most_bytes=V2_MAX_BYTES,
    )


_NOBODY = wire.Destination()


def _is_there(value: msgspec.Raw) -> bool:
    return bytes(memoryview(value)[:5]) != b"null"


def _structured(request: wire.SendEmail, simple: wire.Simple) -> partial[StructuredMail]:
    if not request.from_email_address:
        raise SesError(Kind.INVALID, "FromEmailAddress is required.")
    return partial(
        StructuredMail,
        from_=request.from_email_address,
        subject=simple.subject.data,
        text=_body(simple.body.text),
        html=_body(simple.body.html),
        headers=tuple((header.name, header.value) for header in simple.headers or ()),
        attachments=tuple(_attachment(number, one) for number, one in enumerate(simple.attachments or ())),
    )


def _body(text: wire.Text | None) -> Body | None:
    return None if text is None else Body(content=text.data, charset=text.charset or "utf-8")


_DISPOSITIONS = {"ATTACHMENT": Disposition.ATTACHMENT, "INLINE": Disposition.INLINE}
_ENCODINGS = {
    "BASE64": TransferEncoding.BASE64,
    "QUOTED_PRINTABLE": TransferEncoding.QUOTED_PRINTABLE,
    "SEVEN_BIT": TransferEncoding.SEVEN_BIT,
}


def _attachment(number: int, given: wire.Attachment) -> Attachment:
    disposition = _DISPOSITIONS.get(given.content_disposition or "ATTACHMENT")
    encoding = _ENCODINGS.get(given.content_transfer_encoding or "BASE64")
    if disposition is None:
        raise _unknown(f"attachments[{number}].disposition", _DISPOSITIONS)
    if encoding is None:
        raise _unknown(f"attachments[{number}].encoding", _ENCODINGS)
    return Attachment(
        file_name=given.file_name,
        content=given.raw_content,
        content_type=given.content_type or "",
        disposition=disposition,
        content_id=given.content_id or "",
        description=given.content_description or "",
        encoding=encoding,
    )


def _unknown(place: str, known: Iterable[str]) -> SesError:
    return SesError(Kind.INVALID, f"{of_v2(place)}: is one of {', '.join(known)}.")
