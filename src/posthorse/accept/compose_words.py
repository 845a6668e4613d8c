"""Words of header fields: written so that every server takes them and every reader gets the same back.

Promise: every line is ASCII (save an address whose local part is not), ends in CRLF and has at most 998 octets, most of
them at most 76; nothing given becomes a line end of its own. The same text always gives the same octets.

In: text without control characters. Left out: which fields there are (`compose`).
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from posthorse.accept.mailboxes import Mailbox

LINE = 76
"""Characters of a line as RFC 2047 section 2 wants it where there are encoded words."""
MAX_LINE = 998
"""RFC 5322 section 2.1.1, without CRLF."""

_WORD = 75
"""RFC 2047 section 2: longest encoded word."""
_LEAST_ROOM = 24
"""An encoded word that would have less room than this begins on the next line."""
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SPECIAL = re.compile(r'(["\\])')
_PLAIN_Q = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
"""RFC 2047 section 5 (3): what stands for itself even within a phrase."""
_Q = [chr(octet) if octet in _PLAIN_Q else "_" if octet == 0x20 else f"={octet:02X}" for octet in range(256)]
_ATTRIBUTE_MARKS = "!#$&+-.^_`{}~"
_SEGMENT = 60


class TooLong(Exception):
    """There is a word that no line can hold."""


def unstructured(name: str, value: str) -> bytes:
    """A field of free text (RFC 5322 section 2.2.1). Raises `TooLong`."""
    value = value.replace("\t", " ").strip(" ")
    if not value.isascii():
        return _lines(name, [" " + word for word in encoded_words(value, LINE - len(name) - 2)])
    if len(name) + 2 + len(value) <= LINE:
        return f"{name}: {value}".rstrip(" ").encode("ascii") + b"\r\n"
    return _lines(name, re.findall(r" *[^ ]+", " " + value))


def address_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """A field with one mailbox or more (RFC 5322 section 3.4)."""
    if len(mailboxes) == 1:
        line = _short(name, mailboxes[0])
        if line:
            return line
    pieces: list[str] = []
    for number, mailbox in enumerate(mailboxes, 1):
        words = _phrase(mailbox.name, LINE - len(name) - 2)
        comma = "," if number < len(mailboxes) else ""
        pieces += (" " + word for word in words)
        pieces.append(f" <{mailbox.address}>{comma}" if words else f" {mailbox.address}{comma}")
    return _lines(name, pieces)


def parameter(name: str, value: str) -> list[str]:
    """A parameter of a MIME field: each text to be set after a semicolon (RFC 2045 section 5.1, RFC 2231)."""
    if value.isascii() and len(value) <= MAX_LINE // 3:
        return [f'{name}="{_escaped(value)}"']
    coded = "utf-8''" + quote(value, safe=_ATTRIBUTE_MARKS)
    if len(coded) <= _SEGMENT:
        return [f"{name}*={coded}"]
    return [f"{name}*{number}*={part}" for number, part in enumerate(_segments(coded))]


def _short(name: str, mailbox: Mailbox) -> bytes:
    """The field of one plain mailbox that fits on a line; empty: it does not."""
    if mailbox.name and not _PHRASE.fullmatch(mailbox.name):
        return b""
    line = f"{name}: {mailbox.name} <{mailbox.address}>" if mailbox.name else f"{name}: {mailbox.address}"
    return f"{line}\r\n".encode() if len(line) <= LINE else b""


def mime_field(name: str, value: str, parameters: Iterable[str]) -> bytes:
    """A field with parameters, each on a line of its own if they do not fit on one."""
    parts = [value, *parameters]
    line = f"{name}: {'; '.join(parts)}"
    if len(line) > LINE:
        line = f"{name}: " + ";\r\n ".join(parts)
    return f"{line}\r\n".encode("ascii")


def encoded_words(text: str, first_room: int) -> list[str]:
    """Text as encoded words in UTF-8 (RFC 2047), no character cut in two; the shorter encoding is taken.

    `first_room`: characters that the first word may have.
    """
    octets = text.encode()
    as_q = sum(len(_Q[octet]) for octet in octets) <= (len(octets) + 2) // 3 * 4
    prefix = "=?utf-8?q?" if as_q else "=?utf-8?b?"
    room = (first_room if first_room >= _LEAST_ROOM else _WORD) - len(prefix) - 2
    words: list[str] = []
    for chunk in _chunks(text, min(room, _WORD - len(prefix) - 2), _WORD - len(prefix) - 2, as_q=as_q):
        inside = "".join(_Q[octet] for octet in chunk) if as_q else b64encode(chunk).decode("ascii")
        words.append(f"{prefix}{inside}?=")
    return words


def _chunks(text: str, first: int, then: int, *, as_q: bool) -> Iterator[bytes]:
    """UTF-8 pieces whose encoding has at most `first`, afterwards `then`, characters."""
    room, chunk, used = first, bytearray(), 0
    for character in text:
        octets = character.encode()
        cost = sum(len(_Q[octet]) for octet in octets) if as_q else len(octets)
        limit = room if as_q else room // 4 * 3
        if used + cost > limit and chunk:
            yield bytes(chunk)
            room, chunk, used = then, bytearray(), 0
        chunk += octets
        used += cost
    if chunk:
        yield bytes(chunk)


def _phrase(name: str, room: int) -> list[str]:
    """A display name (RFC 5322 section 3.2.5)."""
    if not name:
        return []
    if not name.isascii():
        return encoded_words(name, room)
    if _PHRASE.fullmatch(name):
        return name.split(" ")
    quoted = f'"{_escaped(name)}"'
    return [quoted] if len(quoted) <= MAX_LINE // 2 else encoded_words(name, room)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _segments(coded: str) -> Iterator[str]:
    """Pieces of percent-encoded text, no escape cut in two."""
    at = 0
    while at < len(coded):
        end = at + _SEGMENT
        escape = coded.rfind("%", max(end - 2, at), end)
        end = escape if escape > at and end < len(coded) else end
        yield coded[at:end]
        at = end


def _lines(name: str, pieces: Iterable[str]) -> bytes:
    """A field of pieces that each begin with the space at which a line may be broken."""
    lines: list[str] = []
    line, begun = f"{name}:", False
    for piece in pieces:
        if len(line) + len(piece) > (LINE if begun else MAX_LINE):
            lines.append(line)
            line = piece
        else:
            line += piece
        begun = True
    lines.append(line)
    field = "\r\n".join(lines) + "\r\n"
    if any(len(each.encode()) > MAX_LINE for each in lines):
        raise TooLong
    return field.encode()
