"""Parts of a composed message: bodies and attachments as MIME entities, encoded so that any server takes them.

Promise: decoded, a part is what the client gave: attachments to the octet, bodies to the character, with line ends made
CRLF. Work on large content comes in steps: whoever takes the steps may give way between two.

Left out: which part stands in which multipart (`compose`).
"""

import binascii
import re
from base64 import encodebytes
from collections.abc import Iterator
from dataclasses import replace

from posthorse.accept.compose_words import TooLong, mime_field, parameter, unstructured
from posthorse.accept.mailboxes import UNSEEN
from posthorse.accept.structured import Attachment, Body, ComposeError, ComposeLimits, TransferEncoding
from posthorse.mail.charsets import charset_of, codec_of

STEP = 57 * 3_072
"""Octets (or characters) worked on in one step; whole base64 lines."""

_CONTENT_TYPE = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*)"
    r"""((?: *; *[A-Za-z0-9!#$&^_.+*-]+=(?:[A-Za-z0-9!#$&^_.+*'/:?()-]+|"[ !#-\[\]-~]*"))*) *;?"""
)
_PARAMETER = re.compile(r"""; *([A-Za-z0-9!#$&^_.+*-]+=(?:[A-Za-z0-9!#$&^_.+*'/:?()-]+|"[ !#-\[\]-~]*"))""")
_CONTENT_ID = re.compile(r"[!-;=?-~]+")
_LONG_LINE = re.compile(rb"[^\n]{999}")

_TYPES = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "gz": "application/gzip",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}
"""By the end of a file name. Our own list: the system's would make different mail on different machines."""


def body_entity(where: str, kind: str, body: Body) -> Iterator[bytes]:
    """A `text/KIND` entity: its fields, a blank line, its content. Raises `ComposeError`."""
    codec = codec_of(body.charset)
    if codec is None:
        raise ComposeError(where, "the charset is not known")
    if len(body.content) > STEP:
        yield from _large_body(where, kind, body.content)
        return
    text = body.content.replace("\r\n", "\n").replace("\r", "\n")
    octets, charset = _octets(where, text, codec)
    fields = f"Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: "
    if octets.isascii() and b"\0" not in octets and _LONG_LINE.search(octets) is None:
        yield f"{fields}7bit\r\n\r\n".encode("ascii") + octets.replace(b"\n", b"\r\n")
        return
    printable = binascii.b2a_qp(octets, istext=True)
    if len(printable) <= len(octets) * 4 // 3:
        yield f"{fields}quoted-printable\r\n\r\n".encode("ascii") + printable.replace(b"\n", b"\r\n")
    else:
        yield f"{fields}base64\r\n\r\n".encode("ascii") + _base64(octets.replace(b"\n", b"\r\n"))


def _octets(where: str, text: str, codec: str) -> tuple[bytes, str]:
    try:
        return text.encode(codec), charset_of(codec)
    except UnicodeEncodeError:
        try:
            return text.encode(), "utf-8"
        except UnicodeEncodeError:
            raise ComposeError(where, "it holds half a character (a lone surrogate)") from None


def _large_body(where: str, kind: str, content: str) -> Iterator[bytes]:
    yield f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode("ascii")
    held, carried = "", b""
    for at in range(0, len(content), STEP):
        piece = held + content[at : at + STEP]
        held = "\r" if piece.endswith("\r") and at + STEP < len(content) else ""
        piece = piece[: len(piece) - len(held)].replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        octets = carried + _octets(where, piece, "utf-8")[0]
        whole = len(octets) // 57 * 57
        yield _base64(octets[:whole])
        carried = octets[whole:]
    yield _base64(carried)


def attachment_entity(where: str, attachment: Attachment, limits: ComposeLimits) -> Iterator[bytes]:
    """An attachment as an entity: its fields, a blank line, its content. Raises `ComposeError`."""
    _check(where, attachment, limits)
    value, parameters = _content_type(where, attachment)
    if value.startswith("message/") and b"\r" not in attachment.content:  # as files of mail are kept on most machines
        attachment = replace(attachment, content=attachment.content.replace(b"\n", b"\r\n"))
    fields = [mime_field("Content-Type", value, parameters)]
    named = parameter("filename", attachment.file_name) if attachment.file_name else []
    fields.append(mime_field("Content-Disposition", attachment.disposition.value, named))
    if attachment.content_id:
        fields.append(mime_field("Content-ID", f"<{bare_id(attachment.content_id)}>", ()))
    try:
        if attachment.description:
            fields.append(unstructured("Content-Description", attachment.description))
    except TooLong:
        raise ComposeError(f"{where}.description", "it has a word longer than a line may be") from None
    encoding = _encoding(where, value, attachment)
    fields.append(f"Content-Transfer-Encoding: {encoding.value}\r\n\r\n".encode("ascii"))
    yield b"".join(fields)
    yield from _encoded(attachment.content, encoding)


def bare_id(content_id: str) -> str:
    """A content id without its angle brackets."""
    return content_id[1:-1] if content_id.startswith("<") and content_id.endswith(">") else content_id


def _check(where: str, attachment: Attachment, limits: ComposeLimits) -> None:
    for name, value, most in (
        ("file_name", attachment.file_name, limits.file_name),
        ("content_type", attachment.content_type, limits.content_type),
        ("content_id", attachment.content_id, limits.content_id),
        ("description", attachment.description, limits.description),
    ):
        if len(value) > most:
            raise ComposeError(f"{where}.{name}", f"it has more than {most} characters")
        if UNSEEN.search(value):
            raise ComposeError(f"{where}.{name}", "it holds control characters")
    if attachment.content_id and not _CONTENT_ID.fullmatch(bare_id(attachment.content_id)):
        raise ComposeError(f"{where}.content_id", "it is printable ASCII without spaces and angle brackets")


def _content_type(where: str, attachment: Attachment) -> tuple[str, list[str]]:
    """Type and parameters (RFC 2045 section 5.1)."""
    if not attachment.content_type:
        end = attachment.file_name.rpartition(".")[2].lower()
        return _TYPES.get(end, "application/octet-stream"), []
    found = _CONTENT_TYPE.fullmatch(attachment.content_type.strip())
    if found is None:
        raise ComposeError(f"{where}.content_type", "it is written type/subtype, with parameters as name=value")
    value = found[1].lower()
    if value.startswith("multipart/"):
        raise ComposeError(f"{where}.content_type", "a multipart cannot be attached as it is")
    return value, _PARAMETER.findall(found[2])


def _encoding(where: str, value: str, attachment: Attachment) -> TransferEncoding:
    if value.startswith("message/"):
        # RFC 2046 section 5.2.1: only 7bit, 8bit and binary, and the last two are not safe everywhere.
        if not _is_strict(attachment.content):
            raise ComposeError(
                f"{where}.content", "an attached message has ASCII lines of at most 998 octets, all ended in one way"
            )
        return TransferEncoding.SEVEN_BIT
    match attachment.encoding:
        case TransferEncoding.SEVEN_BIT if not _is_strict(attachment.content):
            return TransferEncoding.BASE64
        case TransferEncoding.QUOTED_PRINTABLE if len(attachment.content) > STEP:
            return TransferEncoding.BASE64
        case wanted:
            return wanted


def _is_strict(content: bytes) -> bool:
    return (
        content.isascii()
        and b"\0" not in content
        and content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
        and _LONG_LINE.search(content.replace(b"\r\n", b"\n")) is None
    )


def _encoded(content: bytes, encoding: TransferEncoding) -> Iterator[bytes]:
    if encoding is TransferEncoding.SEVEN_BIT:
        yield content
    elif encoding is TransferEncoding.QUOTED_PRINTABLE:
        yield binascii.b2a_qp(content, istext=False).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    else:
        for at in range(0, len(content), STEP):
            yield _base64(content[at : at + STEP])


def _base64(octets: bytes) -> bytes:
    return encodebytes(octets).replace(b"\n", b"\r\n")
