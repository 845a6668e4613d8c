"""Sites that proved themselves: something genuine came from there lately.

Promise: bounded, whoever comes; the longest silent are forgotten first. It lets nobody in: it says only for whom room
is kept free while strangers fill theirs.
"""

from collections import OrderedDict

from posthorse.mail.ports import Clock

KNOWN_FOR_S = 3_600.0
"""After the last genuine request from there."""
MOST_KNOWN = 1_024


class ProvenSites:
    """Of one front. A site is what `posthorse.mail.peer.site` says."""

    __slots__ = ("_clock", "_seen_s")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_s: OrderedDict[str, float] = OrderedDict()

    def prove(self, site: str) -> None:
        """Something genuine came from there."""
        self._seen_s[site] = self._clock.monotonic()
        self._seen_s.move_to_end(site)
        if len(self._seen_s) > MOST_KNOWN:
            self._seen_s.popitem(last=False)

    def __contains__(self, site: str) -> bool:
        """Whether something genuine came from there lately."""
        return self._clock.monotonic() - self._seen_s.get(site, -KNOWN_FOR_S) < KNOWN_FOR_S
