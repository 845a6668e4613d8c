"""One file of a message: an attachment, or an image that the HTML shows.

Promise: name, type, what programs may look at of its type, and every octet are in the answer, or the part is `Unfit`.
Nobody shows these, so they are let go: descriptions, time stamps and modes, parameters that MIME leaves to programs of
old (`x-...`), Content fields beside the four of MIME and Content-Location, and whether a file that no page names is
inline or attached: it stands beside the text. A file without a name has one made up, as readers do.

Sources: RFC 2045 sections 5 and 9, RFC 2183, RFC 2392.
"""

import binascii
import html
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import unquote

from posthorse.providers.mime.dissection import File, Unfit
from posthorse.providers.mime.entity import Entity
from posthorse.providers.mime.octets import octets_of
from posthorse.providers.mime.parameters import Value, file_name, read_value
from posthorse.providers.mime.words import Words, shown

MAX_NAME = 255
RELATED = "multipart/related"

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_CONTENT_ID = re.compile(r"<([!-;=?-~]{1,200})>")
_MOST_ID = 200
_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
"""A character reference of HTML, or what may be one."""
_MOST_NAMED = 20_000
"""Of the places that a page names: more have no meaning for a reader."""
_GOES_ON = re.compile(r"[a-z0-9@._+%-]")
"""What behind an id belongs to a longer one."""
_UNSAFE_NAME = re.compile("[\\\\\u202a-\u202e\u2066-\u2069\u200e\u200f]|=[?]")
_NO_FOLDER = frozenset({"", ".", ".."})
_TEXTS = ("text/plain", "text/html", "text/enriched")
"""What readers show as a text unless it is said to be attached."""
_NAMES = ("name", "filename")
_UTF8 = re.compile(r"(?:us-)?ascii|utf-?8", re.IGNORECASE)
"""What readers take a text for of which nothing is said."""
_LIKE_ASCII = re.compile(r"(?:us-)?ascii|utf-?8|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]", re.IGNORECASE)
"""In which octets of ASCII are the letters of ASCII: not so where they switch to others (iso-2022-jp, utf-7)."""
_ENDINGS = {
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/webp": ".webp",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
}
"""Of made-up names; of other types: `.dat`, which nobody refuses."""


class Page:
    """The HTML of a message: what it names."""

    __slots__ = ("_named", "_text")

    def __init__(self, text: str = "") -> None:
        self._text = _REFERENCE.sub(_meant, text)
        pieces = self._text.lower().split("cid:", _MOST_NAMED)
        pieces[-1] = pieces[-1][: 3 * _MOST_ID + 3]  # behind the last one named, as far as an escaped id can go
        named = {*_tails(pieces), *_tails([unquote(piece).lower() for piece in pieces])}
        self._named = sorted(named - {""})

    def shows(self, content_id: str) -> bool:
        """Whether it names the part with this id (RFC 2392 section 2), in whatever follows the id there: quotes, commas
        and brackets may belong to an id as well as end it.
        """
        name = content_id.lower()
        at = bisect_left(self._named, name)
        while at < len(self._named) and self._named[at].startswith(name):
            if not _GOES_ON.match(self._named[at], len(name)):
                return True
            at += 1
        return False

    @property
    def names_parts(self) -> bool:
        """Whether it names any."""
        return bool(self._named)

    def may_mean(self, location: str) -> bool:
        """Whether it may name the part with this Content-Location, however the two are resolved."""
        return location.rpartition("/")[2] in self._text


_unescaped = lru_cache(maxsize=4_096)(html.unescape)


def _meant(reference: re.Match[str]) -> str:
    return _unescaped(reference[0])


def _tails(pieces: Sequence[str]) -> Iterator[str]:
    """What stands behind each `cid:` between the pieces, as far as an id can go, and one character more."""
    whole, at = "cid:".join(pieces), 0
    for piece in pieces[:-1]:
        at += len(piece) + len("cid:")
        yield whole[at : at + _MOST_ID + 1]


def is_file(entity: Entity, words: Words) -> bool:
    """Whether a text is meant as a file: attached, or with a file name."""
    disposition = disposition_of(entity)
    if disposition is not None and (disposition.main == "attachment" or "filename" in disposition.parameters):
        return True
    return any(file_name(entity.type, name, words) for name in _NAMES)


def disposition_of(entity: Entity) -> Value | None:
    """How the part is to be shown; None: it does not say."""
    written = entity.only("content-disposition")
    return None if not written else read_value(written)


def read_file(content: bytes, entity: Entity, where: str, page: Page, words: Words, before: Sequence[File]) -> File:
    """The file in a part of the multipart `where` of the message `content`, behind the files `before`."""
    kind, disposition = entity.type, disposition_of(entity)
    _check_kind(entity, where)
    placed = "" if disposition is None else disposition.main
    if placed not in ("", "inline", "attachment"):
        raise Unfit("a disposition other than inline and attachment")
    content_id = _content_id(entity, page)
    if kind.main in _TEXTS and placed != "attachment" and not content_id:
        raise Unfit(f"another {shown(kind.main)} beside the text, not attached")
    if content_id and any(file.content_id == content_id for file in before):
        raise Unfit("a Content-ID given twice")
    octets = octets_of(content, entity)
    if not octets:
        raise Unfit("an empty file")
    return File(
        name=_name(kind, disposition, words) or f"unnamed-{len(before) + 1}{_ENDINGS.get(kind.main, '.dat')}",
        type=kind.main,
        parameters=tuple(_parameters(kind, octets)),
        content_id=content_id,
        content=memoryview(binascii.b2a_base64(octets, newline=False)),
    )


def _check_kind(entity: Entity, where: str) -> None:
    kind = entity.type.main
    if kind.startswith("message/"):
        raise Unfit(f"{shown(kind)} attached: it would arrive encoded, and few readers could open it")
    if entity.children or kind.startswith("multipart/") or _TYPE.fullmatch(kind) is None:
        raise Unfit(f"{shown(kind)} in {where}")


def _parameters(kind: Value, octets: bytes) -> list[tuple[str, str]]:
    """Those that are not the file's name, and not of the programs of old."""
    found = []
    for name, value in kind.parameters.items():
        if name in _NAMES or name.startswith("x-"):
            continue
        if name == "charset" and _LIKE_ASCII.fullmatch(value) and (octets.isascii() or _UTF8.fullmatch(value)):
            continue
        if not value.isascii():
            raise Unfit(f"{shown(kind.main)} with a parameter beyond ASCII")
        found.append((name, value))
    return found


def _name(kind: Value, disposition: Value | None, words: Words) -> str:
    names = {file_name(kind, name, words) for name in _NAMES}
    if disposition is not None:
        names.add(file_name(disposition, "filename", words))
    names.discard("")
    if len(names) > 1:
        raise Unfit("a file with two names")
    name = names.pop() if names else ""
    if len(name) > MAX_NAME or name != name.strip() or name.endswith(".") or _UNSAFE_NAME.search(name):
        raise Unfit("a file name that would not arrive as it is")
    if "/" in name and not _NO_FOLDER.isdisjoint(name.split("/")):
        raise Unfit("a file name that would not arrive as it is")
    return name


def _content_id(entity: Entity, page: Page) -> str:
    """By which the page shows the file; empty: it stands beside the text."""
    written, location = entity.only("content-id"), entity.only("content-location")
    found = None if not written else _CONTENT_ID.fullmatch(written)
    is_shown = found is not None and page.shows(found[1])
    if location and not is_shown and page.may_mean(location):
        raise Unfit("a file that the HTML may name by its Content-Location")
    if found is not None:
        return found[1] if is_shown else ""
    if written and page.names_parts:
        raise Unfit("a file with a malformed Content-ID")
    return ""
