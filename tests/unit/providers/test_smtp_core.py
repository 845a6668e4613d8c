"""The client side of SMTP without I/O: replies, features, commands."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.outcome import Reply
from posthorse.providers.smtp_core import (
    BrokenReply,
    Features,
    ReplyParser,
    features_of,
    is_safe_address,
    mail_command,
)

DIALOGUE = b"".join(
    line + b"\r\n"
    for line in (
        b"220 mail.example ESMTP",
        b"250-mail.example",
        b"250-SIZE 1000",
        b"250 PIPELINING",
        b"250 2.1.0 Ok",
        b"550 5.1.1 No",
        b"354 ",
        b"250",
    )
)
REPLIES = [
    Reply(code=220, text="mail.example ESMTP"),
    Reply(code=250, text="mail.example\nSIZE 1000\nPIPELINING"),
    Reply(code=250, enhanced="2.1.0", text="Ok"),
    Reply(code=550, enhanced="5.1.1", text="No"),
    Reply(code=354),
    Reply(code=250),
]


@given(cuts=st.lists(st.integers(0, len(DIALOGUE)), max_size=12))
def test_replies_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    """A reply may come in any number of pieces, and several in one."""
    parser = ReplyParser()
    edges = [0, *sorted(cuts), len(DIALOGUE)]
    got = [reply for start, end in pairwise(edges) for reply in parser.feed(DIALOGUE[start:end])]
    assert got == REPLIES
    assert not parser.amid_reply


@given(st.binary(max_size=200))
def test_any_bytes_are_replies_or_broken(data: bytes) -> None:
    """Whatever comes, the parser gives replies or says that there are none; it never fails otherwise."""
    with suppress(BrokenReply):
        assert all(200 <= reply.code < 600 for reply in ReplyParser().feed(data))


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"550 5.1.1 x", Reply(code=550, enhanced="5.1.1", text="x")),
        (b"250 2.0.0", Reply(code=250, enhanced="2.0.0")),
        (b"550 2.0.0 x", Reply(code=550, text="2.0.0 x")),
        (b"451 5.1.1 x", Reply(code=451, text="5.1.1 x")),
        (b"250 2.0.0x", Reply(code=250, text="2.0.0x")),
        (b"250 2.1234.0 x", Reply(code=250, text="2.1234.0 x")),
        (b"250\t2.0.0 x", None),
        (b"25 x", None),
        (b"2500 x", None),
        (b"199 x", None),
        (b"600 x", None),
        (b" 250 x", None),
        (b"+25 x", None),
    ],
)
def test_one_line(line: bytes, reply: Reply | None) -> None:
    """The enhanced code is taken off the text if its class agrees with the code; other shapes are no replies."""
    parser = ReplyParser()
    if reply is None:
        with pytest.raises(BrokenReply):
            parser.feed(line + b"\r\n")
    else:
        assert parser.feed(line + b"\r\n") == [reply]


@pytest.mark.parametrize(
    ("lines", "features"),
    [
        ("mail.example", Features()),
        ("mail.example\nPIPELINING\n8BITMIME\nSMTPUTF8", Features(pipelining=True, eight_bit=True, smtputf8=True)),
        ("x\npipelining\nsize 35882577", Features(pipelining=True, size=True, max_size_bytes=35_882_577)),
        ("x\nSIZE", Features(size=True)),
        ("x\nSIZE -1", Features(size=True)),
        ("x\nSIZE \u00b2", Features(size=True)),
        ("x\nSIZE 99999999999999999999999", Features(size=True)),
        ("x\nSTARTTLS\nAUTH PLAIN LOGIN", Features(starttls=True, auth=frozenset({"PLAIN", "LOGIN"}))),
        ("x\nAUTH=PLAIN\nAUTH LOGIN", Features(auth=frozenset({"PLAIN", "LOGIN"}))),
        ("PIPELINING", Features()),
        ("x\n\n  \nDSN", Features()),
    ],
)
def test_features_are_read_from_ehlo(lines: str, features: Features) -> None:
    """The first line is a name, never a feature; letters may be small; bad numbers are no limit."""
    assert features_of(Reply(code=250, text=lines)) == features


@given(st.text(max_size=30))
def test_a_safe_address_makes_one_command(address: str) -> None:
    """Whatever address is called safe, the command around it is one line that ends where it should."""
    if is_safe_address(address):
        command = mail_command(address, 1, Features(size=True)).encode()
        assert command.count(b"\r") == command.count(b"\n") == 1
        assert command.endswith(b"> SIZE=1\r\n")
