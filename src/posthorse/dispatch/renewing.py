"""Renewing: the lease of an attempt that takes long is extended while it goes on.

Large mail on a slow link needs longer than a lease lasts. Promise: what is on its way to its release is not given to
anybody else as long as the spool answers; an attempt that lost its lease all the same is told at once, since its
release would be refused. Few attempts get so old, so this is no part of the cost of a message.

Left out: how long an attempt may take (courier), who may have a lease (spool).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from posthorse.dispatch.flight import Flight
from posthorse.dispatch.ports import Journal
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND
from posthorse.spool.port import Renewal, Spool, SpoolUnavailable

RENEW_BEFORE = 20 * SECOND
"""A lease is renewed when it ends so soon."""
PAUSE_S = 1.0
"""Between a call that the spool could not do and the next."""


class Renewer:
    """One per courier; at most one call of the spool at a time."""

    def __init__(
        self, spool: Spool, journal: Journal, clock: Clock, lost: Callable[[Flight, Sequence[int]], None]
    ) -> None:
        """`clock`: the spool's, as far as it is known; `lost` is told which recipients of an attempt it lost."""
        self._spool = spool
        self._journal = journal
        self._clock = clock
        self._lost = lost
        self._task: asyncio.Task[None] | None = None

    def look(self, flights: Iterable[Flight]) -> None:
        """Renew what will run out soon, unless it is about to be released; returns at once."""
        if self._task is not None:
            return
        soon = self._clock.now() + RENEW_BEFORE
        due = [flight for flight in flights if flight.lease_until < soon and flight.on_its_way]
        if due:
            self._task = asyncio.get_running_loop().create_task(self._renew(due))

    def stop(self) -> None:
        """Extend nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def _renew(self, flights: Sequence[Flight]) -> None:
        try:
            renewals = [_renewal(flight) for flight in flights]
            for flight, renewed in zip(flights, await self._spool.renew(renewals), strict=True):
                flight.lease_until = renewed.until
                if renewed.stale and flight.on_its_way:
                    self._lost(flight, renewed.stale)
        except SpoolUnavailable as error:
            self._journal.spool_trouble("renew", error)
            await asyncio.sleep(PAUSE_S)
        except Exception as error:
            self._journal.bug("renew", error)
            await asyncio.sleep(PAUSE_S)
        finally:
            self._task = None


def _renewal(flight: Flight) -> Renewal:
    recipients = tuple([(one.n, one.fence) for one in flight.group.recipients])
    return Renewal(message_id=flight.group.message.id, recipients=recipients)
