"""What a simulated SMTP provider demands of a client's words and content, pure.

Duty: its terms, the reading of MAIL and RCPT, the dot-unstuffing of content and what is wrong with it (RFC 5321, RFC
6152, RFC 6531), and the AUTH dialogue (RFC 4954). Left out: when each applies (`posthorse.lab.smtp_provider`).
"""

import base64
import binascii
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

PATH = re.compile(rb'(?:MAIL FROM|RCPT TO): ?<((?:[^<>"\s]|"(?:[^"\\]|\\.)*")*)>(.*)', re.IGNORECASE | re.DOTALL)
"""MAIL and RCPT: the address without its brackets, and the parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpTerms:
    """What a simulated SMTP provider offers and demands."""

    username: str = ""
    """With a password: MAIL only after AUTH. Empty: AUTH is neither offered nor needed."""
    password: str = ""
    tls: ssl.SSLContext | None = None
    """With it STARTTLS is offered; None: it is not."""
    demands_tls: bool = False
    """AUTH and MAIL only after STARTTLS."""
    size_limit: int = 40 << 20
    """Bytes; announced and enforced."""
    eight_bit: bool = True
    smtputf8: bool = True
    max_recipients: int = 100


@dataclass(slots=True, kw_only=True)
class SmtpMail:
    """The transaction under way."""

    sender: str
    may_be_eight_bit: bool
    recipients: list[str] = field(default_factory=list)
    at_dot: str = ""
    """A scripted reply for the final dot."""


def extensions(terms: SmtpTerms, *, in_tls: bool) -> list[str]:
    """The lines of the EHLO reply after the name."""
    lines = ["PIPELINING", f"SIZE {terms.size_limit}", "ENHANCEDSTATUSCODES"]
    lines += ["8BITMIME"] * terms.eight_bit + ["SMTPUTF8"] * terms.smtputf8
    lines += ["STARTTLS"] * (terms.tls is not None and not in_tls)
    lines += ["AUTH PLAIN LOGIN"] * bool(terms.username and (in_tls or not terms.demands_tls))
    return lines


def open_mail(line: bytes, terms: SmtpTerms) -> SmtpMail | str:
    """The transaction that a MAIL command opens, or the reply that refuses it."""
    found = PATH.fullmatch(line)
    if found is None:
        return "501 5.5.4 Syntax: MAIL FROM:<address>"
    may_be_eight_bit = False
    for parameter in found[2].upper().split():
        if (parameter == b"BODY=8BITMIME" and terms.eight_bit) or (parameter == b"SMTPUTF8" and terms.smtputf8):
            may_be_eight_bit = True
        elif parameter.startswith(b"SIZE=") and parameter[5:].isdigit():
            if int(parameter[5:]) > terms.size_limit:
                return "552 5.3.4 Message too big"
        elif parameter != b"BODY=7BIT" and not parameter.startswith(b"AUTH="):
            return "555 5.5.4 Unsupported parameter"
    return SmtpMail(sender=found[1].decode("utf-8", "replace"), may_be_eight_bit=may_be_eight_bit)


def unstuffed(content: bytes) -> bytes:
    """Content without the dots a client put before dots (RFC 5321 section 4.5.2)."""
    if b"\r\n.." in content or content.startswith(b".."):
        return (b"\r\n" + content).replace(b"\r\n..", b"\r\n.")[2:]
    return content


def objection(mail: SmtpMail, content: bytes, terms: SmtpTerms) -> str:
    """What a strict server finds wrong with the content; empty: nothing."""
    if len(content) > terms.size_limit:
        return "552 5.3.4 Message too big"
    lines = content.count(b"\r\n")
    if lines != content.count(b"\n") or lines != content.count(b"\r"):
        return "554 5.6.0 Bare CR or LF"
    if not mail.may_be_eight_bit and not content.isascii():
        return "554 5.6.1 Eight-bit content without BODY=8BITMIME"
    return ""


class AuthDialogue:
    """AUTH PLAIN and LOGIN of one connection. `refusal`: a reply that stands in for the verdict, if one is due."""

    __slots__ = ("_password", "_refusal", "_then", "_user", "_username", "passed")

    def __init__(self, terms: SmtpTerms, refusal: Callable[[], str | None]) -> None:
        self._username, self._password = terms.username.encode(), terms.password.encode()
        self._refusal = refusal
        self._then: Callable[[bytes], str] | None = None
        self._user = b""
        self.passed = False

    @property
    def is_waiting(self) -> bool:
        """The next line is an answer to a challenge, not a command."""
        return self._then is not None

    def begin(self, line: bytes) -> str:
        """The reply to an AUTH command."""
        words = line.split()
        mechanism = words[1].upper() if len(words) > 1 else b""
        initial = words[2] if len(words) > 2 else None
        if mechanism == b"PLAIN":
            return self._ask(b"", self._plain, initial)
        if mechanism == b"LOGIN":
            return self._ask(b"Username:", self._login_user, initial)
        return "504 5.5.4 Unrecognized authentication type"

    def go_on(self, line: bytes) -> str:
        """The reply to the answer of a challenge."""
        then, self._then = self._then, None
        assert then is not None
        return then(line)

    def _ask(self, question: bytes, then: Callable[[bytes], str], given: bytes | None = None) -> str:
        if given is not None:
            return then(given)
        self._then = then
        return f"334 {base64.b64encode(question).decode()}"

    def _plain(self, line: bytes) -> str:
        parts = _decoded(line).split(b"\0")
        return self._verdict(parts[1], parts[2]) if len(parts) == 3 else self._verdict(b"", b"")

    def _login_user(self, line: bytes) -> str:
        self._user = _decoded(line)
        return self._ask(b"Password:", lambda answer: self._verdict(self._user, _decoded(answer)))

    def _verdict(self, username: bytes, password: bytes) -> str:
        if refusal := self._refusal():
            return refusal
        self.passed = (username, password) == (self._username, self._password)
        return "235 2.7.0 Authentication successful" if self.passed else "535 5.7.8 Authentication credentials invalid"


def _decoded(line: bytes) -> bytes:
    """Base64 decoded; what is not base64 becomes a name nobody has."""
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        return b"\xff"
