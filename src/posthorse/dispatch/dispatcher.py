"""Dispatcher: due mail leaves by free slots; the parts of dispatch put together.

The supply brings groups from the spool, the forwarder finds each its way, couriers attempt, the settler makes the ends
durable. Left out: all of that; here they only meet, and here others ask.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from posthorse.dispatch.choice import Choice
from posthorse.dispatch.courier import Courier
from posthorse.dispatch.forwarder import Forwarder
from posthorse.dispatch.in_hand import InHand
from posthorse.dispatch.ports import Journal, Watch
from posthorse.dispatch.route import Route
from posthorse.dispatch.settling import Settler
from posthorse.dispatch.spool_clock import SpoolClock
from posthorse.dispatch.supply import Supply
from posthorse.dispatch.way import Way
from posthorse.mail.ids import NodeId, ProviderName
from posthorse.mail.orders import Orders
from posthorse.mail.ports import Clock, Ids, Rng
from posthorse.mail.stream import RULES, Stream, StreamRule
from posthorse.spool.port import LeasedGroup, Spool

TICK_S = 0.25
LAST_WORDS_S = 5.0
"""How long a stop waits for the spool to take what is left to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is configured."""

    rules: Mapping[Stream, StreamRule] = field(default_factory=lambda: RULES)
    parked: int = 1_000
    """Most attempts kept for a late answer."""
    in_hand_bytes: int = 64 << 20
    """Most bytes of messages in hand, of a stream and those served before it; one message is always taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the dispatcher is handed."""

    spool: Spool
    watch: Watch
    journal: Journal
    clock: Clock
    rng: Rng
    ids: Ids


class Dispatcher:
    """One per node."""

    def __init__(
        self,
        *,
        node: NodeId,
        ports: Ports,
        ways: Mapping[ProviderName, Way],
        routes: Sequence[Route],
        settings: Settings,
    ) -> None:
        self._watch = ports.watch
        self._journal = ports.journal
        clock = SpoolClock(ports.clock)
        self._choice = Choice(ways, routes, ports.watch, ports.rng)
        self.ways = self._choice.ways
        self.hand = InHand(settings.in_hand_bytes)
        self._settler = Settler(ports.spool, ports.journal, self.due)
        self.courier = Courier(
            spool=ports.spool,
            settler=self._settler,
            watch=ports.watch,
            journal=ports.journal,
            clock=clock,
            rng=ports.rng,
            ids=ports.ids,
            rules=settings.rules,
            parked=settings.parked,
            landed=self._landed,
        )
        self._forwarder = Forwarder(
            choice=self._choice,
            courier=self.courier,
            settler=self._settler,
            hand=self.hand,
            journal=ports.journal,
            clock=clock,
            rng=ports.rng,
        )
        self.take = self._forwarder.take
        """Bring a leased group on its way; returns at once."""
        self.supply = Supply(
            node=node,
            spool=ports.spool,
            choice=self._choice,
            settler=self._settler,
            hand=self.hand,
            journal=ports.journal,
            clock=clock,
            take=self._forwarder.take,
        )
        self._ignored: ProviderName | None = None
        """The target of a failover order that is not followed."""
        self._stopping = False

    def follow(self, orders: Orders) -> None:
        """Take over people's standing orders; a failover to a provider that is gone is none, and told once."""
        target = orders.failover
        if target is not None and target not in self.ways:
            orders = replace(orders, failover=None)
            if target != self._ignored:
                self._journal.order_ignored(f"failover to {target}: no such provider is configured")
        else:
            target = None
        self._ignored = target
        if orders != self._choice.orders:
            self._choice.orders = orders
            self._replan_all()

    def reroute(self, routes: Sequence[Route]) -> None:
        """Take over changed routes for everything not yet started."""
        self._choice.routes = tuple(routes)
        self._replan_all()

    def due(self, stream: Stream, at: int) -> None:
        """Mail of this stream may be leased from `at` on."""
        self.supply.due(stream, at)

    def flush(self, name: ProviderName) -> None:
        """A standing changed: what waits for a slot there is planned anew."""
        self._forwarder.flush(name)
        self.supply.look()

    async def run(self) -> None:
        """Lease and dispatch until stopped."""
        await self.supply.run()

    async def tend(self) -> None:
        """Park, stop and trip on time until stopped; a task of its own, so that no slow call of the spool delays it."""
        while not self._stopping:
            self._tick()
            await asyncio.sleep(TICK_S)

    async def stop(self, grace_s: float) -> None:
        """Lease nothing more, give back what waits, let attempts finish for `grace_s` seconds."""
        self._stopping = True
        self.supply.stop()
        self._forwarder.stop()
        await self.courier.stop(grace_s)
        await self.supply.rest(LAST_WORDS_S)
        await self._settler.drain(LAST_WORDS_S)

    def _tick(self) -> None:
        self.courier.tick()
        for way in self.ways.values():
            if way.busy and self._watch.stalled(way.name, self.courier.released_ages_s(way)):
                self.flush(way.name)

    def _landed(self, way: Way, group: LeasedGroup) -> None:
        self._forwarder.landed(way, group)
        self.supply.landed(way)

    def _replan_all(self) -> None:
        for name in self.ways:
            self.flush(name)
