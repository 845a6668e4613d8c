"""Encoded words (RFC 2047) decoded for comparing only: bounded, and never trusting a charset the message names.

Promise: linear time, never raises, answers one line of visible characters. What cannot be decoded stays as it was
written. A decoded line break becomes a space and opens no new header, since nothing is written from this.
"""

import binascii
import re

from posthorse.mail.charsets import codec_of

MAX_WORDS = 200
MAX_CHARACTERS = 1_000

_WORD = re.compile(rb"=\?([A-Za-z0-9_-]{1,40})(?:\*[A-Za-z0-9-]{0,40})?\?([BbQq])\?([^?\s]{0,998})\?=")
_BETWEEN_WORDS = re.compile(rb"(?<=\?=)\s+(?==\?)")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_LOOSE_BEGIN = re.compile(r"=\?(?=([^?]{0,80})\?([BbQq])\?)")
_LOOSE_CHARACTERS = 998
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def readable(value: bytes) -> str:
    """A raw header value (after the colon) as a person would read it, at most `MAX_CHARACTERS`."""
    unfolded = _FOLD.sub(b"", value[: 16 << 10]).strip()
    if b"=?" in unfolded:
        unfolded = _decoded(_BETWEEN_WORDS.sub(b"", unfolded))
    return _UNSEEN.sub(" ", unfolded.decode("utf-8", "replace")[:MAX_CHARACTERS])


def hides_controls(text: str) -> bool:
    """Whether some reader would find a control character (a line break above all) in an encoded word of `text`.

    Read as loosely as the loosest reader does, from every place where a word could begin: spaces and question marks
    inside, any name of a charset.
    """
    for begin in _LOOSE_BEGIN.finditer(text):
        start = begin.end(2) + 1
        end = text.find("?=", start)
        if end < 0:
            return False
        content = text[start : min(end, start + _LOOSE_CHARACTERS)]
        if _CONTROL.search(_loosely(begin[1], begin[2], content)):
            return True
    return False


def _loosely(charset: str, encoding: str, content: str) -> str:
    charset = charset.partition("*")[0].strip().lower()
    if charset in ("utf-7", "utf7"):
        return "\0"  # it spells control characters in printable ones, and nobody needs it
    octets = content.encode("utf-8", "replace")
    try:
        octets = _base64(octets) if encoding in "Bb" else binascii.a2b_qp(octets, header=True)
    except binascii.Error:
        return ""
    return octets.decode(codec_of(charset) or "latin-1", "replace")


def _decoded(value: bytes) -> bytes:
    """The value in UTF-8, with its first `MAX_WORDS` encoded words decoded."""
    return _WORD.sub(_word, value, count=MAX_WORDS)


def _word(match: re.Match[bytes]) -> bytes:
    codec = codec_of(match[1].decode("ascii"))
    if codec is None:
        return match[0]
    try:
        octets = _base64(match[3]) if match[2] in b"Bb" else binascii.a2b_qp(match[3], header=True)
    except binascii.Error:
        return match[0]
    return octets.decode(codec, "replace").encode()


def _base64(text: bytes) -> bytes:
    return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
