"""The message after DATA: its end, its lines, its dots (RFC 5321 sections 2.3.8, 4.1.1.4, 4.5.2).

Promise: a message ends at CRLF . CRLF and nowhere else; a bare CR, bare LF or NUL is fatal, since one server's line end
must never be another's text. Work is done by operations on whole chunks, so that it is linear in the bytes however they
are cut: about a microsecond per KiB, and next to nothing at the end, however large the message. What is refused is read
to its end without being kept.

Left out: the header block (`headers`), the replies (`core`).
"""

import re
from enum import Enum
from io import BytesIO, IncrementalNewlineDecoder

from posthorse.mail.large import LARGE_BYTES, poured, vessel

MAX_LINE_BYTES = 998
"""RFC 5322 section 2.1.1, without CRLF and before dots are doubled."""

_END = b"\r\n.\r\n"
_DOT_LINE = re.compile(rb"\n\.")


class Trouble(Enum):
    """What is wrong with a message being read."""

    BARE_LINE_END = "bare_line_end"
    """Fatal: there is no telling where the message ends."""
    TOO_BIG = "too_big"
    LINE_TOO_LONG = "line_too_long"
    NO_ROOM = "no_room"
    """Given up by the server, to save memory."""


class DataReader:
    """Reads one message: feed it chunks until `complete`, or until `trouble` is a bare line end."""

    __slots__ = (
        "_begun",
        "_carry",
        "_kept",
        "_line_bytes",
        "_max_size_bytes",
        "_poured",
        "complete",
        "held_bytes",
        "read_bytes",
        "trouble",
    )

    def __init__(self, max_size_bytes: int) -> None:
        self._max_size_bytes = max_size_bytes
        self._carry = b"\r\n"
        """Bytes seen but not judged: they may begin the message's end. DATA's own CRLF counts for a leading dot."""
        self._kept: list[bytes] = []
        self._poured: BytesIO | None = None
        """A large message, already in one piece: joining it at its end would take as long as reading 10 MB."""
        self._begun = False
        self._line_bytes = 0
        """Length of the line that goes on in the next piece."""
        self.complete = False
        self.trouble: Trouble | None = None
        self.held_bytes = 0
        self.read_bytes = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk; answers the bytes after the end of the message, if it is `complete`."""
        self.read_bytes += len(chunk)
        data = self._carry + chunk
        dot = _DOT_LINE.search(data)
        end = -1 if dot is None else data.find(_END, max(dot.start() - 1, 0))
        if end >= 0:
            self.complete = True
            self._take(data[: end + 2], dot is not None and dot.start() <= end)
            return data[end + len(_END) :]
        held = _held_back(data)
        self._carry = data[len(data) - held :]
        self._take(data[: len(data) - held], dot is not None)
        return b""

    def content(self) -> bytes:
        """The message, dots undone."""
        into, self._poured = self._poured, None
        if into is not None:
            return poured(into)
        whole = self._kept[0] if len(self._kept) == 1 else b"".join(self._kept)
        self._kept.clear()
        return whole

    def give_up(self, trouble: Trouble) -> None:
        """Keep nothing more of this message; the first trouble counts."""
        self.trouble = self.trouble or trouble
        self._kept.clear()
        self._poured = None
        self.held_bytes = 0

    def _take(self, piece: bytes, dots: bool) -> None:
        """Judge and keep a piece that is cut neither within a CRLF nor after a CRLF and a dot."""
        if not strict(piece):
            self.give_up(Trouble.BARE_LINE_END)
            self.trouble = Trouble.BARE_LINE_END
        if self.trouble is not None or not piece:
            return
        if dots:
            piece = piece.replace(b"\r\n.", b"\r\n")
        if not self._begun:
            self._begun = True
            piece = piece[2:]  # DATA's own CRLF
        self.held_bytes += len(piece)
        if self.held_bytes > self._max_size_bytes:
            self.give_up(Trouble.TOO_BIG)
        elif not self._lines_fit(piece):
            self.give_up(Trouble.LINE_TOO_LONG)
        if self.trouble is None:
            self._kept.append(piece)
            if self.held_bytes > LARGE_BYTES:
                self._pour()

    def _pour(self) -> None:
        """Put the pieces together as they come."""
        if self._poured is None:
            self._poured = vessel()
        self._poured.writelines(self._kept)
        self._kept.clear()

    def _lines_fit(self, piece: bytes) -> bool:
        """Whether no line is too long, by jumping from one line end to the last one within reach."""
        size = len(piece)
        start = -self._line_bytes
        """Where the current line began, seen from this piece; negative: in an earlier one."""
        reach = MAX_LINE_BYTES + 2
        if start < 0 and size - start > reach:
            start = piece.rfind(b"\n", 0, start + reach) + 1
            if not start:
                return False
        while size - start > reach:
            newline = piece.rfind(b"\n", start, start + reach)
            if newline < 0:
                return False
            start = newline + 1
        last = piece.rfind(b"\n", max(start, 0))
        self._line_bytes = size - (start if last < 0 else last + 1)
        return True


def strict(piece: bytes) -> bool:
    """Whether `piece` holds no line end but CRLF, and no NUL."""
    if b"\0" in piece:
        return False
    # Notes which kinds of line ends it saw, in one pass in C: less than half of counting CR, LF and CRLF apart.
    newlines = IncrementalNewlineDecoder(None, translate=False)
    newlines.decode(piece.decode("latin-1"), final=True)
    return newlines.newlines in (None, "\r\n")


def _held_back(data: bytes) -> int:
    """How many bytes at the end of `data` may begin the end of the message; a CR whose LF is to come is among them."""
    for size in (4, 3, 2, 1):
        if data.endswith(_END[:size]):
            return size
    return 0
