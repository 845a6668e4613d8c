"""Which charsets are known, and by which names."""

import codecs

import pytest

from posthorse.mail.charsets import CODECS, charset_of, codec_of


@pytest.mark.parametrize("charset", CODECS)
def test_every_charset_on_the_list_is_one(charset: str) -> None:
    """Its codec reads text and writes it again, and its name on the wire is that of the same codec."""
    codec = codec_of(charset.upper().join("  "))
    assert codec is not None
    assert b"abc".decode(codec).encode(codec) == b"abc"
    assert codecs.lookup(codec)._is_text_encoding
    assert codec_of(charset_of(codec)) == codec


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "zlib_codec", "rot13", "idna", "cp1252", ""])
def test_what_is_not_on_the_list_is_not_known(charset: str) -> None:
    """However much Python knows."""
    assert codec_of(charset) is None
