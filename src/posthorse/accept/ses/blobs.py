"""Blobs: base64 inside requests, decoded once, slice by slice where it is long.

Promise: strict: what is not base64 as a whole is refused, nothing of it is passed over, save line breaks and spaces in
forms, which some clients leave in. What is escaped in JSON is understood: some clients escape `/`, `+` or `=`. A slice
takes a millisecond, ten if every letter of it is escaped.
"""

import asyncio
import binascii
import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import msgspec

from posthorse.accept.ses.errors import Kind, SesError
from posthorse.mail.large import poured, vessel

_JSON_SLICE_BYTES = 96 << 10
_TEXT_SLICE_BYTES = 48 << 10
"""Of a form: each escape of it takes as long as forty plain bytes."""
_BLANKS = b"\r\n\t "
_ESCAPE = re.compile(rb"\\u00([0-7][0-9A-Fa-f])")
_LETTERS = tuple(bytes([code]) for code in range(128))
_USUAL_IN_JSON = tuple((rb"\u00" + code, bytes([int(code, 16)])) for code in (b"2b", b"2B", b"2f", b"2F", b"3d", b"3D"))


def _not_base64() -> SesError:
    return SesError(Kind.UNREADABLE, "A blob is not valid base64.")


async def json_blob(raw: msgspec.Raw) -> bytes:
    """The content of a JSON string in base64, as it stands in the request, quotes included. Raises `SesError`."""
    text = memoryview(raw)
    if len(text) < 2 or text[0] != ord('"'):
        raise SesError(Kind.UNREADABLE, "A blob must be a string in base64.")
    return await _decoded(text[1:-1], _unescaped_json, b"\\", 6, _JSON_SLICE_BYTES)


async def form_blob(value: bytes) -> bytes:
    """The content of a form value in base64, still escaped. Raises `SesError`."""
    return await _decoded(memoryview(value), _unescaped, b"%", 3, _TEXT_SLICE_BYTES)


async def form_text(value: bytes) -> str:
    """The text of a form value, still escaped. Raises `SesError`."""
    if len(value) <= _TEXT_SLICE_BYTES:
        octets = unquote_to_bytes(value.replace(b"+", b" "))
    else:
        into, at = vessel(), 0
        while at < len(value):
            piece = value[at : at + _TEXT_SLICE_BYTES]
            at += len(piece)
            cut = piece.rfind(b"%", len(piece) - 2) if at < len(value) else -1
            if cut >= 0:
                at -= len(piece) - cut
                piece = piece[:cut]
            into.write(unquote_to_bytes(piece.replace(b"+", b" ")))
            await asyncio.sleep(0)
        octets = poured(into)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise SesError(Kind.UNREADABLE, "A parameter is not UTF-8.") from None


def _unescaped_json(piece: bytes) -> bytes:
    """An escaped backslash leaves a backslash, which is no base64."""
    if b"\\" in piece:
        piece = piece.replace(b"\\/", b"/")
        if b"\\" in piece:
            for escaped, plain in _USUAL_IN_JSON:
                piece = piece.replace(escaped, plain)
            piece = _ESCAPE.sub(lambda found: _LETTERS[int(found[1], 16)], piece)
    return piece


def _unescaped(piece: bytes) -> bytes:
    if b"%" in piece:
        for escaped, plain in _USUAL:
            piece = piece.replace(escaped, plain)
        if b"%" in piece:
            piece = unquote_to_bytes(piece)
    return piece.translate(None, _BLANKS)


_USUAL = ((b"%2B", b"+"), (b"%2F", b"/"), (b"%3D", b"="), (b"%2b", b"+"), (b"%2f", b"/"), (b"%3d", b"="), (b"%0A", b""))
"""What base64 in a form is escaped as; other escapes are rare and slower."""


async def _decoded(
    text: memoryview, plain: Callable[[bytes], bytes], mark: bytes, escape_bytes: int, slice_bytes: int
) -> bytes:
    """`mark` begins an escape of `escape_bytes`, which is never cut apart."""
    if len(text) <= slice_bytes:
        return _strict(plain(bytes(text)))
    into, carried, at = vessel(), b"", 0
    while at < len(text):
        piece = bytes(text[at : at + slice_bytes])
        at += len(piece)
        cut = piece.rfind(mark, len(piece) - escape_bytes + 1) if at < len(text) else -1
        if cut >= 0:
            at -= len(piece) - cut
            piece = piece[:cut]
        piece = carried + plain(piece)
        whole = len(piece) // 4 * 4 if at < len(text) else len(piece)
        carried = piece[whole:]
        if b"=" in piece[:whole] and (carried or at < len(text)) and plain(bytes(text[at : at + 64])).strip(b"="):
            raise _not_base64()
        into.write(_strict(piece[:whole]))
        await asyncio.sleep(0)
    return poured(into)


def _strict(piece: bytes) -> bytes:
    try:
        return binascii.a2b_base64(piece, strict_mode=True) if piece else b""
    except binascii.Error:
        raise _not_base64() from None
