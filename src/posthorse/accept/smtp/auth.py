"""AUTH PLAIN and AUTH LOGIN (RFC 4954, RFC 4616): the dialogue that yields a user name and a password.

Promise: whatever is sent, the dialogue ends after at most two challenges; nothing of it is logged or repeated. Left
out: whether AUTH may be used now (`core`) and whether the password is right (`credentials`).
"""

import binascii
from base64 import b64decode
from dataclasses import dataclass, field

from posthorse.accept.smtp import reply

MECHANISMS = ("PLAIN", "LOGIN")
MAX_LINE_BYTES = 12_288
"""RFC 4954 section 4: longest line of an exchange, CRLF included."""

_USERNAME = b"VXNlcm5hbWU6"
_PASSWORD = b"UGFzc3dvcmQ6"
"""The prompts `Username:` and `Password:`, as every client of LOGIN expects them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a client says it is. `password` never appears in a repr."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The next reply of the dialogue. `over`: it is the last one, and nobody logged in."""

    reply: bytes
    over: bool = False


class AuthDialogue:
    """One exchange, from the AUTH command on."""

    __slots__ = ("_mechanism", "_user")

    def __init__(self) -> None:
        self._mechanism = b""
        self._user: str | None = None

    def begin(self, parameters: bytes) -> Login | Answer:
        """The part of the command line after `AUTH `."""
        self._mechanism, _, initial = parameters.strip(b" ").partition(b" ")
        self._mechanism = self._mechanism.upper()
        if self._mechanism not in (b"PLAIN", b"LOGIN"):
            return Answer(reply.UNKNOWN_MECHANISM, over=True)
        if initial:
            return self.proceed(b"" if initial == b"=" else initial)
        return Answer(reply.challenge(b"" if self._mechanism == b"PLAIN" else _USERNAME))

    def proceed(self, line: bytes) -> Login | Answer:
        """The client's next line."""
        if line == b"*":
            return Answer(reply.AUTH_CANCELLED, over=True)
        try:
            octets = b64decode(line, validate=True)
        except binascii.Error:
            return Answer(reply.AUTH_NOT_BASE64, over=True)
        return self._plain(octets) if self._mechanism == b"PLAIN" else self._login(octets)

    def _plain(self, octets: bytes) -> Login | Answer:
        parts = octets.split(b"\0")
        if len(parts) != 3:
            return Answer(reply.AUTH_INVALID, over=True)
        acting_for, user, password = parts
        if acting_for not in (b"", user):
            return Answer(reply.AUTH_INVALID, over=True)
        return _login(user, password)

    def _login(self, octets: bytes) -> Login | Answer:
        if self._user is None:
            try:
                self._user = octets.decode("utf-8")
            except UnicodeDecodeError:
                return Answer(reply.AUTH_INVALID, over=True)
            return Answer(reply.challenge(_PASSWORD))
        return _login(self._user.encode(), octets)


def _login(user: bytes, password: bytes) -> Login | Answer:
    if not user or not password or b"\0" in user + password:
        return Answer(reply.AUTH_INVALID, over=True)
    try:
        return Login(user=user.decode("utf-8"), password=password.decode("utf-8"))
    except UnicodeDecodeError:
        return Answer(reply.AUTH_INVALID, over=True)
