"""Large bodies: worked on slice by slice, so that nobody else waits while one is copied, checked or digested.

Promise: whatever is done with a body (copying, checking line ends, base64, a digest) takes about a millisecond at most
for one slice. Whoever works on the event loop gives way after each slice; a thread lets go of the interpreter lock
between two. A smaller body is worked on at once, which is cheaper than taking turns.

Left out: giving way itself.
"""

from collections.abc import Iterator

LARGE_BYTES = 256 << 10
"""A body larger than this is worked on in slices. The dearest work on one of this size takes two milliseconds."""
SLICE_BYTES = 192 << 10
"""A multiple of three, so that the base64 of the slices is the base64 of the whole."""


def slices(body: bytes, start: int = 0) -> Iterator[bytes]:
    """The body from `start` on, in order, each slice of `SLICE_BYTES` but the last."""
    return (body[at : at + SLICE_BYTES] for at in range(start, len(body), SLICE_BYTES))
