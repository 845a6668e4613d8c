"""How bodies are kept: they come back unchanged, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.ids import MessageId
from posthorse.mail.large import SLICE_BYTES
from posthorse.spool.codec import HEAD_BYTES, Unreadable, decoded, decoded_slices, encoded, encoded_slices

ID = MessageId(b"1" * 16)


@given(st.binary())
def test_bodies_come_back(body: bytes) -> None:
    """The accepted bytes return, behind a head that says how they are kept and with no key."""
    assert encoded(body)[:HEAD_BYTES] == b"\0\0\0\0\0"
    assert decoded(ID, encoded(body)) == body


@pytest.mark.parametrize("stored", [b"", b"\0\0\0", b"\1\0\0\0\0x", b"\2\0\0\0\1x", b"\0\0\0\0\1x"])
def test_what_another_version_keeps_otherwise_is_refused(stored: bytes) -> None:
    """An unknown codec, a key, or half a head: never handed over as it lies there."""
    with pytest.raises(Unreadable, match=ID.hex()):
        decoded(ID, stored)
    with pytest.raises(Unreadable, match=ID.hex()):
        decoded_slices(ID, [stored] if stored else [])


@pytest.mark.parametrize("size", [0, 1, SLICE_BYTES - HEAD_BYTES, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES + 7])
def test_in_pieces_the_same_is_kept(size: int) -> None:
    """However the pieces are cut when they are read."""
    body = b"ab" * (size // 2) + b"c" * (size % 2)
    stored_bytes, pieces = encoded_slices(body)
    stored = b"".join(pieces)
    assert (len(stored), stored) == (stored_bytes, encoded(body))
    for cut in (HEAD_BYTES, 1_000, SLICE_BYTES):
        again = (stored[at : at + cut] for at in range(0, len(stored), cut))
        assert decoded_slices(ID, again) == body
