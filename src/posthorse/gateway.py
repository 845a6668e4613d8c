"""Gateway: one node put together from its parts, without an operating system in sight.

The daemon gives it real clocks and networks, the seeded world virtual ones; what runs between them is the same.
Here the stages meet: accepted mail goes to the spool and, while a slot is free, on to dispatch in the same transaction;
standings reach dispatch; people's standing orders are followed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from posthorse.dispatch.dispatcher import Dispatcher, Ports, Settings
from posthorse.dispatch.ports import Journal as DispatchJournal
from posthorse.dispatch.route import Route
from posthorse.dispatch.way import Way
from posthorse.mail.ids import NodeId, ProviderName
from posthorse.mail.orders import NO_ORDERS, Orders, read_orders
from posthorse.mail.ports import Clock, Ids, Rng
from posthorse.mail.standing import StandingState
from posthorse.providers.port import DEFAULT_LIMITS, Limits, Provider
from posthorse.spool.desk_port import SpoolDesk
from posthorse.spool.inbox_port import SpoolInbox
from posthorse.spool.outbox_port import SpoolOutbox
from posthorse.spool.port import AdmitResult, Admitted, NewMessage, Spool, SpoolUnavailable
from posthorse.spool.recorded_port import SpoolRecorded
from posthorse.watch.recovery import DEFAULT_RECOVERY, Recovery
from posthorse.watch.watcher import Watcher

ORDERS_EVERY_S = 1.0


class AnySpool(Spool, SpoolDesk, Protocol):
    """A spool with all its sides."""

    @property
    def inbox(self) -> SpoolInbox:
        """Its side for what is learnt back."""
        ...

    @property
    def outbox(self) -> SpoolOutbox:
        """Its side for what customers are told."""
        ...

    @property
    def recorded(self) -> SpoolRecorded:
        """Its side for whoever studies the traffic."""
        ...


class Journal(DispatchJournal, Protocol):
    """Measures and log of the whole node."""

    def standing_changed(self, name: ProviderName, state: StandingState, why: str) -> None:
        """A provider tripped or recovered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """A provider with its slots."""

    provider: Provider
    slots: int
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a node is made of."""

    node: NodeId
    spool: AnySpool
    clock: Clock
    rng: Rng
    ids: Ids
    journal: Journal
    outlets: Sequence[Outlet]
    routes: Sequence[Route]
    settings: Settings = field(default_factory=Settings)
    recovery: Recovery = DEFAULT_RECOVERY


class Gateway:
    """A running node."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._spool = parts.spool
        self._journal = parts.journal
        self.watcher = Watcher(
            groups_of(parts.routes),
            [outlet.provider.name for outlet in parts.outlets],
            parts.clock,
            parts.rng,
            parts.recovery,
        )
        self.watcher.on_change(self._standing_changed)
        ports = Ports(
            spool=parts.spool,
            watch=self.watcher,
            journal=parts.journal,
            clock=parts.clock,
            rng=parts.rng,
            ids=parts.ids,
        )
        ways = {outlet.provider.name: Way(outlet.provider, outlet.slots, outlet.limits) for outlet in parts.outlets}
        self.dispatcher = Dispatcher(
            node=parts.node, ports=ports, ways=ways, routes=parts.routes, settings=parts.settings
        )
        self.orders: Orders = NO_ORDERS
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read the standing orders, then begin to send."""
        await self.follow_orders()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._guard(self.dispatcher.run, "dispatcher")),
            loop.create_task(self._guard(self.dispatcher.tend, "tending attempts")),
            loop.create_task(self._orders_loop()),
        ]

    async def stop(self, grace_s: float) -> None:
        """Stop sending, let attempts finish for `grace_s` seconds; the spool stays open."""
        await self.dispatcher.stop(grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for way in self.dispatcher.ways.values():
            await way.provider.close()

    async def store(self, new: NewMessage) -> AdmitResult:
        """Make a message durable and bring it on its way. Raises `SpoolUnavailable`: then nothing was promised."""
        due, supply = new.not_before or 0, self.dispatcher.supply
        claimed = not due and supply.claims(new.stream)
        if claimed:
            new = replace(new, lease_for=self._parts.node)
            supply.promise(new)
        try:
            (result,) = await self._spool.admit([new])
        except SpoolUnavailable as error:
            self._journal.spool_trouble("admit", error)
            raise
        finally:
            if claimed:
                supply.redeem(new)
        if isinstance(result, Admitted):
            if result.lease is not None:
                self.dispatcher.take(result.lease)
            elif result.suppressed < len(new.recipients):
                self.dispatcher.due(new.stream, due)
        return result

    async def follow_orders(self) -> None:
        """Take over the standing orders as they are in the spool now."""
        rows = {control.key: control.value for control in await self._spool.orders()}
        self.orders = read_orders(rows)
        self.dispatcher.follow(self.orders)

    def reroute(self, routes: Sequence[Route]) -> None:
        """Take over changed routes."""
        self.watcher.standings.regroup(groups_of(routes), self.dispatcher.ways)
        self.dispatcher.reroute(routes)

    def restore(self, name: ProviderName) -> None:
        """A person says that a provider is well: forget what was held against it."""
        self.watcher.standings.forget(name)
        self.dispatcher.flush(name)

    def _standing_changed(self, name: ProviderName, state: StandingState, why: str) -> None:
        self._journal.standing_changed(name, state, why)
        asyncio.get_running_loop().call_soon(self.dispatcher.flush, name)

    async def _orders_loop(self) -> None:
        while True:
            await asyncio.sleep(ORDERS_EVERY_S)
            try:
                await self.follow_orders()
            except SpoolUnavailable as error:
                self._journal.spool_trouble("orders", error)

    async def _guard(self, run: Callable[[], Awaitable[None]], where: str) -> None:
        """A bug in a loop is loud, counted and restarted with growing pauses."""
        pause_s = 0.1
        while True:
            try:
                await run()
                return
            except Exception as error:
                self._journal.bug(where, error)
                await asyncio.sleep(pause_s)
                pause_s = min(30.0, pause_s * 2)


def groups_of(routes: Sequence[Route]) -> list[frozenset[ProviderName]]:
    """The candidate sets whose last open member is never closed."""
    return [frozenset(route.providers) for route in routes]


def default_routes(providers: Mapping[ProviderName, object]) -> tuple[Route, ...]:
    """Without `[[routes]]`: every stream through all providers in the order of the file."""
    return (Route(providers=tuple(providers)),)
