"""Blobs: base64 inside requests, small and large, in JSON and in forms."""

import asyncio
from base64 import b64encode, encodebytes
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.accept.ses.blobs import form_blob, form_text, json_blob
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.mail.large import LARGE_BYTES, SLICE_BYTES

SIZES = [0, 1, 2, 3, 4, 1_000, LARGE_BYTES - 1, LARGE_BYTES, SLICE_BYTES * 3 // 4 + 1, SLICE_BYTES, 3 * SLICE_BYTES + 2]


def octets(size: int) -> bytes:
    """So many bytes, whose base64 has every character of the alphabet."""
    return (bytes(range(256)) * (size // 256 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("escaped", ["", "/", "+=/", "all"])
def test_json_blob_is_what_was_encoded(size: int, escaped: str) -> None:
    """Whatever its size, and whatever of it the client escapes."""
    text = b64encode(octets(size))
    if escaped == "all":
        text = b"".join(b"\\u%04x" % letter for letter in text)
    elif escaped == "/":
        text = text.replace(b"/", b"\\/")
    for letter in escaped if escaped == "+=/" else "":
        text = text.replace(letter.encode(), b"\\u%04X" % ord(letter))
    assert asyncio.run(json_blob(msgspec.Raw(b'"%b"' % text))) == octets(size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lines", [b64encode, encodebytes])
@pytest.mark.parametrize("lower", [False, True])
def test_form_blob_is_what_was_encoded(size: int, lines: object, *, lower: bool) -> None:
    """Whatever its size, with or without line breaks, escaped in capitals or small letters."""
    assert callable(lines)
    text = quote(lines(octets(size)), safe="")
    if lower:
        text = text.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")
    assert asyncio.run(form_blob(text.encode())) == octets(size)


@pytest.mark.parametrize(
    "text",
    [
        *(b"ab\\\\/c", b"YWJj\\n", b"ab\\u00e9c", b"abc\\", b"abc\\u002", b"ab\\\\u002bc"),
        *(b"abc", b"ab=c", b"=", b"ab$d", b"YQ=", b"YQ===", b"YQ==YQ=="),
        b"A" * 400_000 + b"==AAAA",
        b"A" * 400_001,
        b"A" * (SLICE_BYTES - 2) + b"==" + b"A" * SLICE_BYTES,
        b"A" * SLICE_BYTES + b"$AAA" + b"A" * SLICE_BYTES,
    ],
    ids=lambda text: f"{text[:8].decode()}-{len(text)}",
)
def test_what_is_no_base64_is_refused(text: bytes) -> None:
    """As a whole: nothing of it is passed over."""
    with pytest.raises(SesError) as refused:
        asyncio.run(json_blob(msgspec.Raw(b'"%b"' % text)))
    assert refused.value.kind is Kind.UNREADABLE


@pytest.mark.parametrize("text", [b"1", b"null", b"{}", b""])
def test_blob_is_a_string(text: bytes) -> None:
    """Anything else of JSON is none."""
    with pytest.raises(SesError):
        asyncio.run(json_blob(msgspec.Raw(text)))


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="aé€😀 %+&=\n", max_size=40), st.integers(0, 5))
def test_form_text_comes_back(text: str, tens_of_kib: int) -> None:
    """A text survives its escaping, however often it is cut into slices."""
    long = text * 3 + "x" * (tens_of_kib * 10_240) + text
    assert asyncio.run(form_text(quote_plus(long).encode())) == long
