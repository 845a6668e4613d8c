"""One session without I/O: bytes in, bytes out, requests to the shell."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.accept.smtp.auth import Login
from posthorse.accept.smtp.core import Phase
from posthorse.accept.smtp.terms import Wish
from posthorse.mail.message import Submission
from tests.unit.accept.kit import HOSTNAME, MAIL
from tests.unit.accept.smtp.wire import RECEIPT, Wire


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
