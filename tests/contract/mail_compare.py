"""What a reader of mail sees, read with the standard library, apart from every parser of ours: for comparing what was
sent with what arrived.
"""

import email
import email.policy
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from email.header import decode_header
from email.message import Message
from email.utils import collapse_rfc2231_value, getaddresses

ADDRESSES = ("from", "to", "cc", "reply-to", "sender")
OF_THE_WAY = frozenset({"received", "mime-version", "return-path", "x-posthorse-id"})
"""Fields that belong to the transport, or say how the parts are put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One part without parts, decoded."""

    kind: str
    content: str | bytes
    """Text as text, in LF lines; anything else as bytes."""
    name: str
    is_attachment: bool
    content_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A whole message as a reader has it."""

    fields: tuple[tuple[str, str], ...]
    """Name in lower case and decoded value, sorted by name; repeated ones in order."""
    people: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """(display name, address in lower case) of each mailbox, by field."""
    leaves: tuple[Leaf, ...]


def seen(content: bytes, leave_out: Collection[str] = ()) -> Seen:
    """Read a message. `leave_out`: more field names in lower case that do not count."""
    mail = email.message_from_bytes(content, policy=email.policy.compat32)
    unseen = OF_THE_WAY | set(leave_out)
    fields = [(name.lower(), _text(value)) for name, value in mail.raw_items() if _counts(name.lower(), unseen)]
    people = [
        (name, tuple((shown, address.lower()) for shown, address in _people(mail.get_all(name, []))))
        for name in ADDRESSES
        if name in mail and name not in unseen
    ]
    return Seen(
        fields=tuple(sorted(fields, key=lambda field: field[0])),
        people=tuple(people),
        leaves=tuple(_shown([_leaf(part) for part in _leaves(mail)])),
    )


def _shown(leaves: list[Leaf]) -> Iterator[Leaf]:
    """What a reader shows of the parts: no empty text where there is an HTML, no id of a file that nobody names."""
    pages = [leaf.content for leaf in leaves if leaf.kind == "text/html" and not leaf.is_attachment]
    for leaf in leaves:
        if pages and leaf.kind == "text/plain" and not leaf.is_attachment and not leaf.content.strip():
            continue
        is_named = any(f"cid:{leaf.content_id}" in str(page) for page in pages)
        yield replace(leaf, content_id="") if leaf.is_attachment and not is_named else leaf


def _counts(name: str, unseen: Collection[str]) -> bool:
    about_parts = name.startswith("content-") and name != "content-language"
    return name not in unseen and name not in ADDRESSES and not about_parts


def _text(value: object) -> str:
    """A field's value, decoded, folds and repeated spaces as one space."""
    raw = str(value).replace("\r\n", "").replace("\n", "")
    return " ".join("".join(_word(word, charset) for word, charset in decode_header(raw)).split())


def _word(word: bytes | str, charset: str | None) -> str:
    return word.decode(charset or "ascii", "surrogateescape") if isinstance(word, bytes) else word


def _people(values: list[str]) -> list[tuple[str, str]]:
    return [(_text(shown), address) for shown, address in getaddresses([str(value) for value in values])]


def _leaves(mail: Message) -> list[Message]:
    if mail.get_content_maintype() != "multipart":
        return [mail]
    parts = mail.get_payload()
    return [leaf for part in parts if isinstance(part, Message) for leaf in _leaves(part)]


def _leaf(part: Message) -> Leaf:
    kind = part.get_content_type()
    attached = part.get_content_disposition() == "attachment"
    if part.get_content_maintype() == "message":
        content: str | bytes = part.get_payload()[0].as_bytes()  # type: ignore[index, union-attr]
    else:
        raw = part.get_payload(decode=True)
        assert isinstance(raw, bytes)
        content = raw
        if kind.startswith("text/") and not attached:
            charset = str(part.get_content_charset("utf-8"))
            content = raw.decode(charset, "replace").replace("\r\n", "\n")
    return Leaf(
        kind=kind,
        content=content,
        name=_name(part),
        is_attachment=attached,
        content_id=str(part.get("content-id", "")).strip("<> "),
    )


def _name(part: Message) -> str:
    name = part.get_param("filename", None, "content-disposition")
    if name is None:
        name = part.get_param("name", None)
    if isinstance(name, tuple):  # it came with its charset: what looks like an encoded word is none
        return collapse_rfc2231_value(name).strip()
    return "" if name is None else _text(name.strip())
