"""How the bytes of a message are kept: a codec byte and a key id in front, so that another way of keeping them can come
without a migration.

Layout: one byte codec, four bytes key id (big endian, 0: none), then the payload. This version writes and reads codec 0
alone: the bytes themselves, no key. 1 is reserved for compressed bodies, 2 for sealed ones.

Promise: in pieces or at once, what is stored is the same.

Left out: secrets, which are sealed (`posthorse.adapters.sealing`).
"""

from collections.abc import Iterable, Iterator

from posthorse.mail.ids import MessageId
from posthorse.mail.large import poured, slices, vessel

HEAD_BYTES = 5

_RAW_HEAD = bytes(HEAD_BYTES)


class Unreadable(Exception):
    """A stored body cannot be turned back into the accepted bytes: this version does not know its codec."""


def encoded(body: bytes) -> bytes:
    """What to store."""
    return _RAW_HEAD + body


def encoded_slices(body: bytes) -> tuple[int, Iterator[bytes]]:
    """What to store, in pieces, and how long they are together."""
    return HEAD_BYTES + len(body), _pieces(body)


def _pieces(body: bytes) -> Iterator[bytes]:
    yield _RAW_HEAD
    yield from slices(body)


def decoded(message_id: MessageId, stored: bytes) -> bytes:
    """The accepted bytes. Raises `Unreadable`."""
    if not stored.startswith(_RAW_HEAD):
        raise _unknown(message_id)
    return stored[HEAD_BYTES:]


def decoded_slices(message_id: MessageId, stored: Iterable[bytes]) -> bytes:
    """The accepted bytes of what is stored, in pieces of which the first has the whole head. Raises `Unreadable`."""
    pieces = iter(stored)
    body = vessel()
    body.write(decoded(message_id, next(pieces, b"")))
    for piece in pieces:
        body.write(piece)
    return poured(body)


def _unknown(message_id: MessageId) -> Unreadable:
    return Unreadable(f"the body of message {message_id.hex()} is kept in a way that this version does not know")
