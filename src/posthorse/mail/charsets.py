"""Charsets: the only names that reach a decoder, whoever names them.

Promise: Python would also run `zlib_codec` or `unicode_escape` if a message asked for it; what is not on this list is
not known here. Every codec on it gives text for octets in linear time.

Left out: what becomes of text in a charset that is not known.
"""

from collections.abc import Mapping
from typing import Final

CODECS: Final[Mapping[str, str]] = {
    **{
        name: name
        for name in ("us-ascii", "utf-8", "gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr")
    },
    **{name: name for name in ("iso-2022-jp", "koi8-r", "koi8-u", "tis-620")},
    **{f"iso-8859-{number}": f"iso-8859-{number}" for number in (*range(1, 12), 13, 14, 15, 16)},
    **{f"windows-{number}": f"cp{number}" for number in (874, *range(1250, 1259))},
    "latin1": "iso-8859-1",
    "utf8": "utf-8",
    "ascii": "us-ascii",
    "ansi_x3.4-1968": "us-ascii",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "euc-kr",
}
"""The name of the codec by that of the charset, in lower case (IANA's names, and others that are common)."""

_CHARSETS = {codec: charset for charset, codec in CODECS.items() if charset.startswith("windows-")}


_READ_AS: Final[Mapping[str, str]] = {
    "iso-8859-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
}
"""Codecs with more characters, by which readers take text that goes beyond its own (WHATWG Encoding Standard)."""


def read_as(codec: str) -> str | None:
    """By what codec readers take text that this one has no reading for; None: by no other."""
    return _READ_AS.get(codec)


def codec_of(charset: str) -> str | None:
    """The codec for a charset, however its name is written; None: it is not known."""
    return CODECS.get(charset.strip().lower())


def charset_of(codec: str) -> str:
    """The name by which mail calls what this codec reads."""
    return _CHARSETS.get(codec, codec)
