"""The *relaxed* form of header fields and body, over which a DKIM signature is made (RFC 6376 section 3.4).

Promise: linear time whatever the content; a large body is digested in turns. Content has CRLF line ends only (providers
refuse any other before they send). Left out: which fields are signed, and with what (`signature`).
"""

import asyncio
from collections.abc import Iterable, Iterator
from hashlib import sha256

from posthorse.mail.large import LARGE_BYTES, slices

_EDGE = b" \r\n"
_BLANK_LINES = 1 << 16
"""So many blank lines are digested at once."""


def relaxed_field(field: bytes) -> bytes:
    """One header field, folds included and without its last CRLF, in relaxed form (section 3.4.2)."""
    name, _, value = field.partition(b":")
    return name.rstrip(b" \t").lower() + b":" + _single(value.replace(b"\r\n", b"")).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """A body in relaxed form (section 3.4.4); empty if there is nothing but blank lines."""
    content = _single(body).replace(b" \r\n", b"\r\n").rstrip(_EDGE)
    return content + b"\r\n" if content else b""


async def body_digest(body: bytes, start: int) -> bytes:
    """SHA-256 of the relaxed form of what follows `start`; gives way to others where the body is large."""
    if len(body) - start <= LARGE_BYTES:
        return sha256(relaxed_body(body[start:])).digest()
    digest = sha256()
    for piece in relaxed_pieces(slices(body, start)):
        digest.update(piece)
        await asyncio.sleep(0)
    return digest.digest()


def relaxed_pieces(raw: Iterable[bytes]) -> Iterator[bytes]:
    """The relaxed form of a body that comes in pieces. What may still turn out to be the end of a line, or of the body,
    is held back: as a number of line ends, and a space or CR that the next piece goes on from.
    """
    ends, rest, anything = 0, b"", False
    for more in raw:
        piece = _single(rest + more).replace(b" \r\n", b"\r\n")
        content = piece.rstrip(_EDGE)
        tail = piece[len(content) :]
        if content:
            yield from _line_ends(ends)
            yield content
            ends, anything = 0, True
        ends += tail.count(b"\r\n")
        rest = tail[tail.rfind(b"\n") + 1 :]
    if anything:
        yield b"\r\n"


def _line_ends(number: int) -> Iterator[bytes]:
    for at in range(0, number, _BLANK_LINES):
        yield b"\r\n" * min(_BLANK_LINES, number - at)


def _single(text: bytes) -> bytes:
    """Every run of spaces and tabs as one space. The passes are as many as the longest run has binary digits."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text
