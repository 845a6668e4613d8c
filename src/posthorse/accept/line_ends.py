"""Line ends of a message that came in one piece: bare LF, which most libraries write, becomes CRLF.

Promise: what is answered has CRLF line ends only, the last line's too, and no line that a server may refuse, so that
nobody after us sees the end of a message where another sees text. A bare CR and NUL are refused, since they would have
to be guessed at. Linear, some microseconds for 10 KB; a large message is worked on in turns.

Left out: messages that come as SMTP's DATA (`posthorse.accept.smtp.data`), where a bare LF is fatal.
"""

import asyncio

from posthorse.accept.smtp.data import MAX_LINE_BYTES, strict
from posthorse.mail.large import poured, slices, vessel


class BadLines(ValueError):
    """Not a message we take. The text is for the client."""


def strict_lines(content: bytes) -> bytes:
    """The message with strict line ends. Raises `BadLines`."""
    straight = _straight(content)
    if _open_line(straight, 0) > MAX_LINE_BYTES:
        raise _too_long()
    return straight if straight.endswith(b"\r\n") else straight + b"\r\n"


async def strict_lines_in_turns(content: bytes) -> bytes:
    """The same, giving way to others after every slice."""
    message, carried, line_bytes = vessel(), b"", 0
    for piece in slices(content):
        piece = carried + piece
        carried = b"\r" if piece.endswith(b"\r") else b""
        straight = _straight(piece[: len(piece) - len(carried)])
        line_bytes = _open_line(straight, line_bytes)
        message.write(straight)
        await asyncio.sleep(0)
    _straight(carried)
    if line_bytes > MAX_LINE_BYTES:
        raise _too_long()
    if line_bytes or not content:
        message.write(b"\r\n")
    return poured(message)


def _straight(piece: bytes) -> bytes:
    if strict(piece):
        return piece
    if b"\0" in piece:
        raise BadLines("The message holds a NUL.")
    bare = piece.replace(b"\r\n", b"\n")
    if b"\r" in bare:
        raise BadLines("The message holds a CR that is not followed by LF.")
    return bare.replace(b"\n", b"\r\n")


def _open_line(piece: bytes, before: int) -> int:
    """How long the line is that goes on after `piece`, when it was `before` bytes long in front of it. Jumps from one
    line end to the last one within reach. Raises `BadLines` for a line that is too long.
    """
    reach, size, start = MAX_LINE_BYTES + 2, len(piece), 0
    if before and before + size > reach:
        start = piece.rfind(b"\n", 0, max(reach - before, 0)) + 1
        if not start:
            raise _too_long()
        before = 0
    while size - start > reach:
        start = piece.rfind(b"\n", start, start + reach) + 1
        if not start:
            raise _too_long()
    last = piece.rfind(b"\n", start)
    return size - last - 1 if last >= 0 else before + size - start


def _too_long() -> BadLines:
    return BadLines(f"A line of the message has more than {MAX_LINE_BYTES} octets.")
