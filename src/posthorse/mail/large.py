"""Large bodies: worked on slice by slice, so that nobody else waits while one is copied, checked or digested.

Promise: whatever is done with a body (copying, checking line ends, base64, a digest) takes about a millisecond at most
for one slice. Whoever works on the event loop gives way after each slice; a thread lets go of the interpreter lock
between two. A smaller body is worked on at once, which is cheaper than taking turns.

Left out: giving way itself.
"""

from collections.abc import Iterator
from io import BytesIO

LARGE_BYTES = 256 << 10
"""A body larger than this is worked on in slices. The dearest work on one of this size takes two milliseconds."""
SLICE_BYTES = 192 << 10
"""A multiple of three, so that the base64 of the slices is the base64 of the whole."""

_ROOM_BYTES = 33 << 20
"""glibc may keep blocks of up to 32 MiB together with others."""


def slices(body: bytes, start: int = 0) -> Iterator[bytes]:
    """The body from `start` on, in order, each slice of `SLICE_BYTES` but the last."""
    return (body[at : at + SLICE_BYTES] for at in range(start, len(body), SLICE_BYTES))


def vessel() -> BytesIO:
    """What slices are poured into, any number of them, without those poured before being moved.

    An empty buffer would grow by being copied now and then, 16 MB and more at a time. A block of this size usually gets
    pages of its own: those not written to cost nothing, and it grows in place. Where glibc has a free block as large it
    takes that and fills it with zeros: 2 ms were seen where its memory was still at hand, 24 ms where it was not.
    """
    return BytesIO(bytes(_ROOM_BYTES))


def poured(into: BytesIO) -> bytes:
    """What was poured, handed over without a copy; the vessel is of no use afterwards."""
    into.truncate()
    return into.getvalue()
