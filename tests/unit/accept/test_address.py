"""Envelope addresses: one spelling for what is taken, a clear no for what could go elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.address import PLAIN_MAILBOX_BYTES, BadAddress, mailbox

TAKEN = [
    ("ada@example.com", "ada@example.com"),
    ("ada@localhost", "ada@localhost"),
    ("first.last+tag@sub.example.co.uk", "first.last+tag@sub.example.co.uk"),
    ("o'brien&sons@example.com", "o'brien&sons@example.com"),
    ("bounces+u=example.net@example.com", "bounces+u=example.net@example.com"),
    ('"ada"@example.com', "ada@example.com"),
    ('"a\\da"@example.com', "ada@example.com"),
    ('"ada lovelace"@example.com', '"ada lovelace"@example.com'),
    ('"\\""@example.com', '"\\""@example.com'),
    ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
    ("a@XN--Bcher-kva.example", "a@XN--Bcher-kva.example"),
    ("a@xn--p1ai.xn--p1ai", "a@xn--p1ai.xn--p1ai"),
    ("Ada@EXAMPLE.com", "Ada@EXAMPLE.com"),
    (f"{'a' * 64}@{'b' * 63}.example", f"{'a' * 64}@{'b' * 63}.example"),
]

REFUSED = [
    "",
    "ada",
    "@example.com",
    "ada@",
    "ada@.example.com",
    "ada@example.com.",
    "ada@example..com",
    "ada@-example.com",
    "ada@example-.com",
    ".ada@example.com",
    "ada.@example.com",
    "a..b@example.com",
    "ada@[127.0.0.1]",
    "ada@[IPv6:::1]",
    "ada@0x7f.1",
    "ada@127.0.0.1",
    "ada@0x7f000001",
    "ada%evil.com@example.com",
    "evil.com!ada@example.com",
    '"ada@evil.com"@example.com',
    '"ada@evil.com x"@example.com',
    '"evil\\@x"@example.com',
    "@relay.example:ada@example.com",
    "a@b.com,evil@x.com",
    "a@b>,<c@d",
    "alice@example.org)bob@example.com",
    "alice@example.org]bob@example.com",
    '""@example.com',
    "ada lovelace@example.com",
    "ada@exam ple.com",
    "a\tb@example.com",
    "a\x7fb@example.com",
    f"{'a' * 65}@example.com",
    f"ada@{'b' * 64}.example",
    f"ada@{'.'.join(['b' * 60] * 5)}",
    "ada@xn--a-.com",
    "ada@xn--a.com",
    "ada@xn--ab-g4t.com",
    "ada@xn---.com",
    "ada@xn--999999999999.com",
    "ada@xn--.com",
]

UNICODE_REFUSED = [
    "ada\u202e@example.com",
    "ada\u2028@example.com",
    "ada\u0085@example.com",
    "ada@exam\u200bple.com",
    "ada@\u212aelvin.example",
    "\u017fsuppressed@example.com",
    "a@\uff45xample.com",
    "caf\u0065\u0301@example.com",
    "a\u3000b@example.com",
]


@pytest.mark.parametrize(("given_text", "spelling"), TAKEN)
def test_ordinary_addresses_are_taken_in_one_spelling(given_text: str, spelling: str) -> None:
    """What RFC 5321 allows and cannot be led astray is taken, without quotes that change nothing."""
    assert mailbox(given_text, utf8=False) == spelling


@pytest.mark.parametrize("text", REFUSED)
def test_addresses_that_could_go_elsewhere_are_refused(text: str) -> None:
    """Routes, literals, routing characters and broken syntax are refused, whatever SMTPUTF8 says."""
    for utf8 in (False, True):
        with pytest.raises(BadAddress):
            mailbox(text, utf8=utf8)


def test_unicode_needs_smtputf8() -> None:
    """A non-ASCII address is taken when SMTPUTF8 was declared, and only then."""
    assert mailbox("jörg@bücher.example", utf8=True) == "jörg@bücher.example"
    with pytest.raises(BadAddress, match="SMTPUTF8"):
        mailbox("jörg@bücher.example", utf8=False)


@pytest.mark.parametrize("text", UNICODE_REFUSED)
def test_unicode_that_hides_something_is_refused(text: str) -> None:
    """Invisible characters and look-alikes that normalisation would change cannot slip past a suppression list."""
    with pytest.raises(BadAddress):
        mailbox(text, utf8=True)


@given(st.text(max_size=120), st.booleans())
def test_any_text_is_taken_or_refused_and_stays_so(text: str, utf8: bool) -> None:
    """No text makes it fail otherwise, and a spelling once given is its own spelling."""
    try:
        spelling = mailbox(text, utf8=utf8)
    except BadAddress:
        return
    assert mailbox(spelling, utf8=utf8) == spelling
    assert not any(character in spelling for character in "\r\n\0<>")


def test_no_refusal_repeats_the_address() -> None:
    """The reason may be logged: it holds nothing of the address."""
    for text in (*REFUSED, *UNICODE_REFUSED):
        with pytest.raises(BadAddress) as caught:
            mailbox(text, utf8=True)
        assert not text.strip() or "ada" not in str(caught.value).replace("@, % and !", "")


def test_short_plain_addresses_cannot_break_a_length_rule() -> None:
    """The shortcut for plain addresses ends where a local part or label could be too long."""
    assert PLAIN_MAILBOX_BYTES <= 64
