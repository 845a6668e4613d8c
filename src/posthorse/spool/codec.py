"""How the bytes of a message are kept: a codec byte and a key id in front, so that the way of keeping can change.

Layout: one byte codec, four bytes key id (big endian, 0: none), then the payload. `RAW` is the bytes themselves;
`SEALED` is a 12-byte nonce and AES-256-GCM over them (NIST SP 800-38D), bound to the message id, so that a body moved
to another message is refused; `ZSTD` is reserved.

Left out: where keys come from (`posthorse.spool.seal`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from posthorse.mail.ids import MessageId

HEAD_BYTES = 5
NONCE_BYTES = 12

_RAW_HEAD = b"\0\0\0\0\0"


class Codec(IntEnum):
    """The first byte of a stored body."""

    RAW = 0
    ZSTD = 1
    """Reserved: no version writes or reads it yet."""
    SEALED = 2


class Unreadable(Exception):
    """A stored body cannot be turned back into the accepted bytes: unknown codec or key, or it was changed."""


class BodyCodec(Protocol):
    """Turns bodies into what is stored, and back."""

    def encode(self, message_id: MessageId, body: bytes) -> bytes:
        """What to store."""
        ...

    def decode(self, message_id: MessageId, stored: bytes) -> bytes:
        """The accepted bytes. Raises `Unreadable`."""
        ...


class RawCodec:
    """Keeps the bytes as they are; the disk is trusted."""

    def encode(self, message_id: MessageId, body: bytes) -> bytes:
        """As `BodyCodec` says."""
        del message_id
        return _RAW_HEAD + body

    def decode(self, message_id: MessageId, stored: bytes) -> bytes:
        """As `BodyCodec` says."""
        if not stored.startswith(_RAW_HEAD):
            raise Unreadable(f"the body of message {message_id.hex()} is not stored raw: its key file is needed")
        return stored[HEAD_BYTES:]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCodec:
    """Seals new bodies with one key; reads raw ones and those of any key it knows."""

    key_id: int
    """Key for new bodies, 1 to 2**32 - 1."""
    keys: Mapping[int, bytes]
    """32 bytes each, by key id."""
    nonces: Callable[[], bytes]
    """Gives 12 bytes that never come twice under one key."""

    def encode(self, message_id: MessageId, body: bytes) -> bytes:
        """As `BodyCodec` says."""
        nonce = self.nonces()
        head = bytes((Codec.SEALED,)) + self.key_id.to_bytes(4, "big")
        return head + nonce + AESGCM(self.keys[self.key_id]).encrypt(nonce, body, head + message_id)

    def decode(self, message_id: MessageId, stored: bytes) -> bytes:
        """As `BodyCodec` says."""
        if stored.startswith(_RAW_HEAD):
            return stored[HEAD_BYTES:]
        head, nonce = stored[:HEAD_BYTES], stored[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES]
        key = self.keys.get(int.from_bytes(head[1:], "big"))
        if len(head) < HEAD_BYTES or head[0] != Codec.SEALED or key is None:
            raise Unreadable(f"the body of message {message_id.hex()} has an unknown codec or key")
        try:
            return AESGCM(key).decrypt(nonce, stored[HEAD_BYTES + NONCE_BYTES :], head + message_id)
        except (InvalidTag, ValueError) as error:
            raise Unreadable(f"the body of message {message_id.hex()} was changed on disk") from error
