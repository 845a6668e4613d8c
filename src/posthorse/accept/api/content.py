"""Content inside JSON: texts and base64, decoded apart from the request around them.

Promise: what is large is decoded in turns, or is bounded, so that nobody else waits; base64 is read as strictly as it
can be, and also as PHP and .NET write it in JSON. What is wrong is refused with the field it stands in.
"""

import asyncio
import binascii
from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Raw, UnsetType

from posthorse.accept.api.problems import invalid
from posthorse.accept.compose import Body
from posthorse.mail.large import LARGE_BYTES, poured, vessel

MAX_TEXT_BYTES = 8 << 20
"""Of a body as JSON. A longer one is decoded in no turns, and is mail for nobody."""
_TEXT = msgspec.json.Decoder(str | None)
_SLICE = 256 << 10
"""Characters of base64 decoded in one turn."""
_ESCAPES = ((rb"\/", b"/"), (rb"\u002B", b"+"), (rb"\u002b", b"+"), (rb"\r", b""), (rb"\n", b""))
"""How some libraries write base64 in JSON."""


def body_of(where: str, raw: Raw | UnsetType) -> Body | None:
    """A body. Raises `ApiError`."""
    if raw is UNSET:
        return None
    if memoryview(raw).nbytes > MAX_TEXT_BYTES:
        raise invalid(where, "has more than 8 MiB; send such a message as MIME")
    try:
        content = _TEXT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid(where, "is a string of Unicode characters, or null") from None
    return None if content is None else Body(content=content)


async def octets_of(where: str, raw: Raw) -> bytes:
    """The octets of a JSON string of base64, in turns if it is large. Raises `ApiError`."""
    text = memoryview(raw)
    if text[:1].tobytes() != b'"':
        raise invalid(where, "is a string of base64")
    try:
        if len(text) <= LARGE_BYTES:
            return _strict(_unescaped(bytes(text[1:-1])))
        octets = vessel()
        for piece in _quartets(text):
            octets.write(piece)
            await asyncio.sleep(0)
        return poured(octets)
    except binascii.Error:
        raise invalid(where, "is no base64") from None


def _quartets(text: memoryview) -> Iterator[bytes]:
    """The octets of a long JSON string, piece by piece. Raises binascii.Error."""
    carried, end, padded = b"", len(text) - 1, False
    for at in range(1, end, _SLICE):
        piece = carried + bytes(text[at : min(at + _SLICE, end)])
        last = at + _SLICE >= end
        cut = len(piece) if last else _before_escape(piece)
        piece, escape = _unescaped(piece[:cut]), piece[cut:]
        whole = len(piece) if last else len(piece) // 4 * 4
        if padded and piece:
            raise binascii.Error
        padded = b"=" in piece[:whole]
        yield _strict(piece[:whole])
        carried = piece[whole:] + escape


def _strict(quartets: bytes) -> bytes:
    """RFC 4648 section 3: padded to whole quartets, and no more than that. Raises binascii.Error."""
    if len(quartets) % 4 or quartets.endswith(b"==="):
        raise binascii.Error
    return binascii.a2b_base64(quartets, strict_mode=True)


def _before_escape(piece: bytes) -> int:
    """Where a piece must be cut so that no escape of JSON (six characters at most) is."""
    begun = piece.find(b"\\", len(piece) - 5)
    return begun if begun >= 0 else len(piece)


def _unescaped(text: bytes) -> bytes:
    if b"\\" in text:
        for escape, character in _ESCAPES:
            text = text.replace(escape, character)
    return text
