"""Bounds of JSON, looked at before it is decoded: decoding gives way to nobody, so its cost must be known.

Promise: linear time, in turns if the document is large; what passes is decoded in a few milliseconds, save that copying
long strings takes its time. What is no JSON passes, up to where the decoder finds it, too. Where asked for, a name that
stands twice in one object is refused, since readers differ about which one counts (RFC 8259 section 4).

Left out: whether it is JSON, what it says, and the words in which a front refuses it.
"""

import asyncio
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum

MAX_NAME_BYTES = 1_000

MAX_DEPTH = 1_000
"""Of lists and objects in one another: more than any decoder here follows."""

_WINDOW = 64 << 10
_OUTSIDE_WINDOW = 8 << 10
"""Of what stands between strings: each mark in it takes as long as a hundred plain octets."""
_SHORT = 1 << 10
_PER_TURN = 2_000
_BLANKS = b" \t\r\n"
_COMMAS = frozenset({b",", b", "})
_PLAIN = _COMMAS | {b":", b": "}
_PAIR = b"\0\0"
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_MARK = re.compile(rb"[{}\[\]]")


class Excess(Enum):
    """Which bound does not hold."""

    PARTS = "parts"
    """More strings or objects than any message needs."""
    OUTSIDE = "outside"
    """More between the strings: numbers, marks, white space."""
    ESCAPES = "escapes"
    VALUE = "value"
    """A string that is no content is as long as content."""
    NAME = "name"
    """A name is too long."""
    NAME_ESCAPED = "name_escaped"
    """A name is not written plainly, so that nobody sees whether it stands there twice."""
    NAME_TWICE = "name_twice"


class OutOfBounds(Exception):
    """A document that is not decoded."""

    def __init__(self, excess: Excess, field: bytes = b"") -> None:
        super().__init__(excess.value)
        self.excess = excess
        self.field = re.sub(r"[^ -~]", "?", field[:100].decode("latin-1"))
        """The name it is about, fit for anybody's screen; empty: none in particular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a front decodes."""

    strings: int
    """Names and values."""
    objects: int
    outside_bytes: int
    """Of everything that stands outside of strings."""
    escapes: int
    value_bytes: int
    """Of any string but content."""
    content: frozenset[bytes]
    """Names of the fields whose strings may be long: the decoder keeps them back, to decode them on their own."""
    maps: frozenset[bytes] = frozenset()
    """Fields that hold an object of names of the client's: none of these is content. For documents of `names_once`."""
    names_once: bool
    """Whether a name that stands twice in one object is refused; else it is up to the decoder."""


async def check(octets: bytes, bounds: Bounds) -> None:
    """Raises `OutOfBounds`."""
    for _ in _Scan(octets, bounds).steps():
        await asyncio.sleep(0)


class _Scan:
    """One walk over a document, string by string."""

    __slots__ = ("_bounds", "_escapes", "_inside", "_names", "_objects", "_octets", "_outside", "_strings", "_walked")

    def __init__(self, octets: bytes, bounds: Bounds) -> None:
        self._octets = octets
        self._bounds = bounds
        self._outside = self._objects = self._strings = self._escapes = 0
        self._walked = 0
        """Octets of long strings since somebody else had a turn."""
        self._names: list[set[bytes] | None] = []
        """Of every object that is open, the names in it; None for a list."""
        self._inside: list[bytes] = []
        """The field that each of them belongs to."""

    def steps(self) -> Iterator[None]:
        """Walk. Raises `OutOfBounds`."""
        octets, at, field = self._octets, 0, b""
        string: bytes | None = None
        while at < len(octets):
            end = octets.find(b'"', at, at + _OUTSIDE_WINDOW)
            between = octets[at : end if end >= 0 else at + _OUTSIDE_WINDOW]
            if string is not None and between not in _COMMAS:
                follows = between.lstrip(_BLANKS)
                if follows.startswith(b":"):
                    field = self._named(string)
            if between.strip(_BLANKS) or end >= 0:  # else what it is shows behind more white space
                string = None
            self._count_outside(between, field)
            at += len(between)
            if end < 0:
                yield
                continue
            begin = at + 1
            at = self._ends_soon(begin)
            if at < 0:
                # only what follows its name directly is content, not what is in a list or object there
                is_content = field in self._bounds.content and _COLON.fullmatch(between) is not None
                is_content = is_content and not (self._inside and self._inside[-1] in self._bounds.maps)
                at = yield from self._to_end(begin, field, is_content=is_content)
            string = octets[begin : min(at - 1, begin + MAX_NAME_BYTES + 1)]
            if self._strings % _PER_TURN == 0:
                yield

    def _count_outside(self, between: bytes, field: bytes) -> None:
        self._outside += len(between)
        if between not in _PLAIN:
            self._objects += between.count(b"{")
            if self._bounds.names_once:
                self._nest(between, field)
            if self._objects > self._bounds.objects:
                raise OutOfBounds(Excess.PARTS)
        if self._outside > self._bounds.outside_bytes:
            raise OutOfBounds(Excess.OUTSIDE)

    def _ends_soon(self, begin: int) -> int:
        """Behind the end of the string that begins here, if it is short and plain; else -1."""
        self._strings += 1
        if self._strings > self._bounds.strings:
            raise OutOfBounds(Excess.PARTS)
        end = self._octets.find(b'"', begin, begin + _SHORT)
        return end + 1 if end >= 0 and self._octets.find(b"\\", begin, end) < 0 else -1

    def _to_end(self, begin: int, field: bytes, *, is_content: bool) -> Generator[None, None, int]:
        """Behind the end of any other string. Raises `OutOfBounds`."""
        octets, at, window = self._octets, begin, _SHORT
        while at < len(octets):
            stop = octets.find(b'"', at, at + _WINDOW)
            is_end = stop >= 0
            if not is_end:
                stop = min(at + _WINDOW, len(octets))
            if octets.find(b"\\", at, stop) >= 0:
                stop, is_end = self._past_escapes(at, window, field)
                window = min(4 * window, _WINDOW)
            if stop - begin > self._bounds.value_bytes and not is_content:
                raise OutOfBounds(Excess.VALUE, field)
            self._walked += stop - at
            if self._walked >= _WINDOW:
                self._walked = 0
                yield
            if is_end:
                return stop + 1
            at = stop
        return at + 1

    def _past_escapes(self, at: int, window: int, field: bytes) -> tuple[int, bool]:
        """Where the string ends within the window, or how far to walk in it; and whether it is the end."""
        piece = self._octets[at : at + window]
        # pairs first, from the left, as they are read; then no quote that is left is escaped
        plain = piece.replace(b"\\\\", _PAIR).replace(b'\\"', _PAIR)
        end = plain.find(b'"')
        length = end if end >= 0 else len(piece) - plain.endswith(b"\\")
        self._escapes += piece.count(b"\\", 0, length) - piece.count(b"\\\\", 0, length)
        if self._escapes > self._bounds.escapes:
            raise OutOfBounds(Excess.ESCAPES, field)
        return at + (length or len(piece)), end >= 0

    def _nest(self, between: bytes, field: bytes) -> None:
        for mark in _MARK.findall(between):
            if mark in b"{[":
                if len(self._names) == MAX_DEPTH:
                    raise OutOfBounds(Excess.PARTS)
                self._names.append(set() if mark == b"{" else None)
                self._inside.append(field)
            elif self._names:
                self._names.pop()
                self._inside.pop()

    def _named(self, name: bytes) -> bytes:
        """Note a name in its object."""
        if not self._bounds.names_once:
            return name
        if len(name) > MAX_NAME_BYTES:
            raise OutOfBounds(Excess.NAME)
        if b"\\" in name:
            raise OutOfBounds(Excess.NAME_ESCAPED)
        names = self._names[-1] if self._names else None
        if names is not None:
            if name in names:
                raise OutOfBounds(Excess.NAME_TWICE, name)
            names.add(name)
        return name
