"""How bodies are kept: they come back unchanged, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.ids import MessageId
from posthorse.spool.codec import HEAD_BYTES, Unreadable, decoded, encoded

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
