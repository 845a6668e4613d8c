"""How bodies are kept: they come back unchanged, or not at all."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.ids import MessageId
from posthorse.spool.codec import HEAD_BYTES, Codec, RawCodec, SealedCodec, Unreadable

ONE, OTHER = MessageId(b"1" * 16), MessageId(b"2" * 16)


def sealed(key_id: int = 1, **keys: bytes) -> SealedCodec:
    """A codec with key 1, and key 2 if asked for."""
    numbers = count(1)
    known = {1: b"k" * 32, 2: b"q" * 32} | {int(name[1:]): key for name, key in keys.items()}
    return SealedCodec(key_id=key_id, keys=known, nonces=lambda: next(numbers).to_bytes(12, "big"))


@given(st.binary())
def test_bodies_come_back(body: bytes) -> None:
    """Raw or sealed, the accepted bytes return for their message."""
    for codec in (RawCodec(), sealed()):
        assert codec.decode(ONE, codec.encode(ONE, body)) == body


def test_a_stored_body_tells_its_codec_and_key() -> None:
    """The first byte is the codec, the next four the key."""
    assert RawCodec().encode(ONE, b"x") == b"\0\0\0\0\0x"
    assert sealed(2).encode(ONE, b"x")[:HEAD_BYTES] == bytes((Codec.SEALED, 0, 0, 0, 2))


def test_a_sealed_body_hides_its_bytes_and_never_repeats() -> None:
    """The same body sealed twice differs, and shows nothing of itself."""
    codec = sealed()
    first, second = codec.encode(ONE, b"secret code"), codec.encode(ONE, b"secret code")
    assert first != second
    assert b"secret" not in first


def test_a_changed_or_moved_body_is_refused() -> None:
    """A flipped bit anywhere, or the body of another message, is not handed over."""
    codec = sealed()
    stored = codec.encode(ONE, b"pay 10")
    for place in range(len(stored)):
        changed = bytearray(stored)
        changed[place] ^= 1
        with pytest.raises(Unreadable):
            codec.decode(ONE, bytes(changed))
    with pytest.raises(Unreadable, match="changed"):
        codec.decode(OTHER, stored)
    for short in (b"", stored[:3], stored[:HEAD_BYTES], stored[: HEAD_BYTES + 5]):
        with pytest.raises(Unreadable):
            codec.decode(ONE, short)


def test_keys_can_be_replaced() -> None:
    """A codec with a new key still reads raw bodies and those of the old key; an unknown key is named unreadable."""
    old, new = sealed(1), sealed(2)
    assert new.decode(ONE, old.encode(ONE, b"x")) == b"x"
    assert new.decode(ONE, RawCodec().encode(ONE, b"x")) == b"x"
    with pytest.raises(Unreadable, match="unknown codec or key"):
        new.decode(ONE, bytes((Codec.SEALED, 0, 0, 0, 9)) + b"n" * 40)
    with pytest.raises(Unreadable, match="unknown codec or key"):
        new.decode(ONE, bytes((Codec.ZSTD, 0, 0, 0, 1)) + b"n" * 40)


def test_raw_refuses_what_is_sealed() -> None:
    """Without the key file a sealed body is an error, never sent as it lies there."""
    with pytest.raises(Unreadable, match="key file"):
        RawCodec().decode(ONE, sealed().encode(ONE, b"x"))
