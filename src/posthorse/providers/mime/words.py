"""Charsets and encoded words, decoded strictly: one meaning for every reader, or none.

Promise: a charset that a message names reaches a decoder only by the allow-list of `posthorse.mail.charsets`; what does
not decode without a fault, and what decodes to control characters, is `Unfit`. It takes linear time.

Sources: RFC 2047 sections 2, 5 and 6.2; RFC 2231 section 5.
"""

import binascii
import re

from posthorse.mail.charsets import codec_of, read_as
from posthorse.providers.mime.dissection import Unfit

MAX_WORDS = 200

_WORD = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([BbQq])\?([!->@-~]*)\?=")
_C1 = re.compile("[\x80-\x9f]")
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BAD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2})")


def decoded(raw: bytes, charset: str) -> str:
    """Text in a charset that the message names, or in the larger one by which readers take it. Raises `Unfit`."""
    codec = codec_of(charset)
    if codec is None:
        raise Unfit(f"the charset {shown(charset)}")
    text = _read(raw, codec)
    larger = read_as(codec)
    if larger is not None and (text is None or _C1.search(text)):
        text = _read(raw, larger)
    if text is None:
        raise Unfit(f"text that is not in its charset {shown(charset)}")
    return text


def _read(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None


def check_text(text: str) -> str:
    """The text of a body, if it has none but visible characters, tabs and line ends. Raises `Unfit`."""
    if _NOT_TEXT.search(text.replace("\r\n", "\n")):
        raise Unfit("text with control characters")
    return text


def check_line(text: str) -> str:
    """The text of a header field, if no character of it could end or hide anything. Raises `Unfit`."""
    if _NOT_LINE.search(text):
        raise Unfit("a header field with control characters")
    return text


def shown(word: str) -> str:
    """A word of the message, fit for a reason."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in word[:40])


class Words:
    """The encoded words of one message, counted."""

    __slots__ = ("_left",)

    def __init__(self, limit: int = MAX_WORDS) -> None:
        self._left = limit

    def decode(self, value: str) -> str:
        """A line of text with its encoded words decoded; white space between two of them is none. Raises `Unfit`."""
        if "=?" not in value:
            return check_line(value)
        pieces: list[str] = []
        at, after_word = 0, False
        for match in _WORD.finditer(value):
            between = value[at : match.start()]
            if not (after_word and between.isspace()):
                _check_between(between, follows_word=after_word)
                pieces.append(between)
            pieces.append(self._word(match))
            at, after_word = match.end(), True
        rest = value[at:]
        if after_word and rest and not rest[0].isspace():
            raise Unfit("an encoded word that runs into other text")
        _check_between(rest + " ", follows_word=False)
        pieces.append(rest)
        return check_line("".join(pieces))

    def _word(self, match: re.Match[str]) -> str:
        self._left -= 1
        if self._left < 0:
            raise Unfit(f"more than {MAX_WORDS} encoded words")
        return decoded(_octets(match[2], match[3].encode("ascii")), match[1])


def _check_between(text: str, *, follows_word: bool) -> None:
    """Readers differ about what looks nearly like an encoded word."""
    if "=?" in text:
        raise Unfit("a malformed encoded word")
    if text and not text[-1].isspace():
        raise Unfit("an encoded word that runs into other text")
    if follows_word and (not text or not text[0].isspace()):
        raise Unfit("an encoded word that runs into other text")


def _octets(encoding: str, text: bytes) -> bytes:
    if encoding in "Qq":
        if _BAD_QUOTED.search(text):
            raise Unfit("a malformed encoded word")
        return binascii.a2b_qp(text, header=True)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise Unfit("a malformed encoded word") from None
