"""Ids as text, and what a message knows of its sender."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.ids import MAIN_TENANT, MessageId, parse_message_id
from posthorse.mail.message import Message
from posthorse.mail.stream import Stream


@given(st.binary(min_size=16, max_size=16))
def test_a_receipt_reads_back_as_the_id(raw: bytes) -> None:
    """The hexadecimal form of an id is the id again."""
    assert parse_message_id(raw.hex()) == raw
    assert parse_message_id(raw.hex().upper()) == raw


@pytest.mark.parametrize("text", ["", "00", "0" * 31, "0" * 33, "0" * 64, "g" * 32, "00 " * 10 + "00"])
def test_what_is_no_id_is_refused(text: str) -> None:
    """Anything but 32 hexadecimal digits raises ValueError."""
    with pytest.raises(ValueError, match=r"hexadecimal"):
        parse_message_id(text)


@pytest.mark.parametrize(
    ("sender", "domain"),
    [("ann@Example.COM", "example.com"), ("", ""), ('"a@b"@example.org', "example.org")],
)
def test_the_sender_domain_is_the_last_part_in_lower_case(sender: str, domain: str) -> None:
    """Domain of the envelope sender, empty for the null sender."""
    message = Message(
        id=MessageId(bytes(16)),
        tenant=MAIN_TENANT,
        stream=Stream.STANDARD,
        sender=sender,
        size_bytes=1,
        accepted_at=0,
        expires_at=1,
    )
    assert message.sender_domain == domain
