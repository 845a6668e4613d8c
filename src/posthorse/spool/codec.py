"""How the bytes of a message are kept: a codec byte and a key id in front, so that another way of keeping them can come
without a migration.

Layout: one byte codec, four bytes key id (big endian, 0: none), then the payload. This version writes and reads codec 0
alone: the bytes themselves, no key. 1 is reserved for compressed bodies, 2 for sealed ones.

Left out: secrets, which are sealed (`posthorse.adapters.sealing`).
"""

from posthorse.mail.ids import MessageId

HEAD_BYTES = 5

_RAW_HEAD = bytes(HEAD_BYTES)


class Unreadable(Exception):
    """A stored body cannot be turned back into the accepted bytes: this version does not know its codec."""


def encoded(body: bytes) -> bytes:
    """What to store."""
    return _RAW_HEAD + body


def decoded(message_id: MessageId, stored: bytes) -> bytes:
    """The accepted bytes. Raises `Unreadable`."""
    if not stored.startswith(_RAW_HEAD):
        raise Unreadable(f"the body of message {message_id.hex()} is kept in a way that this version does not know")
    return stored[HEAD_BYTES:]
