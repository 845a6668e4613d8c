"""Way: one provider with its slots and the groups that wait for one, highest stream first."""

import heapq
from itertools import count

from posthorse.mail.ids import ProviderName
from posthorse.mail.stream import RULES
from posthorse.providers.port import DEFAULT_LIMITS, Limits, Provider, Surveying
from posthorse.spool.port import LeasedGroup


class Way:
    """Bounded concurrency at one provider: a slot is held from the start of an attempt to its answer."""

    def __init__(self, provider: Provider, slots: int, limits: Limits = DEFAULT_LIMITS) -> None:
        self.provider = provider
        self.slots = slots
        self.limits = limits
        self.name: ProviderName = provider.name
        """The provider's configured name."""
        self.batch = max(1, slots // 4)
        """Less room than this is not worth a lease transaction."""
        self._most = slots + max(4, slots // 2)
        self.busy = 0
        self.surveyor: Surveying | None = provider if isinstance(provider, Surveying) else None
        """Whom to ask about each group before it goes here; None: nobody."""
        self.surveying = 0
        """Groups about which it is being asked."""
        self._waiting: list[tuple[int, int, LeasedGroup, str]] = []
        self._arrival = count()

    @property
    def free(self) -> bool:
        """A slot is free."""
        return self.busy < self.slots

    @property
    def waiting(self) -> int:
        """How many groups wait for a slot."""
        return len(self._waiting)

    @property
    def room(self) -> int:
        """How many more groups to bring: free slots, and some so that a freed slot finds work at once."""
        return self._most - self.busy - self.surveying - len(self._waiting)

    def push(self, group: LeasedGroup, reason: str) -> None:
        """Let a group wait for a slot; `reason` is that of the plan which sent it here."""
        heapq.heappush(self._waiting, (RULES[group.message.stream].order, next(self._arrival), group, reason))

    def pop(self) -> tuple[LeasedGroup, str]:
        """The group that waited longest in the highest stream, with the reason of its plan."""
        return heapq.heappop(self._waiting)[2:]

    def flush(self) -> list[LeasedGroup]:
        """All waiting groups, to be planned anew."""
        groups = [entry[2] for entry in sorted(self._waiting, key=lambda entry: entry[:2])]
        self._waiting.clear()
        return groups
