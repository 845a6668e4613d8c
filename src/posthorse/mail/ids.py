"""Names of things: ids as distinct types, so that a message id is never passed where an attempt id belongs.

Ids are made by the node (port `Ids`), never by the database: 128 bits, time-ordered, so that an index grows at its end.
"""

from typing import NewType

MessageId = NewType("MessageId", bytes)
"""16 bytes; its hexadecimal form is the receipt a client gets."""

AttemptId = NewType("AttemptId", bytes)
"""16 bytes; one try of a handover group at one provider."""

Tenant = NewType("Tenant", str)
"""The customer account a message, limit or suppression belongs to."""

ProviderName = NewType("ProviderName", str)
"""The configured name of a provider, as in `[[providers]] name`."""

NodeId = NewType("NodeId", str)
"""One running gateway process; owner of leases."""

MAIN_TENANT = Tenant("main")

ID_BYTES = 16


def parse_message_id(text: str) -> MessageId:
    """The id written as 32 hexadecimal digits. Raises ValueError for anything else."""
    raw = bytes.fromhex(text) if len(text) == 2 * ID_BYTES else b""
    if len(raw) != ID_BYTES:  # fromhex passes over spaces
        raise ValueError(f"a message id has {2 * ID_BYTES} hexadecimal digits and nothing else")
    return MessageId(raw)
