"""One session without I/O: bytes in, bytes out, requests to the shell."""

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.accept.refusal import OVERLOADED, TOO_MANY_RECIPIENTS, Accepted, RefusalKind, Refused
from posthorse.accept.smtp.auth import Login
from posthorse.accept.smtp.core import Phase, SmtpSession
from posthorse.accept.smtp.terms import MAX_ERRORS, MAX_IDLE_COMMANDS, Peer, Request, Terms, Wish
from posthorse.mail.ids import MessageId
from posthorse.mail.message import Caller, Submission
from posthorse.mail.stream import Stream
from tests.unit.accept.kit import ALICE, HOSTNAME, MAIL

RECEIPT = Accepted(id=MessageId(bytes(range(16))), stream=Stream.STANDARD)
TERMS = Terms(hostname=HOSTNAME, max_size_bytes=2_000, starttls=True)


class OpenGate:
    """Takes everything but what it is told to refuse."""

    def __init__(self) -> None:
        self.refuse_sender: Refused | None = None
        self.max_recipients = 1_000
        self.counted: list[RefusalKind] = []

    def sender(self, caller: Caller, sender: str, declared_size_bytes: int) -> Refused | None:
        """Told."""
        return self.refuse_sender

    def recipient(self, caller: Caller, already: int) -> Refused | None:
        """Counted."""
        return TOO_MANY_RECIPIENTS if already >= self.max_recipients else None

    def count(self, refused: Refused, caller: Caller | None) -> Refused:
        """Noted."""
        self.counted.append(refused.kind)
        return refused


class Wire:
    """A session with its client's habits."""

    def __init__(self, *, caller: Caller | None = ALICE, loopback: bool = False, tls: bool = False) -> None:
        self.gate = OpenGate()
        self.session = SmtpSession(
            TERMS, self.gate, Peer(address="192.0.2.7", loopback=loopback, caller=caller), tls=tls
        )
        self.greeting = self.session.take_output()
        self.request: Request | None = None

    def say(self, data: bytes) -> bytes:
        """Send bytes; the output."""
        self.request = self.session.receive(data)
        return self.session.take_output()

    def line(self, text: bytes) -> bytes:
        """Send a line; the output."""
        return self.say(text + b"\r\n")

    def ready(self) -> "Wire":
        """EHLO, MAIL, RCPT, DATA."""
        self.line(b"EHLO app.example.com")
        self.line(b"MAIL FROM:<shop@example.com>")
        self.line(b"RCPT TO:<ada@example.net>")
        assert self.line(b"DATA").startswith(b"354")
        return self


def test_a_message_from_greeting_to_goodbye() -> None:
    """Replies with enhanced codes, one submission, the receipt as SES words it."""
    wire = Wire()
    assert wire.greeting == f"220 {HOSTNAME} ESMTP Posthorse\r\n".encode()
    assert wire.line(b"EHLO app.example.com").startswith(b"250-" + HOSTNAME.encode())
    assert wire.line(b"MAIL FROM:<shop@example.com> SIZE=20") == b"250 2.1.0 Ok\r\n"
    assert wire.line(b"RCPT TO:<ada@example.net>") == b"250 2.1.5 Ok\r\n"
    assert wire.line(b"DATA") == b"354 End data with <CR><LF>.<CR><LF>\r\n"
    assert wire.say(MAIL + b".\r\n") == b""
    assert isinstance(wire.request, Submission)
    assert wire.request.content == MAIL
    assert wire.request.recipients == ("ada@example.net",)
    assert wire.request.helo == "app.example.com"
    wire.request = wire.session.answer(RECEIPT)
    assert wire.session.take_output() == b"250 2.0.0 Ok 000102030405060708090a0b0c0d0e0f\r\n"
    assert wire.line(b"QUIT") == b"221 2.0.0 Bye\r\n"
    assert wire.request is Wish.CLOSE


def offers(wire: Wire) -> set[bytes]:
    """What EHLO answers, the host's name left out."""
    return {line[4:] for line in wire.line(b"EHLO x").splitlines()[1:]}


PLAIN = {b"PIPELINING", b"SIZE 2000", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES"}


def test_what_is_offered_depends_on_tls_and_peer() -> None:
    """AUTH only where it cannot be overheard; STARTTLS until TLS; never CHUNKING."""
    assert offers(Wire()) == PLAIN | {b"STARTTLS"}
    assert offers(Wire(loopback=True)) == PLAIN | {b"STARTTLS", b"AUTH PLAIN LOGIN"}
    assert offers(Wire(tls=True)) == PLAIN | {b"AUTH PLAIN LOGIN"}


def test_a_pipelined_group_is_answered_in_one_piece() -> None:
    """MAIL, RCPT, RCPT, DATA at once, in RFC 2920's order of replies."""
    wire = Wire()
    wire.line(b"EHLO x")
    out = wire.say(b"MAIL FROM:<a@b.com>\r\nRCPT TO:<c@d.com>\r\nRCPT TO:<bad>\r\nDATA\r\n")
    assert [reply[:3] for reply in out.splitlines()] == [b"250", b"250", b"553", b"354"]


def test_commands_after_the_message_wait_for_its_answer() -> None:
    """The next message's envelope may come with the last one's dot; nothing of it is obeyed before the receipt."""
    wire = Wire().ready()
    assert wire.say(MAIL + b".\r\nMAIL FROM:<x@example.com>\r\nNOOP\r\n") == b""
    assert wire.session.unread_bytes == 33
    assert wire.say(b"QUIT\r\n") == b""
    assert wire.session.answer(RECEIPT) is Wish.CLOSE
    assert [line[:3] for line in wire.session.take_output().splitlines()] == [b"250", b"250", b"250", b"221"]


NEEDS_ORDER = [
    ([b"MAIL FROM:<a@b.com>"], b"503"),
    ([b"EHLO x", b"RCPT TO:<a@b.com>"], b"503"),
    ([b"EHLO x", b"DATA"], b"503"),
    ([b"EHLO x", b"MAIL FROM:<a@b.com>", b"MAIL FROM:<a@b.com>"], b"503"),
    ([b"EHLO x", b"MAIL FROM:<a@b.com>", b"DATA"], b"554"),
    ([b"EHLO x", b"MAIL FROM:<a@b.com>", b"RSET", b"RCPT TO:<a@b.com>"], b"503"),
    ([b"EHLO x", b"MAIL FROM:<a@b.com>", b"EHLO y", b"RCPT TO:<a@b.com>"], b"503"),
    ([b"EHLO"], b"501"),
    ([b"HELO x"], b"250 mx.posthorse.example"),
    ([b"EHLO x", b"DATA now"], b"503"),
    ([b"RSET now"], b"501"),
    ([b"NOOP anything"], b"250"),
    ([b"VRFY ada"], b"252"),
    ([b"HELP"], b"214"),
    ([b"EXPN list"], b"502"),
    ([b"ETRN x"], b"502"),
    ([b"XCLIENT ADDR=127.0.0.1"], b"502"),
    ([b"XFORWARD NAME=x"], b"502"),
    ([b"FOO"], b"500"),
    ([b""], b"500"),
    ([b"NOOP \xc3\xa9"], b"500"),
    ([b"NOOP " + b"x" * 3_000], b"500"),
    ([b"EHLO x", b"AUTH PLAIN =="], b"538"),
]


@pytest.mark.parametrize(("lines", "code"), NEEDS_ORDER, ids=lambda value: str(value)[:60])
def test_commands_have_their_order_and_replies(lines: list[bytes], code: bytes) -> None:
    """The last line's reply; the session goes on."""
    wire = Wire()
    out = [wire.line(line) for line in lines][-1]
    assert out.startswith(code)
    assert wire.request is None
    assert wire.line(b"NOOP").startswith(b"250")


def test_nobody_relays_without_being_somebody() -> None:
    """MAIL needs a caller: a login or a trusted source."""
    wire = Wire(caller=None)
    wire.line(b"EHLO x")
    assert wire.line(b"MAIL FROM:<a@b.com>").startswith(b"530 5.7.0 Authentication required")
    assert wire.line(b"RCPT TO:<a@b.com>").startswith(b"503")


BREAKS_OFF = [
    b"GET / HTTP/1.1\r\nHost: x\r\nMAIL FROM:<a@b.com>\r\n",
    b"POST / HTTP/1.1\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nEHLO x\r\n",
    b"\r\n\r\n\0\r\nQUIT\n",
    b"\x16\x03\x01\x02\0\x01",
    b"BDAT 10 LAST\r\n0123456789",
    b"EHLO x\nNOOP\r\n",
    b"EHLO x\n",
    b"EHLO x\rNOOP\r\n",
    b"EHLO\0x\r\n",
    b"x" * 13_000,
    b"EHLO x\r\nMAIL FROM:<a@b.com>\r\n",
    b"STARTTLS\r\nNOOP\r\n",
    b"STARTTLS\r\nN",
]


@pytest.mark.parametrize("data", BREAKS_OFF, ids=range(len(BREAKS_OFF)))
def test_what_cannot_be_resynchronised_is_broken_off(data: bytes) -> None:
    """One reply at most for the offence, and nothing after it is obeyed."""
    wire = Wire()
    out = wire.say(data)
    assert wire.request is Wish.BREAK_OFF
    assert wire.session.phase is Phase.CLOSED
    assert out.splitlines()[-1][:1] == b"5"
    assert wire.line(b"NOOP") == b""


def test_bare_line_ends_in_a_message_are_broken_off() -> None:
    """No submission, no second command."""
    wire = Wire().ready()
    assert wire.say(b"Subject: x\r\n\r\nhello\n.\r\nMAIL FROM:<evil@example.com>\r\n").startswith(b"550 5.5.2")
    assert wire.request is Wish.BREAK_OFF


def test_a_message_sent_before_354_is_not_one() -> None:
    """Data pipelined with DATA is refused, since a refused RCPT would turn it into commands."""
    wire = Wire()
    wire.line(b"EHLO x")
    out = wire.say(b"MAIL FROM:<a@b.com>\r\nRCPT TO:<c@d.com>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n")
    assert out.splitlines()[-1].startswith(b"503 5.5.1 Wait")
    assert wire.request is Wish.BREAK_OFF


def test_refused_data_lets_the_session_go_on() -> None:
    """Too big and too long a line: read to the end, refused, and the next command is obeyed."""
    wire = Wire().ready()
    assert wire.say(b"x\r\n" * 700 + b".\r\nNOOP\r\n").splitlines()[0].startswith(b"552 5.3.4 Message is too long")
    assert wire.line(b"RCPT TO:<a@b.com>").startswith(b"503")
    wire = Wire().ready()
    assert wire.say(b"x" * 999 + b"\r\n.\r\n").startswith(b"554 5.6.0")
    wire = Wire().ready()
    wire.say(b"x\r\n")
    assert wire.session.held_bytes > 0
    wire.session.give_up_data()
    assert wire.session.held_bytes == 0
    assert wire.say(b".\r\n").startswith(b"451 4.3.2")


def test_a_refused_verdict_is_answered_in_its_words() -> None:
    """And the transaction is over."""
    wire = Wire().ready()
    wire.say(MAIL + b".\r\n")
    wire.session.answer(OVERLOADED)
    assert wire.session.take_output() == f"451 4.3.2 {OVERLOADED.text}\r\n".encode()
    assert wire.line(b"DATA").startswith(b"503")


def test_admissions_early_no_is_passed_on() -> None:
    """At MAIL and at the thousand and first RCPT."""
    wire = Wire()
    wire.gate.refuse_sender = OVERLOADED
    wire.line(b"EHLO x")
    assert wire.line(b"MAIL FROM:<a@b.com>").startswith(b"451 4.3.2")
    wire.gate.refuse_sender = None
    wire.line(b"MAIL FROM:<a@b.com>")
    out = wire.say(b"".join(b"RCPT TO:<u%d@d.com>\r\n" % number for number in range(1_001)))
    assert out.splitlines()[-1].startswith(b"452 4.5.3")
    assert wire.line(b"DATA").startswith(b"354")


def test_errors_and_idle_commands_are_bounded() -> None:
    """A client that only talks is sent away."""
    wire = Wire()
    out = wire.say(b"FOO\r\n" * 100)
    assert out.splitlines()[-1].startswith(b"421 4.7.0")
    assert out.count(b"\r\n") == MAX_ERRORS
    wire = Wire()
    out = wire.say(b"NOOP\r\n" * 10_000)
    assert out.splitlines()[-1].startswith(b"421 4.7.0")
    assert out.count(b"\r\n") == MAX_IDLE_COMMANDS + 1


def test_a_message_wipes_the_slate() -> None:
    """A kept connection may go on for ever, as long as mail comes."""
    wire = Wire()
    for _ in range(3):
        wire.ready()
        wire.say(MAIL + b".\r\n")
        wire.session.answer(RECEIPT)
        wire.session.take_output()
        assert wire.say(b"FOO\r\n" * (MAX_ERRORS - 1)).count(b"\r\n") == MAX_ERRORS - 1


def plain(user: bytes, password: bytes, acting_for: bytes = b"") -> bytes:
    """The base64 of a PLAIN response."""
    return b64encode(acting_for + b"\0" + user + b"\0" + password)


def auth() -> Wire:
    """A session in which AUTH may be used."""
    wire = Wire(caller=None, tls=True)
    wire.line(b"EHLO x")
    return wire


def test_the_three_ways_to_log_in() -> None:
    """PLAIN with and without an initial response, and LOGIN with and without one."""
    wanted = Login(user="ada", password="pä")
    wire = auth()
    assert wire.line(b"AUTH PLAIN " + plain(b"ada", "pä".encode())) == b""
    assert wire.request == wanted
    wire = auth()
    assert wire.line(b"auth plain") == b"334 \r\n"
    assert wire.line(plain(b"ada", "pä".encode(), b"ada")) == b""
    assert wire.request == wanted
    wire = auth()
    assert wire.line(b"AUTH LOGIN") == b"334 VXNlcm5hbWU6\r\n"
    assert wire.line(b64encode(b"ada")) == b"334 UGFzc3dvcmQ6\r\n"
    wire.line(b64encode("pä".encode()))
    assert wire.request == wanted
    wire = auth()
    assert wire.line(b"AUTH LOGIN " + b64encode(b"ada")) == b"334 UGFzc3dvcmQ6\r\n"
    wire.line(b64encode("pä".encode()))
    assert wire.request == wanted
    assert "pä" not in repr(wire.request)


def test_a_login_counts_until_starttls_or_the_end() -> None:
    """Then MAIL is allowed, a second login is not."""
    wire = auth()
    wire.line(b"AUTH PLAIN " + plain(b"ada", b"p"))
    assert wire.session.authenticated(ALICE) is None
    assert wire.session.take_output() == b"235 2.7.0 Authentication successful\r\n"
    assert wire.line(b"AUTH PLAIN").startswith(b"503")
    assert wire.line(b"EHLO again").startswith(b"250")
    assert wire.line(b"MAIL FROM:<a@b.com>").startswith(b"250")
    assert wire.line(b"AUTH PLAIN").startswith(b"503")


def test_the_third_wrong_login_ends_the_session() -> None:
    """In SES's words, then 421."""
    wire = auth()
    out = b""
    for number in (1, 2, 3):
        wire.line(b"AUTH PLAIN " + plain(b"ada", b"wrong"))
        request = wire.session.not_authenticated()
        out = wire.session.take_output()
        assert out.startswith(b"535 5.7.8 Authentication Credentials Invalid\r\n")
        assert (request is Wish.BREAK_OFF) == (number == 3)
    assert out.endswith(b"421 4.7.0 Too many errors\r\n")


BAD_AUTH = [
    ([b"AUTH"], b"504"),
    ([b"AUTH EXTERNAL ="], b"504"),
    ([b"AUTH NTLM " + b"A" * 9_000], b"504"),
    ([b"AUTH CRAM-MD5"], b"504"),
    ([b"AUTH PLAIN !!!!"], b"501"),
    ([b"AUTH PLAIN ="], b"535"),
    ([b"AUTH PLAIN " + b64encode(b"no nuls")], b"535"),
    ([b"AUTH PLAIN " + b64encode(b"\0\0\0\0\0")], b"535"),
    ([b"AUTH PLAIN " + b64encode(b"other\0ada\0p")], b"535"),
    ([b"AUTH PLAIN " + b64encode(b"\0ada\0")], b"535"),
    ([b"AUTH PLAIN " + b64encode(b"\0\xff\0p")], b"535"),
    ([b"AUTH PLAIN", b"*"], b"501 5.7.0"),
    ([b"AUTH LOGIN", b"*"], b"501 5.7.0"),
    ([b"AUTH LOGIN", b"\xff\xfe"], b"501"),
    ([b"AUTH LOGIN", b64encode(b"a\0b"), b64encode(b"p")], b"535"),
    ([b"AUTH LOGIN", b64encode(b"\xff")], b"535"),
    ([b"AUTH LOGIN", b64encode(b"ada"), b""], b"535"),
    ([b"AUTH PLAIN " + b"A" * 12_000 + b"!"], b"501"),
]


@pytest.mark.parametrize(("lines", "code"), BAD_AUTH, ids=lambda value: str(value)[:50])
def test_odd_logins_end_the_exchange_and_nothing_else(lines: list[bytes], code: bytes) -> None:
    """Whatever is sent, the next line is a command again."""
    wire = auth()
    out = [wire.line(line) for line in lines][-1]
    assert out.startswith(code)
    assert wire.request is None
    assert wire.line(b"NOOP").startswith(b"250")


def test_an_endless_response_is_broken_off() -> None:
    """A MiB of base64 is not kept."""
    wire = auth()
    wire.line(b"AUTH LOGIN")
    assert wire.say(b"QUFB" * (1 << 18)).startswith(b"500 5.5.2 Line too long")
    assert wire.request is Wish.BREAK_OFF


def test_auth_needs_ehlo_first_and_no_pipelining() -> None:
    """RFC 4954 section 4."""
    wire = Wire(caller=None, tls=True)
    assert wire.line(b"AUTH PLAIN").startswith(b"503")
    wire.line(b"EHLO x")
    wire.say(b"AUTH PLAIN " + plain(b"ada", b"p") + b"\r\nMAIL FROM:<a@b.com>\r\n")
    assert wire.request is Wish.BREAK_OFF


def test_nothing_outlives_starttls() -> None:
    """EHLO, login and envelope are forgotten; TLS is not started twice."""
    wire = Wire(caller=None, loopback=True)
    wire.line(b"EHLO x")
    wire.line(b"AUTH PLAIN " + plain(b"ada", b"p"))
    wire.session.authenticated(ALICE)
    wire.line(b"MAIL FROM:<a@b.com>")
    assert wire.line(b"STARTTLS").endswith(b"220 2.0.0 Ready to start TLS\r\n")
    assert wire.request is Wish.START_TLS
    assert wire.session.tls_started() is None
    assert wire.line(b"RCPT TO:<a@b.com>").startswith(b"503")
    assert wire.line(b"MAIL FROM:<a@b.com>").startswith(b"503 5.5.1 EHLO first")
    wire.line(b"EHLO x")
    assert wire.line(b"MAIL FROM:<a@b.com>").startswith(b"530")
    assert wire.line(b"STARTTLS").startswith(b"503")
    assert wire.session.phase is Phase.COMMANDS


def test_starttls_not_configured_is_not_offered() -> None:
    """Without a certificate STARTTLS is neither offered nor obeyed."""
    session = SmtpSession(Terms(hostname=HOSTNAME, max_size_bytes=1), OpenGate(), Peer(address="192.0.2.7"))
    session.receive(b"EHLO x\r\nSTART")
    session = SmtpSession(Terms(hostname=HOSTNAME, max_size_bytes=1), OpenGate(), Peer(address="192.0.2.7"))
    session.receive(b"STARTTLS\r\n")
    assert session.take_output().endswith(b"502 5.5.1 Command not offered\r\n")


def test_a_stopping_server_ends_idle_sessions_at_once_and_busy_ones_after_their_message() -> None:
    """421 and nothing lost."""
    wire = Wire()
    assert wire.session.stop() is Wish.CLOSE
    assert wire.session.take_output().startswith(b"421 4.3.2")
    wire = Wire().ready()
    assert wire.session.stop() is None
    wire.say(MAIL + b".\r\n")
    assert isinstance(wire.request, Submission)
    assert wire.session.answer(RECEIPT) is Wish.CLOSE
    assert [line[:3] for line in wire.session.take_output().splitlines()] == [b"250", b"421"]


SCRIPT = b"EHLO x\r\n|MAIL FROM:<a@b.com>\r\nRCPT TO:<c@d.com>\r\nDATA\r\n|a\r\n..b\r\n.\r\n"


@given(st.lists(st.integers(min_value=1, max_value=9), max_size=40))
def test_how_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    """A client that waits where it must is understood in any chunks."""
    wire = Wire()
    out = b""
    for part in SCRIPT.split(b"|"):
        at = 0
        for cut in [*cuts, 10_000]:
            if part[at : at + cut]:
                out += wire.say(part[at : at + cut])
            at += cut
    assert isinstance(wire.request, Submission)
    assert wire.request.content == b"a\r\n.b\r\n"
    assert out.endswith(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n")


words = st.sampled_from([b"EHLO x", b"MAIL FROM:<a@b.com>", b"RCPT TO:<c@d.com>", b"DATA", b".", b"RSET", b"AUTH PLAIN",
                         b"AUTH LOGIN", b"STARTTLS", b"QUIT", b"\r\n", b"\n", b"\r", b"\0", b" ", b"x: y"])  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.one_of(words, st.just(b"\r\n"), st.binary(max_size=12)), max_size=40))
def test_no_bytes_break_a_session(pieces: list[bytes]) -> None:
    """Replies are lines, requests are answered, the end is final."""
    wire = Wire(loopback=True)
    for piece in pieces:
        out = wire.say(piece)
        while wire.request is not None:
            match wire.request:
                case Submission():
                    wire.request = wire.session.answer(RECEIPT)
                case Login():
                    wire.request = wire.session.not_authenticated()
                case Wish.START_TLS:
                    wire.request = wire.session.tls_started()
                case Wish.CLOSE | Wish.BREAK_OFF:
                    assert wire.session.phase is Phase.CLOSED
                    return
            out += wire.session.take_output()
        assert out == b"" or out.endswith(b"\r\n")
        assert all(line[:3].isdigit() for line in out.splitlines())


def test_what_the_protocol_refuses_by_itself_is_counted() -> None:
    """Every refused message has its kind in the measures, whoever refused it."""
    wire = Wire(caller=None)
    wire.say(b"EHLO x\r\n")
    wire.line(b"MAIL FROM:<a@b.com>")
    assert wire.gate.counted == [RefusalKind.NO_LOGIN]
    wire = Wire()
    wire.line(b"EHLO x")
    wire.line(b"MAIL FROM:<a@@b.com>")
    wire.line(b"MAIL FROM:<a@b.com> X=y")
    wire.line(b"MAIL FROM:<a@b.com>")
    wire.line(b"RCPT TO:<a%b@c.com>")
    wire.line(b"RCPT TO:<c@d.com>")
    wire.line(b"DATA")
    wire.say(b"x" * 999 + b"\r\n.\r\n")
    wire.ready()
    wire.say(b"x\r\n" * 700 + b".\r\n")
    wire.ready()
    wire.say(b"x\ny")
    kinds = [RefusalKind.SENDER_ADDRESS, RefusalKind.RECIPIENT_ADDRESS, RefusalKind.MALFORMED, RefusalKind.TOO_BIG]
    assert wire.gate.counted == [*kinds, RefusalKind.MALFORMED]
