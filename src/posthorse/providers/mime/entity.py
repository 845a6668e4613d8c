"""The tree of a message's parts, cut from its bytes.

Promise: bounded (fields, their sizes, depth, number of parts) and in time linear in size times depth; nothing is
decoded; bytes are cut where every reader cuts them, else the message is `Unfit`. The content has strict CRLF lines.

Sources: RFC 2046 section 5.1.1, RFC 5322 section 2.2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from posthorse.providers.mime.dissection import Unfit
from posthorse.providers.mime.parameters import Value, read_value

MAX_HEADER_BYTES = 128 << 10
MAX_FIELDS = 256
MAX_FIELD_BYTES = 16 << 10
MAX_NESTING = 20
MAX_PARTS = 500
MAX_BOUNDARY = 70

_FIELD_BREAK = re.compile(rb"\r\n(?![ \t])")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_BLANK_FOLD = re.compile(rb"\r\n[ \t]+(?=\r\n|\Z)")
_NAME = re.compile(rb"[!-9;-~]{1,200}")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]*[0-9A-Za-z'()+_,./:=?-]")
_PLAIN = Value(main="text/plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One header field."""

    name: str
    """As written."""
    raw: bytes
    """The value, unfolded, without white space around it."""

    @property
    def text(self) -> str:
        """The value, which must be ASCII. Raises `Unfit`."""
        try:
            return self.raw.decode("ascii")
        except UnicodeDecodeError:
            raise Unfit("a header field with 8-bit characters") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A message or a part of one."""

    fields: tuple[Field, ...]
    type: Value
    start: int
    end: int
    """Where its body is in the content."""
    number: str = ""
    """Which part it is, as in IMAP (`2.1`: the first part of the second); empty: the message itself."""
    children: tuple["Entity", ...] = ()
    """Parts of a multipart, at least one."""

    def only(self, name: str) -> str | None:
        """The value of a field that may stand once; None: it is not there. Raises `Unfit`."""
        return only(self.fields, name)


def only(fields: tuple[Field, ...], name: str) -> str | None:
    """The value of the field of this name (in lower case) among `fields`; None: there is none. Raises `Unfit`."""
    found = [field for field in fields if field.name.lower() == name]
    if len(found) > 1:
        raise Unfit(f"{found[1].name} given twice")
    return found[0].text if found else None


def cut(content: bytes) -> Entity:
    """The whole message. Raises `Unfit`."""
    return _Cutter(content).entity(0, len(content), 0)


class _Cutter:
    """Cuts one message; counts its parts."""

    __slots__ = ("_content", "_parts")

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._parts = 0

    def entity(self, start: int, end: int, depth: int, number: str = "") -> Entity:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Unfit(f"more than {MAX_PARTS} parts")
        fields, body = self._header(start, end)
        written = only(fields, "content-type")
        kind = _PLAIN if written is None else read_value(written)
        if not kind.main.startswith("multipart/"):
            return Entity(fields=fields, type=kind, start=body, end=end, number=number)
        if depth == MAX_NESTING:
            raise Unfit(f"parts nested more than {MAX_NESTING} deep")
        inside = f"{number}." if number else ""
        children = tuple(
            self.entity(first, last, depth + 1, f"{inside}{which}")
            for which, (first, last) in enumerate(self._spans(kind, body, end), 1)
        )
        if not children:
            raise Unfit("a multipart without parts")
        return Entity(fields=fields, type=kind, start=body, end=end, number=number, children=children)

    def _header(self, start: int, end: int) -> tuple[tuple[Field, ...], int]:
        """(the fields, where the body begins)."""
        content = self._content
        if start >= end or content.startswith(b"\r\n", start):
            return (), min(start + 2, end)
        stop = content.find(b"\r\n\r\n", start, min(end, start + MAX_HEADER_BYTES + 4))
        if stop < 0 and content.endswith(b"\r\n", start, end) and end - start <= MAX_HEADER_BYTES:
            stop = end - 2  # the empty line after it is also the one before the next boundary
        if stop < 0:
            raise Unfit("a header without an end, or too large")
        block = content[start:stop]
        if _BLANK_FOLD.search(block):
            raise Unfit("a header line of white space only")
        lines = _FIELD_BREAK.split(block)
        if len(lines) > MAX_FIELDS:
            raise Unfit(f"more than {MAX_FIELDS} header fields")
        return tuple(_field(line) for line in lines), min(stop + 4, end)

    def _spans(self, kind: Value, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where each part of a multipart begins and ends."""
        boundary = kind.parameters.get("boundary", "")
        if not 0 < len(boundary) <= MAX_BOUNDARY or _BOUNDARY.fullmatch(boundary) is None:
            raise Unfit("a multipart without a proper boundary")
        mark = b"--" + boundary.encode("ascii")
        opened = -1
        for at, after, closing in self._delimiters(mark, start, end):
            if opened >= 0:
                yield opened, max(opened, at - 2)
            if closing:
                return
            opened = after
        raise Unfit("a multipart without an end")

    def _delimiters(self, mark: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """(begin of the line, begin of the next one, whether it closes) of every delimiter line."""
        content, sought = self._content, b"\r\n" + mark
        before = start - 2 if content.startswith(mark, start, end) else content.find(sought, start, end)
        while before >= 0:
            at = before + 2
            rest = at + len(mark)
            stop = content.find(b"\r\n", rest, end)
            stop = end if stop < 0 else stop
            closing = content.startswith(b"--", rest, stop)
            if content[rest + 2 * closing : stop].strip(b" \t"):
                # for some readers this is a delimiter (RFC 2046 compares the beginning of the line only)
                raise Unfit("a line that only begins like a boundary")
            yield at, min(stop + 2, end), closing
            before = content.find(sought, stop, end)


def _field(line: bytes) -> Field:
    name, colon, value = line.partition(b":")
    if not colon or _NAME.fullmatch(name) is None:
        raise Unfit("a malformed header line")
    if len(line) > MAX_FIELD_BYTES:
        raise Unfit(f"a header field longer than {MAX_FIELD_BYTES} bytes")
    return Field(name=name.decode("ascii"), raw=_FOLD.sub(b"", value).strip(b" \t"))
