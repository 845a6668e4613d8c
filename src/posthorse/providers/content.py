"""The content of a message as SMTP carries it: whether it is safe to give to anybody, its dots doubled, its end.

Promise: content with a bare CR, a bare LF or a NUL is found before anything is sent, so that nothing that goes out has
an early end of data (RFC 5321 section 2.3.8). Large content is worked on slice by slice, with turns for others.

Left out: the other forms of content (`ses`).
"""

import asyncio
from collections.abc import Iterator
from io import IncrementalNewlineDecoder

from posthorse.mail.large import LARGE_BYTES, slices

_STRICT = (None, "\r\n")
"""The kinds of line ends that may have been seen."""


def is_safe(content: bytes) -> bool:
    """Whether every line ends with CRLF, no CR or LF stands alone, and no NUL hides anything."""
    # The decoder of text files notes which line ends it saw, in one pass of C: three times as fast as counting them.
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(content.decode("latin-1"), final=True)
    return seen.newlines in _STRICT and b"\0" not in content


async def is_safe_in_turns(content: bytes) -> bool:
    """The same; gives way to others where the content is large."""
    if len(content) <= LARGE_BYTES:
        return is_safe(content)
    seen = IncrementalNewlineDecoder(None, translate=False)
    for piece in slices(content):
        seen.decode(piece.decode("latin-1"))
        if seen.newlines not in _STRICT or b"\0" in piece:
            return False
        await asyncio.sleep(0)
    seen.decode("", final=True)
    return seen.newlines in _STRICT


def stuffed(content: bytes) -> bytes:
    """The content with a dot before every line that begins with one (RFC 5321 section 4.5.2)."""
    if content.rfind(b"\r\n.") >= 0:  # from the end it takes half the time, for a CR is rarer than a dot
        content = content.replace(b"\r\n.", b"\r\n..")
    return b"." + content if content.startswith(b".") else content


def stuffed_slices(content: bytes) -> Iterator[bytes]:
    """The same in pieces."""
    before = b"\r\n"
    for piece in slices(content):
        yield (before + piece).replace(b"\r\n.", b"\r\n..")[2:]
        before = piece[-2:]


def end_of_data(content: bytes) -> bytes:
    """The bytes that end this content: without them a server may not take it."""
    return b".\r\n" if content.endswith(b"\r\n") or not content else b"\r\n.\r\n"
