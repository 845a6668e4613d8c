"""Subjects as a person would read them, whatever the message asks a decoder to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.encoded_words import MAX_CHARACTERS, MAX_WORDS, readable
from tests.effort import least_s

READ = [
    (b" plain ", "plain"),
    (b" =?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
    (b" =?UTF-8?B?Y2Fmw6k=?= x", "café x"),
    (b" =?utf-8?B?Y2Fmw6k?=", "café"),
    (b" =?iso-8859-1*fr?q?caf=e9?=", "café"),
    (b" =?windows-1252?q?=80?=", "€"),
    (b" =?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
    (b" =?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c"),
    (b" one\r\n two\r\n\tthree", "one two\tthree".replace("\t", " ")),
    (b" \xe2\x82\xac raw", "€ raw"),
    (b" \xff\xfe", "\ufffd\ufffd"),
    (b" =?utf-8?q?x=0d=0aBcc:evil@x?=", "x Bcc:evil@x"),
    (b" =?utf-8?q?=e2=80=a8y?=", " y"),
    (b" =?utf-8?b?!!!?=", ""),
    (b" =?utf-8?x?abc?=", "=?utf-8?x?abc?="),
]


@pytest.mark.parametrize(("value", "text"), READ)
def test_values_are_read_as_one_line(value: bytes, text: str) -> None:
    """Folds undone, words decoded, control characters made spaces."""
    assert readable(value) == text


@pytest.mark.parametrize("charset", ["utf-7", "unicode-escape", "idna", "zlib_codec", "rot13", "x-unknown", "punycode"])
def test_a_charset_not_on_the_list_reaches_no_decoder(charset: str) -> None:
    """The word stays as it was written."""
    value = f"=?{charset}?q?+AGE-?=".encode()
    assert readable(value) == value.decode()


@pytest.mark.thorough
@pytest.mark.usefixtures("no_old_garbage")
def test_twenty_thousand_words_cost_milliseconds() -> None:
    """Only the first ones are decoded, and only the start of the text is kept."""
    value = b" =?utf-8?q?a?=" * 20_000
    text = readable(value)
    assert least_s(lambda: readable(value), 0.05) < 0.05
    assert text.startswith("a" * MAX_WORDS + "=?")
    assert len(text) <= MAX_CHARACTERS


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(value: bytes) -> None:
    """Always one line without control characters."""
    text = readable(value)
    assert not any(ord(character) < 32 or character in "\x7f\u2028\u2029" for character in text)
