"""What operators do in a world: suppress, cancel, hold and eject, straight at the database, at the worst moments.

Each order is told to the referee at the instant it is committed. Left out: decisions that allow another copy.
"""

import asyncio
import random

from posthorse.gateway import AnySpool
from posthorse.lab.world.referee import Referee
from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.orders import EJECTED
from posthorse.mail.stream import Stream
from posthorse.spool.desk_port import Control, Decision, Hold, RecipientView, Selector, Suppression

BY = "operator:simulated"
EVERYTHING = 1_000_000


class People:
    """The operators."""

    def __init__(self, spool: AnySpool, referee: Referee, dice: random.Random) -> None:
        self._spool = spool
        self._referee = referee
        self._dice = dice

    async def suppress(self) -> None:
        """Put the address of some mail under way on the list, if possible between its lease and its release."""
        view = await self._worst_moment()
        if view is None:
            return
        self._referee.suppressed.add(view.address)
        await self._spool.suppress(
            Suppression(tenant=MAIN_TENANT, address=view.address, reason="simulated", source=BY, created_at=0)
        )

    async def cancel(self) -> None:
        """Cancel a message under way."""
        view = await self._worst_moment()
        if view is None:
            return
        self._referee.withdrew(view.message.id, "cancelled")
        await self._spool.decide(Selector(message_id=view.message.id), Decision.CANCEL, BY, EVERYTHING)

    async def hold(self, for_s: float) -> None:
        """Hold one stream back for a while."""
        stream = self._dice.choice(list(Stream))
        hold = await self._spool.hold(Hold(selector=Selector(stream=stream), reason="simulated", by=BY))
        await asyncio.sleep(for_s)
        await self._spool.unhold(hold.id)

    async def eject(self, provider: str, for_s: float) -> None:
        """Take a provider out for a while."""
        key = f"{EJECTED}{provider}"
        await self._spool.order(Control(key=key, value="", by=BY, at=0))
        await asyncio.sleep(for_s)
        await self._spool.lift(key)

    async def _worst_moment(self) -> RecipientView | None:
        """Some leased recipient, waited for a little; else any whose duty has not ended; None: there is none."""
        views: list[RecipientView] = []
        for _ in range(100):
            views = [
                view for view in await self._spool.select(Selector(), EVERYTHING) if view.carriage not in ENDS_OF_DUTY
            ]
            leased = [view for view in views if view.carriage is Carriage.LEASED]
            if leased:
                return self._dice.choice(leased)
            await asyncio.sleep(0.02)
        return self._dice.choice(views) if views else None
