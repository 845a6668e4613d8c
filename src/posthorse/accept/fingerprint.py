"""Fingerprint of a submission: whether a second offer under one idempotency key is the same message.

Promise: the same envelope and the same content, whatever Date, Message-ID and trace a client library stamps on each
try, give the same digest; anything else another one. A large message is digested in turns, so that the loop is never
held up. Left out: MIME boundaries, which stay part of the content, so a client that renders its message anew should
keep the bytes of the first try.
"""

import asyncio
from collections.abc import Iterator
from hashlib import blake2b

from posthorse.accept.headers import HeaderBlock, cut
from posthorse.mail.large import SLICE_BYTES
from posthorse.mail.message import Submission

DIGEST_BYTES = 16
_VOLATILE = frozenset({b"date", b"message-id", b"received"})


def fingerprint(submission: Submission) -> bytes:
    """A digest of `DIGEST_BYTES`. The recipients' order does not matter."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for part in _parts(submission):
        digest.update(part)
    return digest.digest()


async def fingerprint_in_turns(submission: Submission) -> bytes:
    """The same, giving way after every slice."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for part in _parts(submission):
        for at in range(0, len(part), SLICE_BYTES):
            digest.update(part[at : at + SLICE_BYTES])
            if at:
                await asyncio.sleep(0)
    return digest.digest()


def _parts(submission: Submission) -> Iterator[memoryview]:
    for address in (submission.sender, *sorted(set(submission.recipients))):
        yield memoryview(address.encode() + b"\0")
    block = cut(submission.content)
    content = memoryview(submission.content)
    if not isinstance(block, HeaderBlock):
        yield content
        return
    for field in block.kept:
        if field.partition(b":")[0].lower() not in _VOLATILE:
            yield memoryview(field + b"\r\n")
    yield content[block.end :]
