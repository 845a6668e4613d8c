"""Parameters of MAIL and RCPT: what is offered is read, what is not is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.smtp.command import BadCommand, MailCommand, parse_mail, parse_recipient

MAIL = [
    (b"MAIL FROM:<>", MailCommand("")),
    (b"MAIL FROM:<a@b.com>", MailCommand("a@b.com")),
    (b"mail from: <a@b.com>", MailCommand("a@b.com")),
    (b"MAIL FROM:<a@b.com> SIZE=0", MailCommand("a@b.com")),
    (b"MAIL FROM:<a@b.com> SIZE=1000 BODY=8BITMIME", MailCommand("a@b.com", 1000)),
    (b"MAIL FROM:<a@b.com> body=7bit size=1000", MailCommand("a@b.com", 1000)),
    (b"MAIL FROM:<a@b.com> SIZE=99999999999999999999", MailCommand("a@b.com", 99999999999999999999)),
    (b"MAIL FROM:<a@b.com> AUTH=<>", MailCommand("a@b.com")),
    (b"MAIL FROM:<a@b.com> AUTH=e+3Dmc2@example.com ", MailCommand("a@b.com")),
    ("MAIL FROM:<é@b.com> SMTPUTF8".encode(), MailCommand("é@b.com", 0, True)),
    (b'MAIL FROM:<"a>b"@b.com>', MailCommand('"a>b"@b.com')),
]

BAD_MAIL = [
    (b"MAIL", b"501"),
    (b"MAIL FROM", b"501"),
    (b"MAIL FROM:a@b.com", b"501"),
    (b"MAIL FROM:<a@b.com", b"501"),
    (b"MAIL FROM:<a@b.com>SIZE=1", b"501"),
    (b"MAIL FROM:<a@b.com> SIZE=-1", b"501"),
    (b"MAIL FROM:<a@b.com> SIZE=1e3", b"501"),
    (b"MAIL FROM:<a@b.com> SIZE=", b"501"),
    (b"MAIL FROM:<a@b.com> SIZE=" + b"9" * 21, b"501"),
    (b"MAIL FROM:<a@b.com> SIZE=1 SIZE=2", b"501"),
    (b"MAIL FROM:<a@b.com> BODY=BINARYMIME", b"501"),
    (b"MAIL FROM:<a@b.com> SMTPUTF8=1", b"501"),
    (b"MAIL FROM:<a@b.com> AUTH=x+0D+0AY", b"501"),
    (b"MAIL FROM:<a@b.com> AUTH=", b"501"),
    (b"MAIL FROM:<a@b.com> RET=FULL", b"555"),
    (b"MAIL FROM:<a@b.com> ENVID=x+0D+0AY", b"555"),
    (b"MAIL FROM:<a@b.com> X", b"555"),
    (b"MAIL FROM:<a@b.com>,<c@d.com>", b"501"),
    (b"MAIL FROM:<a@b.com>\tSIZE=1", b"501"),
    (b"MAIL FROM:<a@b@c.com>", b"553 5.1.7"),
    ("MAIL FROM:<é@b.com>".encode(), b"553 5.1.7"),
    (b"MAIL FROM:<\xff@b.com> SMTPUTF8", b"553 5.1.7"),
]


@pytest.mark.parametrize(("line", "command"), MAIL)
def test_mail_is_read(line: bytes, command: MailCommand) -> None:
    """The short way for common lines says the same as the long one."""
    assert parse_mail(line) == command


@pytest.mark.parametrize(("line", "answer"), BAD_MAIL)
def test_mail_that_cannot_be_meant_is_refused(line: bytes, answer: bytes) -> None:
    """A command that cannot be meant is refused as a whole, never half understood."""
    with pytest.raises(BadCommand) as caught:
        parse_mail(line)
    assert caught.value.answer.startswith(answer)


RECIPIENTS = [
    (b"RCPT TO:<a@b.com>", b"a@b.com"),
    (b"rcpt to: <a@b.com> ", b"a@b.com"),
    (b'RCPT TO:<"a b"@b.com>', b'"a b"@b.com'),
    (b"RCPT TO:<>", b"553 5.1.3"),
    (b"RCPT TO:<postmaster>", b"553 5.1.3"),
    (b"RCPT TO:<a@b.com>,<c@d.com>", b"501"),
    (b"RCPT TO:<a@b.com> <c@d.com>", b"555"),
    (b"RCPT TO:<@r.com:a@b.com>", b"553 5.1.3"),
    (b"RCPT TO:<a%c@b.com>", b"553 5.1.3"),
    (b"RCPT TO:<c!a@b.com>", b"553 5.1.3"),
    (b"RCPT TO:<a@[1.2.3.4]>", b"553 5.1.3"),
    (b"RCPT TO:<a@b.com> ORCPT=rfc822;x+0D+0AY", b"555"),
    (b"RCPT TO:<a@b.com> NOTIFY=NEVER", b"555"),
    (b"RCPT TO:<" + b"a" * 65 + b"@b.com>", b"553 5.1.3"),
    (b"RCPT TO:<a@xn--a-.com>", b"553 5.1.3"),
    (b"RCPT TO:<a@b..com>", b"553 5.1.3"),
    (b"RCPT TO:<a@1.2.3.4>", b"553 5.1.3"),
]


@pytest.mark.parametrize(("line", "answer"), RECIPIENTS)
def test_recipients_are_read_or_refused(line: bytes, answer: bytes) -> None:
    """One address, no route, no options that were not offered."""
    try:
        said = parse_recipient(line, utf8=False).encode()
    except BadCommand as bad:
        said = bad.answer
    assert said.startswith(answer)


@given(st.binary(max_size=80), st.booleans())
def test_no_line_makes_it_fail(tail: bytes, utf8: bool) -> None:
    """Read or refused with one clean reply line."""
    for head, parse in ((b"MAIL FROM:<", parse_mail), (b"RCPT TO:<", lambda line: parse_recipient(line, utf8=utf8))):
        said = b"250 Ok\r\n"
        try:
            parse(head + tail)
        except BadCommand as bad:
            said = bad.answer
        assert said.endswith(b"\r\n")
        assert said[:-2].decode("ascii").isprintable()
