"""Whom the header of a raw message names: everybody, or an error; nobody by half."""

import asyncio

import pytest

from posthorse.accept.mailboxes import Mailbox
from posthorse.accept.raw_mail import BadMail, Named, named


def read(content: bytes) -> Named:
    """Whom this message names."""
    return asyncio.run(named(content))


def test_author_and_recipients_are_read_from_the_header_only() -> None:
    """Folded lists, groups, any case of names, in the order of the fields; the body names nobody."""
    found = read(
        b'From: Shop <shop@example.com>\r\nTO: a@b.example,\r\n "C, c" <c@d.example>\r\nBcc: g: x@y.example;\r\n'
        b"X-To: evil@x.example\r\nResent-To: evil@x.example\r\ncc:\r\n\r\nTo: evil@x.example\r\n"
    )
    assert found.author == Mailbox(address="shop@example.com", name="Shop")
    assert [one.address for one in found.recipients] == ["a@b.example", "c@d.example", "x@y.example"]


@pytest.mark.parametrize(
    ("head", "author"),
    [
        (b"From: a@b.example, c@d.example\r\nSender: c@d.example\r\n", "c@d.example"),
        (b"From: a@b.example, c@d.example\r\n", None),
        (b"Subject: x\r\n", None),
        (b"From: a@b.example\r\nSender: c@d.example\r\n", "a@b.example"),
    ],
)
def test_several_authors_need_a_sender(head: bytes, author: str | None) -> None:
    """RFC 5322 section 3.6.2."""
    found = read(head + b"\r\n").author
    assert (found.address if found else None) == author


@pytest.mark.parametrize(
    "head",
    [
        b"To: a@b.example)c@d.example\r\n",
        b"To: " + b"(" * 3_000 + b"\r\n",
        b"To: " + b"a@b.example," * 5_000 + b"\r\n",
        b"Bcc: \xff@b.example\r\n",
        b"From: a@b@c.example\r\n",
        b"To: a@b.example evil@x.example\r\n",
    ],
)
def test_a_list_that_could_be_read_in_two_ways_is_refused(head: bytes) -> None:
    """Whole, not up to the place where it breaks."""
    with pytest.raises(BadMail):
        read(head + b"\r\n")


def test_a_long_list_is_read_to_its_end() -> None:
    """In turns, and the same: everybody in order, and an error in the last one is an error."""
    people = [f"u{number}@b\u00fccher.example" for number in range(600)]
    head = ("From: a@b.example\r\nBcc: " + ",\r\n ".join(people)).encode()
    found = read(head + b"\r\n\r\n")
    assert [one.address for one in found.recipients] == [f"u{n}@xn--bcher-kva.example" for n in range(600)]
    with pytest.raises(BadMail, match="Bcc"):
        read(head + b", nobody\r\n\r\n")
