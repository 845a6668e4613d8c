"""Keeping notifications together: what arrives while the spool commits goes into its next transaction.

Promise: whoever waits gets the answer of the transaction that held his notification; when that failed, all who were in
it are told. One transaction is under way at a time, and a lone notification waits for nobody.
"""

import asyncio

from posthorse.spool.inbox_port import Notification, SpoolInbox

_MOST = 256
"""Notifications of one transaction."""


class Keeping:
    """Puts notifications into the spool."""

    def __init__(self, spool: SpoolInbox) -> None:
        self._spool = spool
        self._waiting: list[tuple[Notification, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def keep(self, notification: Notification) -> bool:
        """Once it is durable: whether it is new. Raises `SpoolUnavailable`."""
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((notification, kept))
        if self._task is None:
            self._task = loop.create_task(self._take_in())
        return await kept

    async def _take_in(self) -> None:
        """Until nobody waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._take_in_batch(batch)
        finally:
            self._task = None

    async def _take_in_batch(self, batch: list[tuple[Notification, asyncio.Future[bool]]]) -> None:
        try:
            answers = await self._spool.take_in([notification for notification, _ in batch])
            for (_, kept), new in zip(batch, answers, strict=True):
                if not kept.done():
                    kept.set_result(new)
        except Exception as error:
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(error)
