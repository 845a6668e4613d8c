"""MIME made anew from fields, as a provider does that takes no MIME: an own composer, apart from the gateway's.

Duty: one message from its decoded parts: text, HTML, inline images, attachments, header fields. Promise: every decoded
part, file name and field given is in it; our id is in it as a header field, whichever way it came. Left out: reading
requests (`sendgrid_mail`, `postmark_mail`), templates.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr, getaddresses
from urllib.parse import quote

ID_HEADER, ID_TAG = "X-Posthorse-Id", "posthorse-id"

_LINE = 78
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One attachment or inline image."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""
    """Without angle brackets; empty: none."""
    is_inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What a structured request gives. Addresses are (display name, address)."""

    sender: tuple[str, str]
    to: Sequence[tuple[str, str]]
    cc: Sequence[tuple[str, str]] = ()
    reply_to: Sequence[tuple[str, str]] = ()
    subject: str = ""
    bodies: Sequence[tuple[str, str]] = ()
    """(content type, text) of each alternative, plainest first."""
    attached: Sequence[Attached] = ()
    headers: Sequence[tuple[str, str]] = ()
    """The client's own fields."""
    tags: Mapping[str, str] = field(default_factory=dict)


def recomposed(fields: Fields, *, message_id: str, at: int) -> bytes:
    """The message as its recipients get it. `message_id` with angle brackets; `at` in microseconds UTC."""
    own = {name.lower() for name, _ in fields.headers}
    head = [("From", _addresses([fields.sender]))]
    for name, people in (("To", fields.to), ("Cc", fields.cc), ("Reply-To", fields.reply_to)):
        if people:
            head.append((name, _addresses(people)))
    head.append(("Subject", _readable(fields.subject)))
    if "message-id" not in own:
        head.append(("Message-ID", message_id))
    if "date" not in own:
        head.append(("Date", format_datetime(datetime.fromtimestamp(at / 1e6, UTC))))
    head += [(name, _readable(value)) for name, value in fields.headers]
    if ID_HEADER.lower() not in own and ID_TAG in fields.tags:
        head.append((ID_HEADER, fields.tags[ID_TAG]))
    return _part([*head, ("MIME-Version", "1.0")], _body(fields))


def words(text: str) -> frozenset[str]:
    """A set of words."""
    return frozenset(text.split())


def people_in(text: str) -> list[tuple[str, str]]:
    """(display name, address) of each mailbox in a field such as `A <a@x.example>, b@x.example`."""
    return [(name, address) for name, address in getaddresses([text]) if name or address]


def _body(fields: Fields) -> bytes:
    """The whole body with its own Content fields on top."""
    inline = [_file(one) for one in fields.attached if one.is_inline]
    rest = [_file(one) for one in fields.attached if not one.is_inline]
    bodies = [_text(kind, text) for kind, text in fields.bodies]
    if inline:
        page = next((n for n, (kind, _) in enumerate(fields.bodies) if kind == "text/html"), len(bodies) - 1)
        bodies[page] = _multipart("related", [bodies[page], *inline])
    body = bodies[0] if len(bodies) == 1 else _multipart("alternative", bodies)
    return _multipart("mixed", [body, *rest]) if rest else body


def _part(head: Sequence[tuple[str, str]], rest: bytes) -> bytes:
    """Header fields before what is a part already, or a body after an empty line."""
    return b"".join(_folded(f"{name}: {value}") for name, value in head) + rest


def _text(kind: str, text: str) -> bytes:
    content = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    kind = kind if "charset" in kind.lower() else f"{kind}; charset=utf-8"
    return _part([("Content-Type", kind)], _base64(content))


def _file(one: Attached) -> bytes:
    disposition = "inline" if one.is_inline else "attachment"
    head = [("Content-Type", one.content_type), ("Content-Disposition", f"{disposition}; {_file_name(one.name)}")]
    if one.content_id:
        head.append(("Content-ID", f"<{one.content_id}>"))
    if one.content_type.lower().startswith("message/"):  # RFC 2046 section 5.2.1: not in base64
        return _part([*head, ("Content-Transfer-Encoding", "8bit")], b"\r\n" + one.content)
    return _part(head, _base64(one.content))


def _file_name(name: str) -> str:
    if name.isascii() and name.isprintable():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'filename="{quoted}"'
    return f"filename*=utf-8''{quote(name, safe='')}"


def _multipart(subtype: str, parts: Sequence[bytes]) -> bytes:
    boundary = f"=_lab_{hashlib.sha256(b''.join(parts)).hexdigest()[:32]}"
    lines = b"".join(b"\r\n--%b\r\n%b" % (boundary.encode(), part) for part in parts)
    return _part([("Content-Type", f'multipart/{subtype}; boundary="{boundary}"')], lines) + b"\r\n--%b--\r\n" % (
        boundary.encode()
    )


def _base64(content: bytes) -> bytes:
    return b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(content).replace(b"\n", b"\r\n")


def _addresses(people: Sequence[tuple[str, str]]) -> str:
    return ", ".join(formataddr(one) for one in people)


def _readable(value: str) -> str:
    """Text that is not ASCII in encoded words (RFC 2047)."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=75).encode(linesep="")


def _folded(field: str) -> bytes:
    """A field whose lines have at most 78 characters where it has spaces to fold at."""
    lines, line = [], ""
    for word in field.split(" "):
        if line and line.strip() and len(line) + 1 + len(word) > _LINE and word:
            lines.append(line)
            line = f" {word}"
        else:
            line = f"{line} {word}" if line or lines else word
    return "\r\n".join([*lines, line]).encode() + b"\r\n"
