"""Signing what customers are told: Standard Webhooks, symmetric (`v1`).

Promise: what is signed is exactly the bytes that are sent, with the id and the second beside them, so that nobody can
change them or send them again later under another time. With several secrets there are several signatures, so that a
receiver can go over to a new one at its own time.

Left out: checking signatures (the receiver's part).
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from hmac import digest

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
"""Length of a secret (Standard Webhooks, signature scheme)."""


def read_secret(text: str) -> bytes:
    """The key in `whsec_` and base64. Raises ValueError, never with the value in its text."""
    if not text.startswith(PREFIX):
        raise ValueError(f"does not begin with {PREFIX}")
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"has no base64 behind {PREFIX}") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"is {len(key)} bytes long; {LEAST_BYTES} to {MOST_BYTES} are needed")
    return key


def signed_headers(event_id: str, second: int, body: bytes, secrets: Sequence[bytes]) -> tuple[tuple[str, str], ...]:
    """The header fields that prove a body at this second (since 1970 UTC); one signature for each secret."""
    told = f"{event_id}.{second}.".encode() + body
    signatures = (f"v1,{b64encode(digest(key, told, sha256)).decode()}" for key in secrets)
    return (
        ("webhook-id", event_id),
        ("webhook-timestamp", str(second)),
        ("webhook-signature", " ".join(signatures)),
    )
