"""Bounds of JSON, looked at before it is decoded: decoding gives way to nobody, so its cost must be known.

Promise: linear time, in turns if the document is large; what passes is decoded in a few milliseconds, save that copying
long strings takes its time. A name that stands twice in one object is refused, since readers differ about which one
counts. What is no JSON passes, up to where the decoder finds it, too.

Left out: whether it is JSON, and what it says (`decoding`).
"""

import asyncio
import re
from collections.abc import Iterator

from posthorse.accept.api.problems import ApiError, Code, invalid
from posthorse.mail.large import LARGE_BYTES

MAX_OUTSIDE_BYTES = 1 << 20
"""Of everything that stands outside of strings: numbers, marks, white space."""
MAX_OBJECTS = 50_000
MAX_STRINGS = 200_000
MAX_ESCAPES = 3_000_000
MAX_NAME_BYTES = 1_000
MAX_VALUE_BYTES = 64 << 10
"""Of any string but content."""

_CONTENT = frozenset({b"text", b"html", b"raw", b"content"})
"""Names of the fields that may be long: they are kept back by the decoder, and decoded on their own."""
_WINDOW = 64 << 10
_SHORT = 1 << 10
_PER_TURN = 2_000
_QUOTE, _BLANKS = ord('"'), b" \t\r\n"
_COMMAS = frozenset({b",", b", "})
_PLAIN = _COMMAS | {b":", b": "}
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_MARK = re.compile(rb"[{}\[\]]")


async def check(octets: bytes) -> None:
    """Raises `ApiError`."""
    for _ in _Scan(octets).steps():
        if len(octets) > LARGE_BYTES:
            await asyncio.sleep(0)


class _Scan:
    """One walk over a document, string by string."""

    __slots__ = ("_escapes", "_names", "_objects", "_octets", "_outside", "_strings")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._outside = self._objects = self._strings = self._escapes = 0
        self._names: list[set[bytes] | None] = []
        """Of every object that is open, the names in it; None for a list."""

    def steps(self) -> Iterator[None]:
        """Walk. Raises `ApiError`."""
        octets, at, string, field = self._octets, 0, b"", b""
        while at < len(octets):
            end = octets.find(b'"', at, at + _WINDOW)
            between = octets[at : end if end >= 0 else at + _WINDOW]
            if string and between not in _COMMAS and between.lstrip(_BLANKS).startswith(b":"):
                field = self._named(string)
            self._count_outside(between)
            string = b""
            at += len(between)
            if end < 0:
                yield
                continue
            begin = at + 1
            at = self._ends_soon(begin)
            if at < 0:
                # only what follows its name directly is content, not what is in a list or object there
                is_content = field in _CONTENT and _COLON.fullmatch(between) is not None
                at = begin
                while at < len(octets) and octets[at] != _QUOTE:
                    at = self._go_on(begin, at, field, is_content=is_content)
                    yield
                at += 1
            string = octets[begin : min(at - 1, begin + MAX_NAME_BYTES + 1)] or b" "
            if self._strings % _PER_TURN == 0:
                yield

    def _count_outside(self, between: bytes) -> None:
        self._outside += len(between)
        if between not in _PLAIN:
            self._objects += between.count(b"{")
            self._nest(between)
        if self._outside > MAX_OUTSIDE_BYTES or self._objects > MAX_OBJECTS:
            raise _too_much()

    def _ends_soon(self, begin: int) -> int:
        """Behind the end of the string that begins here, if it is short and plain; else -1."""
        self._strings += 1
        if self._strings > MAX_STRINGS:
            raise _too_much()
        end = self._octets.find(b'"', begin, begin + _SHORT)
        return end + 1 if end >= 0 and self._octets.find(b"\\", begin, end) < 0 else -1

    def _go_on(self, begin: int, at: int, field: bytes, *, is_content: bool) -> int:
        """One window further in a string, or to its end. Raises `ApiError`."""
        octets = self._octets
        end = octets.find(b'"', at, at + _WINDOW)
        end = min(at + _WINDOW, len(octets)) if end < 0 else end
        if octets.find(b"\\", at, end) >= 0:
            found = _IN_STRING.match(octets, at, at + _WINDOW)
            end = found.end() if found is not None and found.end() > at else len(octets)
            self._escapes += octets.count(b"\\", at, end)
        if self._escapes > MAX_ESCAPES:
            raise _too_much()
        if end - begin > MAX_VALUE_BYTES and not is_content:
            raise invalid(_shown(field) or "body", f"has a string of more than {MAX_VALUE_BYTES} octets")
        return end

    def _nest(self, between: bytes) -> None:
        for mark in _MARK.findall(between):
            if mark in b"{[":
                self._names.append(set() if mark == b"{" else None)
            elif self._names:
                self._names.pop()

    def _named(self, name: bytes) -> bytes:
        """Note a name in its object."""
        if len(name) > MAX_NAME_BYTES:
            raise invalid("body", f"has a name of more than {MAX_NAME_BYTES} octets")
        if b"\\" in name:
            raise invalid("body", "has a name with an escape: names are written plainly")
        names = self._names[-1] if self._names else None
        if names is not None:
            if name in names:
                raise invalid(_shown(name), "stands there twice")
            names.add(name)
        return name


def _too_much() -> ApiError:
    return ApiError(Code.TOO_BIG, "So many values in JSON are not taken: send such a message as MIME.")


def _shown(name: bytes) -> str:
    return re.sub(r"[^ -~]", "?", name[:100].decode("latin-1"))
