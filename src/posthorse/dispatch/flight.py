"""Flight: one attempt under way, from its start to its answer or to the day nobody waits for it any more."""

import asyncio
from collections.abc import Mapping

from posthorse.dispatch.way import Way
from posthorse.mail.ids import AttemptId
from posthorse.mail.outcome import Scope
from posthorse.mail.ports import Clock
from posthorse.mail.stream import StreamRule
from posthorse.spool.port import LeasedGroup, Refusal

OPENING_S = 45.0
"""How long connecting and saying who sends may take in all."""
RECIPIENT_S = 1.0
"""And how much longer for each recipient."""
SLOWEST_BYTES_PER_S = 50_000
"""A link that takes a message more slowly than this is of no use: 30 MB have ten minutes."""


class Flight:
    """One attempt under way."""

    __slots__ = (
        "at_gate",
        "attempt",
        "blame",
        "group",
        "lease_until",
        "parked",
        "reason",
        "refused",
        "released",
        "released_at",
        "released_s",
        "roll",
        "rule",
        "started_at",
        "started_s",
        "task",
        "way",
    )

    def __init__(
        self, way: Way, group: LeasedGroup, attempt: AttemptId, rule: StreamRule, reason: str, clock: Clock, roll: float
    ) -> None:
        self.way = way
        self.group = group
        self.lease_until = group.lease_until
        """By the spool's clock; later than the group's where it was renewed."""
        self.attempt = attempt
        self.reason = reason
        self.rule = rule
        self.roll = roll
        """In [0, 1), drawn once: recipients who are put off together are due together, and stay one group."""
        self.started_at = clock.now()
        self.started_s = clock.monotonic()
        self.released: frozenset[int] = frozenset()
        """Recipients whose release mark is durable."""
        self.released_at = 0
        self.released_s = 0.0
        self.refused: Mapping[int, Refusal] = {}
        self.parked = False
        self.at_gate = False
        """Its release mark is being committed: whatever it waits for now is not the provider's fault."""
        self.blame = Scope.US
        """Whose doing it is if the attempt is stopped."""
        self.task: asyncio.Task[None] | None = None

    @property
    def on_its_way(self) -> bool:
        """It goes on towards its release, whose mark is not yet asked for."""
        if self.released or self.at_gate or self.task is None:
            return False
        return not (self.task.done() or self.task.cancelling())

    @property
    def longest_s(self) -> float:
        """How long it may take to its release: a bound on the sum of what the way out itself bounds step by step."""
        group = self.group
        return OPENING_S + RECIPIENT_S * len(group.recipients) + len(group.body) / SLOWEST_BYTES_PER_S
