"""Flight: one attempt under way, from its start to its answer or to the day nobody waits for it any more."""

import asyncio
from collections.abc import Mapping

from posthorse.dispatch.way import Way
from posthorse.mail.ids import AttemptId
from posthorse.mail.outcome import Scope
from posthorse.mail.ports import Clock
from posthorse.mail.stream import StreamRule
from posthorse.spool.port import LeasedGroup, Refusal


class Flight:
    """One attempt under way."""

    __slots__ = (
        "at_gate",
        "attempt",
        "blame",
        "group",
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
