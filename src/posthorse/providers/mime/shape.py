"""The shape of a message: one text, one HTML, images inside it, attachments; whatever else has no place.

Promise: every part of the message is in the answer, with its decoded content, or the message is `Unfit`. Nobody shows
what stands before and after the parts of a multipart, the ids of texts, the time stamps and modes of files, fields of
parts that MIME does not know, an empty text beside an HTML, the id of an attachment that no HTML names, a description
that says the file's name again: these are let go.

Sources: RFC 2045 section 6, RFC 2046 section 5.1, RFC 2183, RFC 2387, RFC 2392, RFC 3676 section 4.
"""

import binascii
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from posthorse.providers.mime.dissection import File, Unfit
from posthorse.providers.mime.entity import Entity
from posthorse.providers.mime.parameters import Value, file_name, read_value
from posthorse.providers.mime.words import Words, check_text, decoded, shown

MAX_NAME = 255

_KNOWN_FIELDS = frozenset({"content-type", "content-transfer-encoding", "content-disposition", "content-id"})
_FILE_FIELDS = _KNOWN_FIELDS | {"content-description"}
_MESSAGE_FIELDS = _KNOWN_FIELDS | {"content-language"}
"""Of the message, a header field like others; of a part it has no place."""
_PLAIN_ENCODINGS = frozenset({"7bit", "8bit", "binary"})
_BODY_PARAMETERS = frozenset({"charset"})
_FLOW_PARAMETERS = frozenset({"charset", "format", "delsp"})
_FILE_PARAMETERS = frozenset({"charset", "name", "x-unix-mode", "x-mac-type", "x-mac-creator"})
_DISPOSITION_PARAMETERS = frozenset({"filename", "size", "creation-date", "modification-date", "read-date"})
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_CONTENT_ID = re.compile(r"<([!-;=?-~]{1,200})>")
_UNSAFE_NAME = re.compile("[/\\\\\u202a-\u202e\u2066-\u2069\u200e\u200f]|=[?]")
_BAD_QUOTED = re.compile(rb"=(?!(?:[0-9A-Fa-f]{2}|\r\n))|[ \t](?:\r\n|\Z)|[^\t\r\n -~]")
_SEALED = (
    "multipart/signed",
    "multipart/encrypted",
    "application/pkcs7",
    "application/x-pkcs7",
    "application/pgp-signature",
    "application/pgp-encrypted",
)
_PGP = "-----BEGIN PGP "
_FLOWS = re.compile(r"^[ >]|(?<!^--) \r?$", re.MULTILINE)
"""A line that is shown in another way because the text flows."""
_LIKE_ASCII = frozenset({"us-ascii", "ascii", "utf-8", "utf8"})


@dataclass(slots=True)
class Shape:
    """What was found so far."""

    text: bytes | None = None
    """As a JSON string."""
    html: bytes | None = None
    files: list[File] = field(default_factory=list)


def shape_of(content: bytes, message: Entity, words: Words) -> Shape:
    """The shape of a whole message. Raises `Unfit`."""
    for entity in _all(message):
        _check_sealed(entity.type.main)
        if entity.children and _encoding(entity) not in _PLAIN_ENCODINGS:
            raise Unfit("an encoded multipart")
    reader = _Reader(content, message, words)
    reader.mixed(message)
    return reader.shape


def _all(entity: Entity) -> Iterator[Entity]:
    yield entity
    for child in entity.children:
        yield from _all(child)


def _check_sealed(kind: str) -> None:
    if kind.startswith(_SEALED):
        raise Unfit(f"signed or encrypted mail ({shown(kind)})")


class _Reader:
    """Reads one message from the outside in."""

    __slots__ = ("_content", "_message", "_page", "_words", "shape")

    def __init__(self, content: bytes, message: Entity, words: Words) -> None:
        self._content = content
        self._message = message
        self._words = words
        self._page = ""
        """The HTML."""
        self.shape = Shape()

    def mixed(self, entity: Entity) -> None:
        """The outside: a body, and attachments behind it."""
        if entity.type.main != "multipart/mixed":
            self._body(entity)
            return
        self.mixed(entity.children[0])
        for child in entity.children[1:]:
            self._file(child, "multipart/mixed")

    def _body(self, entity: Entity, *, beside_html: bool = False) -> None:
        match entity.type.main:
            case "multipart/alternative":
                self._alternatives(entity.children)
            case "multipart/related":
                self._related(entity)
            case "text/plain" | "text/html":
                self._text(entity, may_be_empty=beside_html)
            case kind:
                raise Unfit(f"{shown(kind)} where the text should be")

    def _alternatives(self, children: Sequence[Entity]) -> None:
        kinds = [child.type.main for child in children]
        for kind in kinds:
            if kind not in ("text/plain", "text/html", "multipart/related"):
                raise Unfit(f"{shown(kind)} as an alternative")
        if len(kinds) > 2 or (len(kinds) == 2 and (kinds[0] != "text/plain" or kinds[1] == "text/plain")):
            raise Unfit("alternatives other than a text and then an HTML")
        for child in children:
            self._body(child, beside_html=len(kinds) == 2 and child.type.main == "text/plain")

    def _related(self, entity: Entity) -> None:
        root, *others = entity.children
        start = entity.type.parameters.get("start")
        if start is not None and start != root.only("content-id"):
            raise Unfit("related parts that do not start with the first")
        if root.type.main not in ("text/html", "multipart/alternative"):
            raise Unfit(f"{shown(root.type.main)} with related parts")
        self._body(root)
        if self.shape.html is None:
            raise Unfit("related parts without an HTML")
        for child in others:
            self._file(child, "multipart/related")

    def _text(self, entity: Entity, *, may_be_empty: bool) -> None:
        kind = entity.type
        _check_fields(entity, _MESSAGE_FIELDS if entity is self._message else _KNOWN_FIELDS)
        _check_parameters(kind, _FLOW_PARAMETERS if kind.main == "text/plain" else _BODY_PARAMETERS)
        disposition = _disposition(entity)
        if disposition is not None and (disposition.main != "inline" or "filename" in disposition.parameters):
            raise Unfit("no text, only attachments")
        raw = self._octets(entity)
        text = check_text(decoded(raw, kind.parameters.get("charset", "us-ascii")))
        if not text.strip():
            if may_be_empty:
                return
            raise Unfit("an empty text")
        if _PGP in text:
            raise Unfit("signed or encrypted mail (OpenPGP in the text)")
        if kind.parameters.get("format", "fixed").lower() != "fixed" and _FLOWS.search(text):
            raise Unfit("text with flowing lines (format)")
        literal = msgspec.json.encode(text)
        if kind.main == "text/plain" and self.shape.text is None:
            self.shape.text = literal
        elif kind.main == "text/html" and self.shape.html is None:
            self.shape.html, self._page = literal, text
        else:
            raise Unfit("more than one text or more than one HTML")

    def _file(self, entity: Entity, where: str) -> None:
        kind, disposition = entity.type, _disposition(entity)
        _check_fields(entity, _FILE_FIELDS)
        if entity.children or kind.main.startswith(("multipart/", "message/")) or _TYPE.fullmatch(kind.main) is None:
            raise Unfit(f"{shown(kind.main)} in {where}")
        placed = "" if disposition is None else disposition.main
        if placed not in ("", "inline", "attachment"):
            raise Unfit("a disposition other than inline and attachment")
        # of related parts nobody looks at the disposition: they are found by their ids
        inline = placed == "inline" or where == "multipart/related"
        if not inline and not placed and kind.main.startswith("text/"):
            raise Unfit(f"another {shown(kind.main)} beside the text")
        octets = self._octets(entity)
        if not octets:
            raise Unfit("an empty file")
        _check_parameters(kind, _FILE_PARAMETERS)
        if kind.parameters.get("charset", "utf-8").lower() not in _LIKE_ASCII and not octets.isascii():
            raise Unfit("an attached text whose charset would be lost")
        name = self._name(kind, disposition)
        if self._words.decode(entity.only("content-description") or name) != name:
            raise Unfit("a file with a description")
        self.shape.files.append(
            File(
                name=name,
                type=kind.main,
                content_id=self._content_id(entity, inline=inline),
                content=memoryview(binascii.b2a_base64(octets, newline=False)),
            )
        )

    def _name(self, kind: Value, disposition: Value | None) -> str:
        names = {file_name(kind, "name", self._words)}
        if disposition is not None:
            names.add(file_name(disposition, "filename", self._words))
        names.discard("")
        if not names:
            raise Unfit("a file without a name")
        if len(names) > 1:
            raise Unfit("a file with two names")
        (name,) = names
        if len(name) > MAX_NAME or name != name.strip() or name.endswith(".") or _UNSAFE_NAME.search(name):
            raise Unfit("a file name that would not arrive as it is")
        return name

    def _content_id(self, entity: Entity, *, inline: bool) -> str:
        written = entity.only("content-id")
        if not inline:
            if written is not None and "cid:" in html.unescape(self._page).lower():
                raise Unfit("an attachment with a Content-ID, and an HTML that names parts")
            return ""
        found = None if written is None else _CONTENT_ID.fullmatch(written)
        if found is None:
            raise Unfit("an inline file without a proper Content-ID")
        if any(file.content_id == found[1] for file in self.shape.files):
            raise Unfit("a Content-ID given twice")
        return found[1]

    def _octets(self, entity: Entity) -> bytes:
        """The content of a leaf, its transfer encoding undone."""
        raw = self._content[entity.start : entity.end]
        encoding = _encoding(entity)
        match encoding:
            case "base64":
                return _base64(raw)
            case "quoted-printable":
                if _BAD_QUOTED.search(raw):
                    raise Unfit("malformed quoted-printable")
                return binascii.a2b_qp(raw)
            case "7bit" if not raw.isascii():
                raise Unfit("8-bit characters that are not declared")
            case "7bit" | "8bit" | "binary":
                return raw
            case _:
                raise Unfit(f"the transfer encoding {shown(encoding)}")


def _encoding(entity: Entity) -> str:
    return (entity.only("content-transfer-encoding") or "7bit").lower()


def _base64(raw: bytes) -> bytes:
    try:
        return binascii.a2b_base64(raw.translate(None, b"\r\n"), strict_mode=True)
    except binascii.Error:
        raise Unfit("malformed base64") from None


def _disposition(entity: Entity) -> Value | None:
    written = entity.only("content-disposition")
    if written is None:
        return None
    disposition = read_value(written)
    _check_parameters(disposition, _DISPOSITION_PARAMETERS)
    return disposition


def _check_fields(entity: Entity, known: frozenset[str]) -> None:
    """Fields that no provider could carry."""
    for each in entity.fields:
        lowered = each.name.lower()
        if lowered.startswith("content-") and lowered not in known:
            raise Unfit(f"{shown(each.name)} on a part")


def _check_parameters(value: Value, known: frozenset[str]) -> None:
    for name in value.parameters:
        if name not in known:
            raise Unfit(f"{shown(value.main)} with the parameter {shown(name)}")
