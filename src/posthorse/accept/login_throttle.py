"""How often a peer may log in wrongly, in bounded memory.

Promise: guessing is slow, for one user and over many; an application with an old password does not lock out the others
on its machine, since a user that is throttled for a peer costs the peer nothing more. Left out: checking passwords.
"""

from functools import lru_cache

from posthorse.accept.buckets import TokenBuckets
from posthorse.accept.trusted import parse_peer
from posthorse.mail.ports import Clock

USER_BURST = 10
USER_EVERY_S = 30.0
PEER_BURST = 50
PEER_EVERY_S = 10.0
_IPV6_SITE_BITS = 64


class LoginThrottle:
    """Counts wrong logins per peer and user, and per peer."""

    __slots__ = ("_clock", "_peers", "_users")

    def __init__(self, clock: Clock, *, max_keys: int = 10_000) -> None:
        self._clock = clock
        self._users = TokenBuckets(rate_per_s=1 / USER_EVERY_S, burst=USER_BURST, max_keys=max_keys)
        self._peers = TokenBuckets(rate_per_s=1 / PEER_EVERY_S, burst=PEER_BURST, max_keys=max_keys)

    def allows(self, peer: str, user: str) -> bool:
        """Whether this login may be checked now."""
        now_s, site = self._clock.monotonic(), _site(peer)
        return self._users.has(_pair(site, user), now_s) and self._peers.has(site, now_s)

    def failed(self, peer: str, user: str) -> None:
        """The login was wrong."""
        now_s, site = self._clock.monotonic(), _site(peer)
        self._users.spend(_pair(site, user), now_s)
        self._peers.spend(site, now_s)


def _pair(site: str, user: str) -> str:
    return f"{site} {user[:128]}"


@lru_cache(maxsize=1_024)
def _site(peer: str) -> str:
    """Who is behind an address: with IPv6 whoever has one address has a whole network of them."""
    address = parse_peer(peer)
    if address is None or address.version == 4:
        return str(address or peer)
    return str(int(address) >> _IPV6_SITE_BITS)
