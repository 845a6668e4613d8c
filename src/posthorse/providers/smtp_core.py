"""The client side of SMTP without I/O: replies read from bytes, commands made into bytes.

Promise: a reply is complete or it is `BrokenReply`; a server can make us hold no more than a few lines. No command
carries a second one: addresses with line ends are refused before anything is sent.

Left out: the content (`content`); HELO without EHLO, CHUNKING, DSN.
"""

import base64
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from posthorse.mail.outcome import Reply

LONGEST_LINE_BYTES = 4_096
"""RFC 5321 section 4.5.3.1.5 allows 512; servers in the wild exceed it."""
MOST_LINES = 128
"""Lines of one reply; the longest EHLO answers have some thirty."""

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_PLAIN = re.compile(r"[\x00-\x20<>\x7f\ud800-\udfff]")


class BrokenReply(Exception):
    """The bytes are no SMTP reply."""


class ReplyParser:
    """Cuts what a server sends into replies (RFC 5321 section 4.2.1)."""

    __slots__ = ("_lines", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[Reply] = []

    @property
    def amid_reply(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes. Raises `BrokenReply`, after which nothing can be trusted any more."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST_LINE_BYTES:
            raise BrokenReply("a reply line without an end")
        replies = []
        for line in lines:
            ends, reply = _read_line(line)
            if not ends or self._lines:
                self._lines.append(reply)
                if ends:
                    replies.append(self._joined())
                elif len(self._lines) > MOST_LINES:
                    raise BrokenReply("a reply of more than 128 lines")
            else:
                replies.append(reply)
        return replies

    def _joined(self) -> Reply:
        lines, self._lines = self._lines, []
        first = lines[0]
        if any(line.code != first.code for line in lines):
            raise BrokenReply(f"a reply with the codes {sorted({line.code for line in lines})}")
        return replace(first, text="\n".join(line.text for line in lines))


@lru_cache(maxsize=512)  # a server says the same few lines all day
def _read_line(line: bytes) -> tuple[bool, Reply]:
    """(whether the line ends its reply, the reply if it were alone). Raises `BrokenReply`."""
    line = line.removesuffix(b"\r")
    digits, mark = line[:3], line[3:4]
    if len(digits) != 3 or not digits.isdigit() or not b"200" <= digits < b"600" or mark not in (b" ", b"-", b""):
        raise BrokenReply("not a reply: " + readable(line[:80]))
    if len(line) > LONGEST_LINE_BYTES:
        raise BrokenReply("a reply line of more than 4096 bytes")
    return mark != b"-", reply_of(int(digits), readable(line[4:]))


def reply_of(code: int, text: str) -> Reply:
    """A reply with its enhanced code cut off the text; one whose class contradicts the basic code is not believed."""
    found = _ENHANCED.match(text)
    if found is None or int(text[0]) != code // 100:
        return Reply(code=code, text=text)
    return Reply(code=code, enhanced=found[1], text=text[found.end() :])


def readable(raw: bytes) -> str:
    """Text that is safe in a log or a terminal: control bytes and broken UTF-8 become `?`."""
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a server offers in its answer to EHLO (RFC 5321 section 4.1.1.1)."""

    pipelining: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    starttls: bool = False
    size: bool = False
    max_size_bytes: int = 0
    """0: no limit known (RFC 1870)."""
    auth: frozenset[str] = frozenset()


def features_of(ehlo: Reply) -> Features:
    """The features listed in a positive answer to EHLO; unknown ones and bad parameters are passed over."""
    offered: dict[str, list[str]] = {}
    for line in ehlo.text.split("\n")[1:]:
        words = line.replace("AUTH=", "AUTH ").split()  # the form of 1990s servers, still offered beside the right one
        if words:
            offered.setdefault(words[0].upper(), []).extend(words[1:])
    size = offered.get("SIZE", [])
    return Features(
        pipelining="PIPELINING" in offered,
        eight_bit="8BITMIME" in offered,
        smtputf8="SMTPUTF8" in offered,
        starttls="STARTTLS" in offered,
        size="SIZE" in offered,
        max_size_bytes=int(size[0]) if size and size[0].isascii() and size[0].isdigit() and len(size[0]) < 19 else 0,
        auth=frozenset(word.upper() for word in offered.get("AUTH", [])),
    )


def is_safe_address(address: str) -> bool:
    """Whether an address can stand between angle brackets in a command without being anything else there."""
    if _NOT_PLAIN.search(address) is None:
        return True
    return address.startswith('"') and _UNSAFE.search(address) is None


def mail_command(
    sender: str, size_bytes: int, features: Features, *, eight_bit: bool = False, smtputf8: bool = False
) -> str:
    """MAIL FROM with the parameters the server offers (RFC 1870, RFC 6152, RFC 6531)."""
    command = f"MAIL FROM:<{sender}>"
    if features.size:
        command += f" SIZE={size_bytes}"
    if features.eight_bit and (eight_bit or smtputf8):
        command += " BODY=8BITMIME"
    if smtputf8:
        command += " SMTPUTF8"
    return command + "\r\n"


def plain_response(username: str, password: str) -> bytes:
    """The message of SASL PLAIN (RFC 4616) in base64."""
    return base64.b64encode(f"\0{username}\0{password}".encode())
