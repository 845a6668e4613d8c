"""Replays: which call a signature came with first.

Some client libraries (boto3 among them) do not sign the id that all tries of a call have in common, and sign anew for
each try. So the id alone joins the tries. A signature tells a captured request that comes with another id, but not at
once: two equal calls within one second are signed alike, and each of them is a mail that somebody wants sent.

Promise: a request with another id than the one its signature was first seen with is a call of its own for `TOGETHER_S`
seconds, and counts as the first one afterwards, as long as the signature is good; whoever came without an id first
sends none, so that one that is added later changes nothing. Bounded: of more requests than `MAX_CALLS` within that time
the oldest are forgotten; a restart forgets all.

Left out: whether a signature is right (`gate`): only those that are come here.
"""

from hashlib import blake2b
from typing import Final

from posthorse.accept.ses.sigv4 import SKEW_S
from posthorse.mail.stream import SECOND

MAX_CALLS: Final = 100_000
"""Remembered at least, once there are that many; twice as many at most. About 20 MB."""
TOGETHER_S: Final = 15
"""Within this time calls that were signed in the same second have arrived."""
GOOD_FOR_US: Final = 2 * SKEW_S * SECOND
_USUAL_BYTES = 64


class FirstCalls:
    """Calls by signature, in two generations."""

    __slots__ = ("_before", "_begun_at", "_now")

    def __init__(self) -> None:
        self._now: dict[int, tuple[int, bytes]] = {}
        self._before: dict[int, tuple[int, bytes]] = {}
        self._begun_at = 0

    def told(self, signature: bytes, given: bytes, now: int) -> bytes:
        """The call that a request is. `signature`: hexadecimal; `given`: the id it came with, empty: none; `now`:
        microseconds UTC.
        """
        if len(self._now) >= MAX_CALLS or now - self._begun_at > GOOD_FOR_US:
            self._before, self._now, self._begun_at = self._now, {}, now
        call = given or signature
        if len(call) > _USUAL_BYTES:
            call = blake2b(call, digest_size=20).digest()
        place = int(signature[:16], 16)
        known = self._now.get(place) or self._before.get(place)
        if known is None:
            self._now[place] = (now + TOGETHER_S * SECOND if given else now - 1, call)
            return call
        others_until, first = known
        return call if given and now <= others_until else first
