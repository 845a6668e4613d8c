"""One session without I/O: what is refused, what is broken off, and what is bounded."""

import pytest

from posthorse.accept.refusal import OVERLOADED, RefusalKind
from posthorse.accept.smtp.core import Phase
from posthorse.accept.smtp.terms import MAX_ERRORS, MAX_IDLE_COMMANDS, Wish
from tests.unit.accept.kit import MAIL
from tests.unit.accept.smtp.wire import RECEIPT, Wire

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
