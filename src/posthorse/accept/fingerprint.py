"""Fingerprint of a submission: whether a second offer under one idempotency key is the same message.

Promise: the same envelope and the same content, whatever Date, Message-ID and trace a client library stamps on each
try, give the same digest; anything else another one. Left out: MIME boundaries, which stay part of the content, so a
client that renders its message anew should keep the bytes of the first try.
"""

from hashlib import blake2b

from posthorse.accept.headers import HeaderBlock, cut
from posthorse.mail.message import Submission

DIGEST_BYTES = 16
_VOLATILE = frozenset({b"date", b"message-id", b"received"})


def fingerprint(submission: Submission) -> bytes:
    """A digest of `DIGEST_BYTES`. The recipients' order does not matter."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for address in (submission.sender, *sorted(set(submission.recipients))):
        digest.update(address.encode() + b"\0")
    block = cut(submission.content)
    if not isinstance(block, HeaderBlock):
        digest.update(submission.content)
        return digest.digest()
    for field in block.kept:
        if field.partition(b":")[0].lower() not in _VOLATILE:
            digest.update(field + b"\r\n")
    digest.update(memoryview(submission.content)[block.end :])
    return digest.digest()
