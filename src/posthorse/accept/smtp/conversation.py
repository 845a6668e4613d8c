"""What SMTP commands mean: one command line in, replies out, and at times a turn of the session.

Promise: no relay without a caller; the order of RFC 5321 section 4.1.4 is kept; every client, however hostile, meets a
bound (errors, idle commands, recipients). Left out: where lines end, and messages (`core`).
"""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache

from posthorse.accept.refusal import NO_LOGIN, Refused
from posthorse.accept.smtp import reply
from posthorse.accept.smtp.auth import MAX_LINE_BYTES as MAX_AUTH_LINE_BYTES
from posthorse.accept.smtp.auth import MECHANISMS, Answer, AuthDialogue, Login
from posthorse.accept.smtp.command import BadCommand, MailCommand, parse_mail, parse_recipient
from posthorse.accept.smtp.terms import (
    MAX_AUTH_FAILURES,
    MAX_COMMAND_BYTES,
    MAX_ERRORS,
    MAX_IDLE_COMMANDS,
    Gate,
    Peer,
    Terms,
)
from posthorse.mail.message import Caller

_OTHER_PROTOCOLS = frozenset(b"GET POST PUT HEAD OPTIONS DELETE PATCH CONNECT TRACE PRI PROXY".split())
"""Somebody makes a browser or a load balancer speak to us. Nothing after such a word is read."""
_UNICODE_ALLOWED = frozenset((b"MAIL", b"RCPT", b"EHLO", b"HELO"))


class Turn(Enum):
    """What a command changes for the session."""

    DATA = "data"
    """A message follows."""
    START_TLS = "start_tls"
    CLOSE = "close"
    """The client said goodbye."""
    BREAK_OFF = "break_off"
    """We end it, while the client may still be sending."""


Step = Turn | Login | None


class Conversation:
    """What has been said on one connection."""

    __slots__ = (
        "_auth_failures",
        "_dialogue",
        "_errors",
        "_gate",
        "_idle_commands",
        "_peer",
        "_terms",
        "caller",
        "helo",
        "mail",
        "out",
        "recipients",
        "tls",
    )

    def __init__(self, terms: Terms, gate: Gate, peer: Peer, *, tls: bool) -> None:
        self._terms = terms
        self._gate = gate
        self._peer = peer
        self.tls = tls
        self.out: list[bytes] = [reply.greeting(terms.hostname)]
        """Replies not yet written."""
        self._errors = self._idle_commands = self._auth_failures = 0
        self.begin()

    def begin(self) -> None:
        """As on a new connection: what was said before TLS counts for nothing (RFC 3207 section 4.2)."""
        self.caller: Caller | None = self._peer.caller
        self.helo = ""
        self._dialogue: AuthDialogue | None = None
        self.forget_mail()

    def forget_mail(self) -> None:
        """No mail transaction."""
        self.mail: MailCommand | None = None
        self.recipients: list[str] = []

    def delivered(self) -> None:
        """A message was offered and answered: the client does not just talk."""
        self._idle_commands = self._errors = 0
        self.forget_mail()

    def login_refused(self, answer: bytes) -> Turn | None:
        """A wrong login, or one that could not be checked."""
        self._auth_failures += 1
        self.out.append(answer)
        return self.break_off(reply.TOO_MANY_ERRORS) if self._auth_failures >= MAX_AUTH_FAILURES else None

    def break_off(self, last_words: bytes) -> Turn:
        """Say one more thing and end."""
        self.out.append(last_words)
        return Turn.BREAK_OFF

    def obey(self, line: bytes, more_came: bool) -> Step:
        """Obey one line, without its CRLF. `more_came`: the client did not wait for the answer."""
        if self._dialogue is not None:
            if len(line) > MAX_AUTH_LINE_BYTES - 2:
                self._dialogue = None
                return self._error(reply.LINE_TOO_LONG)
            return self._proceed(self._dialogue.proceed(line))
        word, _, rest = line.partition(b" ")
        word = word.upper()
        command = _COMMANDS.get(word)
        if command is None:
            return self.break_off(reply.NOT_SMTP) if word in _OTHER_PROTOCOLS else self._error(reply.UNKNOWN)
        if len(line) > (MAX_AUTH_LINE_BYTES if word == b"AUTH" else MAX_COMMAND_BYTES) - 2:
            return self._error(reply.LINE_TOO_LONG)
        if not line.isascii() and word not in _UNICODE_ALLOWED:
            return self._error(reply.NOT_ASCII)
        if more_came and word in _LAST_IN_GROUP:
            return self.break_off(reply.AFTER_STARTTLS if word == b"STARTTLS" else reply.NOT_PIPELINED)
        return command(self, line, rest)

    def _error(self, answer: bytes) -> Step:
        self._errors += 1
        if self._errors >= MAX_ERRORS:
            return self.break_off(reply.TOO_MANY_ERRORS)
        self.out.append(answer)
        return None

    def _bad(self, bad: BadCommand) -> Step:
        if bad.refused is not None:
            self._gate.count(bad.refused, self.caller)
        return self._error(bad.answer)

    def _idle(self, answer: bytes) -> Step:
        self._idle_commands += 1
        if self._idle_commands > MAX_IDLE_COMMANDS:
            return self.break_off(reply.TOO_MANY_IDLE_COMMANDS)
        self.out.append(answer)
        return None

    def _refuse(self, refused: Refused) -> Step:
        """Policy said no: no error of the client's, but no progress either."""
        return self._idle(reply.refused(refused))

    def _ehlo(self, line: bytes, rest: bytes) -> Step:
        self.helo = rest.strip().decode("ascii", "replace")[:255]
        if not self.helo:
            return self._error(reply.SYNTAX)
        self.forget_mail()
        if line[:1] in b"Hh":
            return self._idle(reply.hello(self._terms.hostname))
        return self._idle(_extensions(self._terms, self.tls, self._may_authenticate()))

    def _may_authenticate(self) -> bool:
        return self.tls or self._peer.loopback

    def _starttls(self, _line: bytes, rest: bytes) -> Step:
        if self.tls:
            return self._error(reply.ALREADY_TLS)
        if not self._terms.starttls:
            return self._error(reply.NOT_OFFERED)
        if rest:
            return self._error(reply.NO_PARAMETERS)
        self.out.append(reply.START_TLS)
        return Turn.START_TLS

    def _auth(self, _line: bytes, rest: bytes) -> Step:
        if not self.helo:
            return self._error(reply.HELLO_FIRST)
        if not self._may_authenticate():
            return self._error(reply.TLS_REQUIRED)
        if self.caller is not None and self.caller is not self._peer.caller:
            return self._error(reply.ALREADY_AUTHENTICATED)
        if self.mail is not None:
            return self._error(reply.NOT_IN_TRANSACTION)
        self._dialogue = AuthDialogue()
        return self._proceed(self._dialogue.begin(rest))

    def _proceed(self, step: Login | Answer) -> Step:
        if isinstance(step, Login):
            self._dialogue = None
            return step
        if step.over:
            self._dialogue = None
            return self._error(step.reply)
        self.out.append(step.reply)
        return None

    def _mail_from(self, line: bytes, _rest: bytes) -> Step:
        if not self.helo:
            return self._error(reply.HELLO_FIRST)
        if self.caller is None:
            return self._error(reply.refused(self._gate.count(NO_LOGIN, None)))
        if self.mail is not None:
            return self._error(reply.NESTED_MAIL)
        try:
            mail = parse_mail(line)
        except BadCommand as bad:
            return self._bad(bad)
        refused = self._gate.sender(self.caller, mail.sender, mail.size_bytes)
        if refused is not None:
            return self._refuse(refused)
        self.mail = mail
        self.out.append(reply.SENDER_OK)
        return None

    def _rcpt_to(self, line: bytes, _rest: bytes) -> Step:
        if self.mail is None or self.caller is None:
            return self._error(reply.MAIL_FIRST)
        refused = self._gate.recipient(self.caller, len(self.recipients))
        if refused is not None:
            return self._refuse(refused)
        try:
            address = parse_recipient(line, utf8=self.mail.smtputf8)
        except BadCommand as bad:
            return self._bad(bad)
        self.recipients.append(address)
        self.out.append(reply.RECIPIENT_OK)
        return None

    def _data(self, _line: bytes, rest: bytes) -> Step:
        if self.mail is None:
            return self._error(reply.MAIL_FIRST)
        if rest:
            return self._error(reply.NO_PARAMETERS)
        if not self.recipients:
            return self._error(reply.NO_RECIPIENTS)
        self.out.append(reply.START_DATA)
        return Turn.DATA

    def _rset(self, _line: bytes, rest: bytes) -> Step:
        if rest:
            return self._error(reply.NO_PARAMETERS)
        self.forget_mail()
        return self._idle(reply.OK)

    def _noop(self, _line: bytes, _rest: bytes) -> Step:
        return self._idle(reply.OK)

    def _vrfy(self, _line: bytes, _rest: bytes) -> Step:
        return self._idle(reply.NOT_VERIFIED)

    def _help(self, _line: bytes, _rest: bytes) -> Step:
        return self._idle(reply.HELP)

    def _quit(self, _line: bytes, _rest: bytes) -> Step:
        self.out.append(reply.BYE)
        return Turn.CLOSE

    def _bdat(self, _line: bytes, _rest: bytes) -> Step:
        # Its bytes would follow unasked and be taken for commands: the only safe end is the connection's.
        return self.break_off(reply.CHUNKING_NOT_OFFERED)

    def _not_offered(self, _line: bytes, _rest: bytes) -> Step:
        return self._error(reply.NOT_OFFERED)


@lru_cache(maxsize=64)
def _extensions(terms: Terms, tls: bool, auth: bool) -> bytes:
    """The answer to EHLO. CHUNKING and DSN are left out on purpose."""
    offers = ["PIPELINING", f"SIZE {terms.max_size_bytes}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
    if terms.starttls and not tls:
        offers.append("STARTTLS")
    if auth:
        offers.append(" ".join(("AUTH", *MECHANISMS)))
    return reply.extensions(terms.hostname, tuple(offers))


_LAST_IN_GROUP = frozenset((b"EHLO", b"HELO", b"AUTH", b"STARTTLS", b"DATA"))
"""After these the client must wait for the answer (RFC 2920 section 3.1, RFC 4954 section 4, RFC 3207 section 4)."""

_COMMANDS: dict[bytes, Callable[[Conversation, bytes, bytes], Step]] = {
    b"EHLO": Conversation._ehlo,
    b"HELO": Conversation._ehlo,
    b"STARTTLS": Conversation._starttls,
    b"AUTH": Conversation._auth,
    b"MAIL": Conversation._mail_from,
    b"RCPT": Conversation._rcpt_to,
    b"DATA": Conversation._data,
    b"RSET": Conversation._rset,
    b"NOOP": Conversation._noop,
    b"VRFY": Conversation._vrfy,
    b"HELP": Conversation._help,
    b"QUIT": Conversation._quit,
    b"BDAT": Conversation._bdat,
    **dict.fromkeys((b"EXPN", b"ETRN", b"TURN", b"XCLIENT", b"XFORWARD", b"BURL"), Conversation._not_offered),
}
