"""Mailboxes as clients write them: read in one way only, in linear time, or refused."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.address import BadAddress
from posthorse.accept.mailboxes import Mailbox, read_mailbox, read_mailboxes
from tests.effort import least_s

CORPUS = Path(__file__).parent.parent.parent / "corpus" / "api" / "mailboxes.json"
HOSTILE = json.loads(CORPUS.read_text())

TAKEN = [
    ("ada@example.net", "ada@example.net", ""),
    (" <ada@example.net> ", "ada@example.net", ""),
    ("Ada <ada@example.net>", "ada@example.net", "Ada"),
    ("Ada King Lovelace<ada@example.net>", "ada@example.net", "Ada King Lovelace"),
    ('"Lovelace, Ada" <ada@example.net>', "ada@example.net", "Lovelace, Ada"),
    ('"a \\"b\\" c" <ada@example.net>', "ada@example.net", 'a "b" c'),
    ("J. R. R. Tolkien <jrr@example.net>", "jrr@example.net", "J. R. R. Tolkien"),
    ("[Shop] Support <s@example.net>", "s@example.net", "[Shop] Support"),
    ("Zoë Müller <zoe@example.net>", "zoe@example.net", "Zoë Müller"),
    ("ada@example.net (Ada)", "ada@example.net", ""),
    ("Ada (who (else)) <ada@example.net>", "ada@example.net", "Ada"),
    ("=?utf-8?q?Zo=C3=AB?= <zoe@example.net>", "zoe@example.net", "=?utf-8?q?Zo=C3=AB?="),
    ("a@bücher.example", "a@xn--bcher-kva.example", ""),
    ("a@Faß.example", "a@xn--fa-hia.example", ""),
    ('"ada lovelace"@example.net', '"ada lovelace"@example.net', ""),
]


@pytest.mark.parametrize(("text", "address", "name"), TAKEN)
def test_one_mailbox_is_read(text: str, address: str, name: str) -> None:
    """Name and address, the domain in ASCII."""
    assert read_mailbox(text) == Mailbox(address=address, name=name)


@pytest.mark.parametrize("row", HOSTILE, ids=[row["id"] for row in HOSTILE])
def test_hostile_mailboxes_are_refused_at_once(row: dict[str, str]) -> None:
    """What could be read in two ways, or becomes something else, is no mailbox."""
    text = re.sub(r"\{(\d+):([^{}]*)\}", lambda match: match[2] * int(match[1]), row["text"])

    def read() -> None:
        for utf8 in (False, True):
            with pytest.raises(BadAddress):
                read_mailbox(text, utf8=utf8)

    assert least_s(read, 0.05) < 0.05


def test_a_local_part_beyond_ascii_needs_leave() -> None:
    """Only who asks for SMTPUTF8 may have it; a domain beyond ASCII does not need it."""
    assert read_mailbox("zoë@bücher.example", utf8=True).address == "zoë@xn--bcher-kva.example"
    with pytest.raises(BadAddress):
        read_mailbox("zoë@example.net")


def test_lists_are_read_with_their_groups() -> None:
    """The members of groups count, empty places do not."""
    text = 'undisclosed: a@b.example, "C, c" <c@d.example>;, Team: ;, (x) e@f.example (y(z)) ,, g@h.example'
    addresses = [one.address for one in read_mailboxes(text)]
    assert addresses == ["a@b.example", "c@d.example", "e@f.example", "g@h.example"]
    assert read_mailboxes("") == []


@pytest.mark.parametrize("text", ["a: b: c@d.example;;", "a: b@c.example", "a@b.example,, <", "x" * 20_000])
def test_broken_lists_are_refused(text: str) -> None:
    """Groups in groups, open groups, more than a header field may hold."""
    with pytest.raises(BadAddress):
        read_mailboxes(text)


@given(st.text(max_size=200))
def test_whatever_is_given_there_is_an_answer(text: str) -> None:
    """No text makes the parser fail otherwise; what it takes has one at sign that counts and no line end."""
    try:
        found = [read_mailbox(text, utf8=True)]
    except BadAddress:
        found = []
    for one in found:
        assert "\r" not in one.name + one.address
        assert "\n" not in one.name + one.address
        assert one.address.rpartition("@")[2].isascii()
