"""How often a peer may log in wrongly, in bounded memory.

Promise: guessing is slow, for one user and over many; an application with an old password does not lock out the others
on its machine, since a user that is throttled for a peer costs the peer nothing more. Left out: checking passwords.
"""

from posthorse.accept.buckets import TokenBuckets
from posthorse.mail.peer import site
from posthorse.mail.ports import Clock

USER_BURST = 10
USER_EVERY_S = 30.0
PEER_BURST = 50
PEER_EVERY_S = 10.0


class LoginThrottle:
    """Counts wrong logins per peer and user, and per peer."""

    __slots__ = ("_clock", "_peers", "_users")

    def __init__(self, clock: Clock, *, max_keys: int = 10_000) -> None:
        self._clock = clock
        self._users = TokenBuckets(rate_per_s=1 / USER_EVERY_S, burst=USER_BURST, max_keys=max_keys)
        self._peers = TokenBuckets(rate_per_s=1 / PEER_EVERY_S, burst=PEER_BURST, max_keys=max_keys)

    def allows(self, peer: str, user: str) -> bool:
        """Whether this login may be checked now."""
        now_s, where = self._clock.monotonic(), site(peer)
        return self._users.has(_pair(where, user), now_s) and self._peers.has(where, now_s)

    def failed(self, peer: str, user: str) -> None:
        """The login was wrong."""
        now_s, where = self._clock.monotonic(), site(peer)
        self._users.spend(_pair(where, user), now_s)
        self._peers.spend(where, now_s)


def _pair(where: str, user: str) -> str:
    return f"{where} {user[:128]}"
