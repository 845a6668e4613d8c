"""The customers of a world: who wants to be told, and the last act, in which they are told the rest.

In the last act every process is killed once more and one is started that only tells, so that days of virtual time cost
little; it ends when every endpoint that lives was told everything, or the schedule has passed.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from posthorse.feedback.customer_event import CustomerEventKind
from posthorse.lab.world.customer import BACK_WITHIN_S, ILL, WELL, Customer, Temperament, temperament
from posthorse.lab.world.database import at_once
from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.node import Node
from posthorse.lab.world.referee import Referee
from posthorse.lab.world.telling import AFTER_TROUBLE_S, Telling
from posthorse.mail.ids import MAIN_TENANT
from posthorse.spool.desk_port import RecipientView
from posthorse.spool.memory import ALL, MemorySpool

LOOK_EVERY_S = 900.0
"""In the last act."""
PERSON_EVERY_S = 60.0
"""How often a person looks whether an endpoint is still disabled."""

REPLAYED = 0.1
"""Share of the worlds in which a person has everything told again."""


class Customers:
    """All of one world."""

    def __init__(
        self, loop: WorldLoop, spool: MemorySpool, referee: Referee, now: Callable[[], int], troubled_s: float
    ) -> None:
        """Enrol them, so that everything is told from the beginning; the ill one is so from before `troubled_s` on."""
        self._loop = loop
        self._spool = spool
        self._referee = referee
        self._now = now
        self.telling = Telling(
            now=now,
            facts=lambda seq: at_once(spool.events_since(seq, ALL)),
            states=lambda: at_once(spool.outbox.endpoints()),
            accuse=referee.accuse,
            note=loop.trace.note,
            quiet_since=None,
        )
        dice = random.Random(f"customers/{loop.seed}")
        self.well = self._customer(WELL, Temperament(), frozenset(CustomerEventKind))
        some = frozenset(dice.sample(list(CustomerEventKind), 5))
        self.ill = self._customer(ILL, temperament(dice, troubled_s), some)
        self.all = (self.well, self.ill)
        self._replay_at_s = dice.uniform(5.0, 2 * troubled_s) if dice.random() < REPLAYED else None
        for customer in self.all:
            at_once(spool.outbox.enroll(MAIN_TENANT, customer.name))

    def _customer(self, name: str, how: Temperament, kinds: frozenset[CustomerEventKind]) -> Customer:
        return Customer(
            name=name,
            temperament=how,
            kinds=kinds,
            dice=random.Random(f"{name}/{self._loop.seed}"),
            taken=self.telling.heard,
            refused=self.telling.refused,
            called=self.telling.called,
        )

    def quiet_now(self, *, always: bool) -> None:
        """Nothing of ours is in trouble from now on; `always`: nor was it before."""
        self.telling.quiet_since = self._now() + (0 if always else int(AFTER_TROUBLE_S * 1_000_000))

    async def care(self) -> None:
        """What people do, until cancelled."""
        await asyncio.gather(self._enable(), self._replay())

    async def _enable(self) -> None:
        """A person enables what said that it was gone, if it is to come back."""
        at_s = self.ill.temperament.enabled_at_s
        if at_s is None:
            return
        await asyncio.sleep(at_s)
        while True:
            state = await self._spool.outbox.endpoint(MAIN_TENANT, ILL)
            if state is not None and state.disabled_at is not None:
                self._loop.trace.note(f"a person enables {ILL}")
                await self._spool.outbox.enable(MAIN_TENANT, ILL)
            await asyncio.sleep(PERSON_EVERY_S)

    async def _replay(self) -> None:
        """In some worlds a person has everything told again, which makes nothing new wait."""
        if self._replay_at_s is None:
            return
        await asyncio.sleep(self._replay_at_s)
        self._loop.trace.note("a person replays")
        for customer in self.all:
            await self._spool.outbox.replay_since(MAIN_TENANT, customer.name, 0)

    async def tell_the_rest(self, nodes: Mapping[str, Node], views: Sequence[RecipientView]) -> None:
        """The last act and its verdict."""
        first, *others = nodes.values()
        for node in others:
            node.host.crash()
        first.only_tell(LOOK_EVERY_S)
        began_s = self._loop.time()
        limit_s = max(began_s + BACK_WITHIN_S, self.ill.temperament.told_by_s or 0.0)
        missing = self.telling.missing(self.all, views)
        while missing and self._loop.time() < limit_s:
            await asyncio.sleep(min(limit_s - self._loop.time(), max(1.0, (self._loop.time() - began_s) / 4)))
            missing = self.telling.missing(self.all, views)
        for what in missing[:5]:
            self._referee.accuse("I12", f"never told, {self.ill.temperament}: {what}")
        if not missing:
            self.telling.judge_promptness(self.well)
