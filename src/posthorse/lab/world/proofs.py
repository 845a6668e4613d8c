"""The referee's books of proven copies: a second copy is told when it is proven, and only then.

It shares no rule with the gateway: it lists who said yes to which attempt, and who told of the mail, and counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from posthorse.mail.ids import MessageId, ProviderName

Key = tuple[MessageId, int]


@dataclass(slots=True)
class Proofs:
    """Of every recipient, the copies that are known to be taken."""

    accuse: Callable[[str, str], None]
    _yes: dict[Key, set[tuple[ProviderName, int]]] = field(default_factory=dict)
    """Attempts that were answered with a handover."""
    _telling: dict[Key, set[ProviderName]] = field(default_factory=dict)
    """Providers that told of it."""

    def answered(self, key: Key, provider: ProviderName, fence: int, *, is_second: bool) -> None:
        """An attempt's yes was recorded; `is_second`: it is said to prove a second copy."""
        before = self._copies(key)
        self._yes.setdefault(key, set()).add((provider, fence))
        self._judge(key, before, is_second, f"the yes of {provider} to fence {fence}")

    def told(self, key: Key, provider: ProviderName, *, is_second: bool) -> None:
        """An event was believed."""
        before = self._copies(key)
        self._telling.setdefault(key, set()).add(provider)
        self._judge(key, before, is_second, f"an event of {provider}")

    def _copies(self, key: Key) -> int:
        answered = self._yes.get(key, set())
        silent = self._telling.get(key, set()) - {provider for provider, _ in answered}
        return len(answered) + len(silent)

    def _judge(self, key: Key, before: int, is_second: bool, what: str) -> None:
        copies = self._copies(key)
        if is_second != (copies > before and copies > 1):
            name = f"{key[0].hex()}/{key[1]}"
            said = "is said to prove a second copy" if is_second else "proves a second copy, and nobody said so"
            self.accuse("I11", f"{name}: {what} {said}; known to be taken: {before}, then {copies}")
