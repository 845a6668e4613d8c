"""The shape of a message: one text, one HTML, an invitation, images inside, attachments; whatever else has no place.

Promise: every part of the message is in the answer, with its decoded content, or the message is `Unfit`. Nobody shows
what stands before and after the parts of a multipart, the ids of texts and their parameters that MIME does not know, an
empty text beside an HTML or between files: these are let go. Text whose lines flow comes as paragraphs. Mail that says
nothing has a text of one empty line.

Sources: RFC 2045 section 5, RFC 2046 section 5.1, RFC 2387, RFC 3676 section 4, RFC 6047 section 2.4.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from posthorse.providers.mime.dissection import File, Invitation, Unfit
from posthorse.providers.mime.entity import Entity
from posthorse.providers.mime.files import RELATED, Page, is_file, read_file
from posthorse.providers.mime.flowed import unflowed
from posthorse.providers.mime.octets import PLAIN_ENCODINGS, encoding_of, octets_of
from posthorse.providers.mime.words import Words, check_text, decoded, shown

_MIXED = "multipart/mixed"
_ALTERNATIVES = (("text/plain",), ("text/html", RELATED), ("text/calendar",))
"""In this order, each at most once."""
_METHOD = re.compile(r"[A-Za-z-]{1,30}")
_SEALED = (
    "multipart/signed",
    "multipart/encrypted",
    "application/pkcs7",
    "application/x-pkcs7",
    "application/pgp-signature",
    "application/pgp-encrypted",
)
_PGP = "-----BEGIN PGP "
_NOTHING = msgspec.json.encode("\r\n")


@dataclass(slots=True)
class Shape:
    """What was found so far."""

    text: bytes | None = None
    """As a JSON string."""
    html: bytes | None = None
    invitation: Invitation | None = None
    files: list[File] = field(default_factory=list)


def shape_of(content: bytes, message: Entity, words: Words) -> Shape:
    """The shape of a whole message. Raises `Unfit`."""
    for entity in _all(message):
        _check_sealed(entity.type.main)
        if entity.children and encoding_of(entity) not in PLAIN_ENCODINGS:
            raise Unfit("an encoded multipart")
    reader = _Reader(content, words)
    reader.mixed(message)
    shape = reader.shape
    if shape.text is None and shape.html is None and shape.invitation is None:
        shape.text = _NOTHING
    return shape


def _all(entity: Entity) -> Iterator[Entity]:
    yield entity
    for child in entity.children:
        yield from _all(child)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_sealed(kind: str) -> None:
    if kind.startswith(_SEALED):
        raise Unfit(f"signed or encrypted mail ({shown(kind)})")


class _Reader:
    """Reads one message from the outside in."""

    __slots__ = ("_content", "_page", "_words", "shape")

    def __init__(self, content: bytes, words: Words) -> None:
        self._content = content
        self._words = words
        self._page = Page()
        self.shape = Shape()

    def mixed(self, entity: Entity) -> None:
        """The outside: a body, and attachments around it; or attachments alone."""
        if entity.type.main != _MIXED:
            if self._is_body(entity):
                self._body(entity)
            else:
                self._file(entity, _MIXED)
            return
        bodies = [child for child in entity.children if self._is_body(child)]
        silent = {child.number for child in bodies if self._says_nothing(child)} if len(bodies) > 1 else set()
        body = next((child for child in bodies if child.number not in silent), None)
        if body is not None:
            self.mixed(body)
        for child in entity.children:
            if child is not body and child.number not in silent:
                self._file(child, _MIXED)

    def _says_nothing(self, entity: Entity) -> bool:
        """Such as what programs leave behind the last file."""
        return not entity.children and not self._text_of(entity).strip()

    def _is_body(self, entity: Entity) -> bool:
        kind = entity.type.main
        if kind in ("text/plain", "text/html"):
            return not is_file(entity, self._words)
        if kind.startswith("multipart/"):
            return True
        # where there is nothing else, a calendar is the body, and readers show whatever is a text
        alone = not entity.number and kind.startswith("text/")
        return alone and (kind == "text/calendar" or not is_file(entity, self._words))

    def _body(self, entity: Entity) -> None:
        match entity.type.main:
            case "multipart/alternative":
                self._alternatives(entity.children)
            case "multipart/related":
                self._related(entity)
            case "text/plain" | "text/html":
                self._text(entity)
            case "text/calendar":
                self._invitation(entity)
            case kind:
                raise Unfit(f"{shown(kind)} where the text should be")

    def _alternatives(self, children: Sequence[Entity]) -> None:
        kinds = [child.type.main for child in children]
        ranks = []
        for kind in kinds:
            rank = next((n for n, known in enumerate(_ALTERNATIVES) if kind in known), None)
            if rank is None:
                raise Unfit(f"{shown(kind)} as an alternative")
            ranks.append(rank)
        if ranks != sorted(set(ranks)):
            raise Unfit("alternatives other than a text, then an HTML, then a calendar")
        for child in children:
            if child.type.main in ("text/plain", "text/html") and is_file(child, self._words):
                raise Unfit("a file as an alternative")
            self._body(child)
        if self.shape.text is not None and self.shape.html is None and ranks[:2] == [0, 1]:
            raise Unfit("an empty HTML beside a text")

    def _related(self, entity: Entity) -> None:
        root, *others = entity.children
        start = entity.type.parameters.get("start")
        if start is not None and start != root.only("content-id"):
            raise Unfit("related parts that do not start with the first")
        if root.type.main not in ("text/html", "text/plain", "multipart/alternative"):
            raise Unfit(f"{shown(root.type.main)} with related parts")
        if others and (root.only("content-location") or root.only("content-base")):
            raise Unfit("related parts that are named by their Content-Location")
        if not root.children and is_file(root, self._words):
            raise Unfit("a file with related parts")
        self._body(root)
        for child in others:
            self._file(child, RELATED)

    def _text(self, entity: Entity) -> None:
        kind = entity.type
        text = self._text_of(entity)
        if not text.strip():
            return
        if _PGP in text:
            raise Unfit("signed or encrypted mail (OpenPGP in the text)")
        if kind.main == "text/plain" and kind.parameters.get("format", "").lower() == "flowed":
            text = unflowed(text, delete_space=kind.parameters.get("delsp", "").lower() == "yes")
        literal = msgspec.json.encode(text)
        if kind.main == "text/plain" and self.shape.text is None:
            self.shape.text = literal
        elif kind.main == "text/html" and self.shape.html is None:
            self.shape.html, self._page = literal, Page(text)
        else:
            raise Unfit("more than one text or more than one HTML")

    def _invitation(self, entity: Entity) -> None:
        method = entity.type.parameters.get("method", "")
        if is_file(entity, self._words) or _METHOD.fullmatch(method) is None:
            raise Unfit("a calendar as the text, with a file name or without a method")
        text = check_text(decoded(octets_of(self._content, entity), entity.type.parameters.get("charset", "utf-8")))
        self.shape.invitation = Invitation(method=method.upper(), content=memoryview(msgspec.json.encode(text)))

    def _text_of(self, entity: Entity) -> str:
        """Text without a charset is taken for UTF-8 if it is not ASCII, as readers do; what is neither has no reading
        that all share.
        """
        octets = octets_of(self._content, entity)
        charset = entity.type.parameters.get("charset")
        if charset is None:
            charset = "utf-8" if not octets.isascii() and _is_utf8(octets) else "us-ascii"
        return check_text(decoded(octets, charset))

    def _file(self, entity: Entity, where: str) -> None:
        try:
            file = read_file(self._content, entity, where, self._page, self._words, self.shape.files)
        except Unfit as unfit:
            raise Unfit(f"{unfit} (part {entity.number})" if entity.number else str(unfit)) from None
        self.shape.files.append(file)
