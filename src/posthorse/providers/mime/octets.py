"""The octets of a part, its transfer encoding undone, strictly.

Promise: one meaning for every reader, or `Unfit`; linear time.

Source: RFC 2045 section 6.
"""

import binascii
import re

from posthorse.providers.mime.dissection import Unfit
from posthorse.providers.mime.entity import Entity
from posthorse.providers.mime.words import shown

PLAIN_ENCODINGS = frozenset({"7bit", "8bit", "binary"})

_BAD_QUOTED = re.compile(rb"=(?!(?:[0-9A-Fa-f]{2}|\r\n))|[^\t\r\n -~]")
_BLANKS_AT_END = re.compile(rb"[ \t](?:\r\n|\Z)")


def encoding_of(entity: Entity) -> str:
    """The name of the transfer encoding, in lower case."""
    return (entity.only("content-transfer-encoding") or "7bit").lower()


def octets_of(content: bytes, entity: Entity) -> bytes:
    """What a leaf of the message `content` holds. Raises `Unfit`."""
    raw = content[entity.start : entity.end]
    encoding = encoding_of(entity)
    match encoding:
        case "base64":
            return _base64(raw)
        case "quoted-printable":
            return _quoted(raw)
        case "7bit" | "8bit" | "binary":
            return raw  # that it has 8-bit characters is often not said; what they are, the charset says
        case _:
            raise Unfit(f"the transfer encoding {shown(encoding)}")


def _quoted(raw: bytes) -> bytes:
    """White space at the end of a line was added on the way, and says nothing (section 6.7, rule 3)."""
    if _BLANKS_AT_END.search(raw):
        raw = b"\r\n".join([line.rstrip(b" \t") for line in raw.split(b"\r\n")])
    if _BAD_QUOTED.search(raw):
        raise Unfit("malformed quoted-printable")
    return binascii.a2b_qp(raw)


def _base64(raw: bytes) -> bytes:
    try:
        return binascii.a2b_base64(raw.translate(None, b"\r\n"), strict_mode=True)
    except binascii.Error:
        raise Unfit("malformed base64") from None
