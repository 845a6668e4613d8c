"""One session without I/O: logging in, and what STARTTLS makes forgotten."""

from base64 import b64encode

import pytest

from posthorse.accept.smtp.auth import Login
from posthorse.accept.smtp.core import Phase, SmtpSession
from posthorse.accept.smtp.terms import Peer, Terms, Wish
from tests.unit.accept.kit import ALICE, HOSTNAME
from tests.unit.accept.smtp.wire import OpenGate, Wire


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
