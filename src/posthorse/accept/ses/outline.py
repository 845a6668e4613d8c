"""The outline of a JSON document, measured before it is decoded: how many strings, how much between and inside them.

Promise: linear, slice by slice, and it stops at the first bound that does not hold. What it lets through is decoded
within the time that any large request takes: blobs and plain text are long and quick to read, but a thousand times as
many small things, or text that is spelt in escapes, would hold everybody up; where they stand in the document, under
which name and whether twice, does not matter.

Left out: whether it is JSON; what it says.
"""

import asyncio
from typing import Final

from posthorse.accept.ses.errors import Kind, SesError
from posthorse.mail.large import SLICE_BYTES

MAX_STRINGS: Final = 24_000
"""Names and values together: more than a thousand attachments with all their fields have."""
MAX_BETWEEN_BYTES: Final = 512 << 10
"""Outside of strings: brackets, commas, numbers, white space."""
MAX_SPELT_BYTES: Final = 12 << 20
"""In strings that hold escapes or letters beyond ASCII, which base64 never does."""
MAX_SLASHES: Final = 2_000_000
"""Escaped: twice as many as the largest blob has."""

_BACKSLASH = 0x5C


class _Outline:
    """What was measured so far."""

    __slots__ = ("_between_bytes", "_carried", "_in_string", "_quotes", "_slashes", "_spelt_bytes")

    def __init__(self) -> None:
        self._between_bytes = self._spelt_bytes = self._slashes = self._quotes = 0
        self._in_string = False
        self._carried = b""
        """A backslash whose other half is in the next slice."""

    def add(self, piece: bytes) -> None:
        """Measure one more slice. Raises `SesError`."""
        if self._carried or b"\\" in piece:
            self._slashes += piece.count(b"\\/")
            # pairs first, from the left, as they are read; then no quote that is left is escaped
            piece = (self._carried + piece).replace(b"\\/", b"//").replace(b"\\\\", b"\0\0").replace(b'\\"', b"\0\0")
            cut = len(piece) - (piece[-1] == _BACKSLASH)
            piece, self._carried = piece[:cut], piece[cut:]
        self._quotes += piece.count(b'"')
        if self._quotes > 2 * MAX_STRINGS:
            raise SesError(Kind.INVALID, "The request has more parts than any message may have.")
        for part in piece.split(b'"'):
            self._part(part)
            self._in_string = not self._in_string
        self._in_string = not self._in_string
        if self._between_bytes > MAX_BETWEEN_BYTES:
            raise SesError(
                Kind.UNREADABLE, "There is more between the strings of the request than any message may have."
            )
        if self._slashes > MAX_SLASHES:
            raise SesError(Kind.UNREADABLE, "A blob is not valid base64.")
        if self._spelt_bytes > MAX_SPELT_BYTES:
            raise SesError(Kind.INVALID, f"Text and HTML have at most {MAX_SPELT_BYTES} bytes as JSON.")

    def _part(self, part: bytes) -> None:
        if not self._in_string:
            self._between_bytes += len(part)
        elif b"\0" in part or b"\\" in part or not part.isascii():
            self._spelt_bytes += len(part)


async def check_outline(document: bytes) -> None:
    """Give way to others after each slice. Raises `SesError`."""
    outline = _Outline()
    for at in range(0, len(document), SLICE_BYTES):
        outline.add(document[at : at + SLICE_BYTES])
        await asyncio.sleep(0)
