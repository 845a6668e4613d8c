"""The housekeeper: looks at queue and disk every few seconds, and drops what retention lets go."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from posthorse.config.hooks import notifications_of
from posthorse.config.room import free_space_bytes
from posthorse.config.tree import Config
from posthorse.control.node import Confirming
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import QueueCounts, SpoolDesk
from posthorse.spool.kept_port import KeptState, SpoolKept
from posthorse.spool.port import SpoolUnavailable
from posthorse.watch.journal import Journal

LOOK_EVERY_S = 2.0
PURGE_EVERY_S = 60.0
PURGE_LIMIT = 500
PURGE_PAUSE_S = 0.05
"""Between batches, so that mail goes first."""
NO_COUNTS = QueueCounts(by_carriage={}, oldest_waiting={})


class ProvedSpool(SpoolDesk, Protocol):
    """A spool that knows when it failed to store something."""

    @property
    def failed(self) -> bool:
        """Something could not be stored, and since then `prove` did not succeed."""
        ...

    @property
    def kept(self) -> SpoolKept:
        """What providers told."""
        ...

    async def prove(self) -> None:
        """Store something. Raises `SpoolUnavailable`."""
        ...


class Housekeeper:
    """Looks at the spool every few seconds, and drops what retention lets go."""

    def __init__(self, spool: ProvedSpool, config: Config, clock: Clock, journal: Journal) -> None:
        self.config = config
        self.counts = NO_COUNTS
        self.free_space_bytes: int | None = None
        self.trouble = ""
        """Why the spool could not be looked at, or store anything; empty: it could."""
        self.not_confirmed: Mapping[ProviderName, int] = {}
        """How many each provider that tells has not told of in time, as of the last look."""
        self.notifications: Mapping[KeptState, int] = {}
        """How many were not simply read, as of the last look."""
        self._is_low = False
        """The last look found less space than the disk must keep."""
        self._spool = spool
        self._clock = clock
        self._journal = journal

    @property
    def queued(self) -> int:
        """Recipients waiting, as of the last look."""
        return sum(count for (_, carriage), count in self.counts.by_carriage.items() if carriage is Carriage.QUEUED)

    @property
    def well(self) -> bool:
        """The last look found nothing wrong, and nothing failed to be stored since."""
        return not self.trouble and not self._spool.failed

    async def look(self) -> None:
        """One look at queue and disk."""
        try:
            if self._spool.failed:
                await self._spool.prove()
            self.counts = await self._spool.counts()
            waiting = confirming_of(self.config).unconfirmed(self._clock.now())
            self.not_confirmed = await self._spool.count_unconfirmed(waiting) if waiting.providers else {}
            self.notifications = await self._spool.kept.count()
            self._measure_disk()
            self.trouble = ""
        except (SpoolUnavailable, OSError) as error:
            self.trouble = str(error)
            self._journal.spool_trouble("counts", error)

    def _measure_disk(self) -> None:
        """Its free space; whoever reads the log is told when mail begins to be refused for it, and when that ends."""
        free = self.free_space_bytes = free_space_bytes(self.config)
        must_keep = self.config.limits.free_space_bytes
        if (free < must_keep) is not self._is_low:
            self._is_low = not self._is_low
            self._journal.log.disk_space(free, must_keep)

    async def run(self) -> None:
        """Look and purge until cancelled."""
        next_purge_s = self._clock.monotonic() + PURGE_EVERY_S
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()
            if self._clock.monotonic() >= next_purge_s:
                next_purge_s = self._clock.monotonic() + PURGE_EVERY_S
                await self._purge()

    async def _purge(self) -> None:
        keep, now = self.config.retention, self._clock.now()
        bodies, history = now - int(keep.bodies_s * SECOND), now - int(keep.history_s * SECOND)
        try:
            touched = PURGE_LIMIT
            while touched >= PURGE_LIMIT:
                touched = await self._spool.purge(bodies, history, PURGE_LIMIT)
                await asyncio.sleep(PURGE_PAUSE_S)
        except SpoolUnavailable as error:
            self._journal.spool_trouble("purge", error)


def confirming_of(config: Config) -> Confirming:
    """Which providers tell what became of mail, and how long they may take."""
    return Confirming(
        providers=frozenset(provider.name for provider in config.providers if notifications_of(provider) is not None),
        within_us=int(config.feedback.confirm_within_s * SECOND),
    )
