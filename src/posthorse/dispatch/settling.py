"""Settling: outcomes are made durable in groups, apart from the slots that produced them.

A slot is free as soon as its answer is known; the settlement waits here for its transaction. While the spool is in
trouble settlements are kept and tried again, and beyond `FULL` the dispatcher stops starting attempts, so what waits is
bounded. One that the spool refuses as wrong, a bug, is let go. Let go, or lost in a crash, a settlement leaves a lease
that lapses: never a wrong state.
"""

import asyncio
from collections.abc import Callable, Sequence

from posthorse.dispatch.ports import Journal
from posthorse.mail.message import Message
from posthorse.mail.stream import Stream
from posthorse.spool.port import Settled, Settlement, Spool, SpoolUnavailable

FULL = 5_000
BATCH = 500
PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


_Due = tuple[Message, Settlement]


class Settler:
    """The queue of settlements that wait for their transaction."""

    def __init__(self, spool: Spool, journal: Journal, due: Callable[[Stream, int], None]) -> None:
        """`due` is told, once durable, of every recipient that may be leased again, and when."""
        self._spool = spool
        self._journal = journal
        self._due = due
        self._waiting: list[_Due] = []
        self._flush: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Start nothing new until the spool took what waits."""
        return len(self._waiting) >= FULL

    def add(self, message: Message, settlement: Settlement) -> None:
        """Queue one settlement; returns at once."""
        self._waiting.append((message, settlement))
        if self._flush is None:
            self._flush = asyncio.get_running_loop().create_task(self._run())

    async def drain(self, limit_s: float) -> None:
        """Wait until everything queued is durable, at most so long; what is left then lapses with its lease."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + limit_s
        while self._flush is not None and loop.time() < until_s:
            await asyncio.wait([self._flush], timeout=until_s - loop.time())
        if self._flush is not None:
            self._flush.cancel()

    async def _run(self) -> None:
        failures, size = 0, BATCH
        try:
            while self._waiting:
                batch = self._waiting[:size]
                try:
                    results = await self._spool.settle([settlement for _, settlement in batch])
                except SpoolUnavailable as error:
                    self._journal.spool_trouble("settle", error)
                    await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
                    failures += 1
                except Exception as error:
                    size = self._narrow(batch, error)
                else:
                    del self._waiting[: len(batch)]
                    failures, size = 0, BATCH
                    self._tell(batch, results)
        finally:
            self._flush = None

    def _narrow(self, batch: list[_Due], error: Exception) -> int:
        """One settlement that no spool takes must not hold up the others: halve down to it and let it go."""
        if len(batch) > 1:
            return len(batch) // 2
        self._journal.bug("settle", error)
        del self._waiting[0]
        return BATCH

    def _tell(self, batch: list[_Due], results: Sequence[Settled]) -> None:
        for (message, settlement), result in zip(batch, results, strict=True):
            if settlement.outcome is not None:
                self._journal.settled(
                    message, settlement.n, settlement.provider, settlement.attempt, settlement.outcome, result
                )
            if settlement.next_at is not None:
                self._due(message.stream, settlement.next_at)
