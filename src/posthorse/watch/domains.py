"""Closed domains: which sending domain a provider does not accept, and for how long it is spared the mail; pure.

Promise: bounded memory, however many domains are refused; one domain's trouble closes no other.
"""

from posthorse.mail.ids import ProviderName

DOMAIN_PAUSE_S = 300.0
DOMAINS_KEPT = 10_000
"""Pairs of provider and domain remembered; beyond, a refused domain is tried again and again."""


class ClosedDomains:
    """One per node."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[ProviderName, str], float] = {}

    def __len__(self) -> int:
        return len(self._until_s)

    def close(self, name: ProviderName, domain: str, now_s: float) -> None:
        """It refused this domain just now."""
        if len(self._until_s) >= DOMAINS_KEPT:
            self._until_s = {key: until_s for key, until_s in self._until_s.items() if until_s > now_s}
        if len(self._until_s) < DOMAINS_KEPT:
            self._until_s[name, domain] = now_s + DOMAIN_PAUSE_S

    def pause_s(self, name: ProviderName, domain: str, now_s: float) -> float:
        """Seconds until it is asked again; 0 or less: it is not closed."""
        return self._until_s.get((name, domain), 0.0) - now_s if self._until_s else 0.0

    def forget(self, name: ProviderName) -> None:
        """Nothing is held against this provider any more."""
        self._until_s = {key: until_s for key, until_s in self._until_s.items() if key[0] != name}
