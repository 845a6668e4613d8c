"""Dispatcher: brings due mail from the spool to free slots, highest stream first.

Promise: bounded work in hand; a group in hand is attempted, given back or settled, never forgotten. Mail accepted
while a slot is free comes already leased (`claims`, `take`); everything else is leased in batches. Knowledge of what is
due is a hint: once a second the spool is asked, so work of other nodes, lapsed leases and restarts are found too.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from posthorse.dispatch.capacity import room_for
from posthorse.dispatch.courier import Courier
from posthorse.dispatch.plan import Candidate, GiveUp, Group, Try, Wait, make_plan
from posthorse.dispatch.ports import Journal, Watch
from posthorse.dispatch.route import Route, candidates_of, route_of
from posthorse.dispatch.settling import Settler
from posthorse.dispatch.spool_clock import SpoolClock
from posthorse.dispatch.way import Way
from posthorse.mail.ids import NodeId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.orders import NO_ORDERS, Orders
from posthorse.mail.outcome import Rejection, Reply, Scope
from posthorse.mail.ports import Clock, Ids, Rng
from posthorse.mail.standing import GOOD, Standing
from posthorse.mail.stream import BY_ORDER, RULES, SECOND, Stream, StreamRule
from posthorse.spool.port import LeasedGroup, LeasedRecipient, LeaseRequest, Settlement, Spool, SpoolUnavailable

TICK_S = 0.25
POLL_S = 1.0
SWEEP_LIMIT = 500
LEASE_MARGIN = 15 * SECOND
"""A group that waited so long for a slot that its lease is this close to its end goes back."""
NEWEST_AFTER = 30 * SECOND
OLDEST_EVERY = 4
"""While the newest urgent mail goes first, every so many leases still take the oldest."""
LARGE_LEASE_BYTES = 8 << 20
LAST_WORDS_S = 5.0
"""How long a stop waits for the spool to take what is left to say."""
NEVER = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is configured."""

    rules: Mapping[Stream, StreamRule] = field(default_factory=lambda: RULES)
    parked: int = 1_000
    """Most attempts kept for a late answer."""


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
        self._node = node
        self._spool = ports.spool
        self._watch = ports.watch
        self._journal = ports.journal
        self._clock = SpoolClock(ports.clock)
        self._rng = ports.rng
        self.ways = dict(ways)
        self._routes = tuple(routes)
        self._orders = NO_ORDERS
        self._settler = Settler(ports.spool, ports.journal, self.due)
        self.courier = Courier(
            spool=ports.spool,
            settler=self._settler,
            watch=ports.watch,
            journal=ports.journal,
            clock=self._clock,
            rng=ports.rng,
            ids=ports.ids,
            rules=settings.rules,
            parked=settings.parked,
            landed=self._landed,
        )
        self._due: dict[Stream, int] = dict.fromkeys(Stream, 0)
        self._wake = asyncio.Event()
        self._at_rest = asyncio.Event()
        """Set while the loop does not run."""
        self._at_rest.set()
        self._stopping = False
        self.promised = 0
        """Claims of mail that is being accepted, so that many at once do not all count on the same room."""
        self._urgent_leases = 0
        self._urgent_late = False

    # What others call

    def follow(self, orders: Orders) -> None:
        """Take over people's standing orders; a failover to a provider that is gone is none."""
        if orders.failover is not None and orders.failover not in self.ways:
            orders = replace(orders, failover=None)
        if orders != self._orders:
            self._orders = orders
            self._replan_all()

    def reroute(self, routes: Sequence[Route]) -> None:
        """Take over changed routes for everything not yet started."""
        self._routes = tuple(routes)
        self._replan_all()

    def claims(self, stream: Stream) -> bool:
        """Whether mail of this stream, accepted now, should come leased: room, and nobody of its rank waits."""
        if self._stopping or not self._may_start:
            return False
        now = self._clock.now()
        for ranked in BY_ORDER:
            if self._due[ranked] <= now:
                return False
            if ranked is stream:
                break
        return self._room(stream)[0] > self.promised

    def take(self, group: LeasedGroup) -> None:
        """Bring a leased group on its way; returns at once. A bug on the way is told, and the lease lapses."""
        try:
            self._bring(group)
        except Exception as error:
            self._journal.bug("plan", error)

    def _bring(self, group: LeasedGroup) -> None:
        if self._stopping or self._orders.paused:
            self._give_back(group, self._clock.now(), "the gateway stops" if self._stopping else "sending is paused")
            return
        plan = self._plan(group)
        match plan:
            case Try(provider=name, reason=reason):
                self._send(self.ways[name], group, reason)
            case Wait(until=until, tried=tried, reason=reason):
                self._give_back(replace(group, recipients=_with_tried(group, tried)), until, reason)
            case GiveUp(reason=reason):
                self._give_up(group, reason)

    def due(self, stream: Stream, at: int) -> None:
        """Mail of this stream may be leased from `at` on."""
        if at < self._due[stream]:
            self._due[stream] = at
            self._wake.set()

    def flush(self, name: ProviderName) -> None:
        """A standing changed: what waits for a slot there is planned anew."""
        way = self.ways.get(name)
        if way is not None:
            for group in way.flush():
                self.take(group)
        self._wake.set()

    async def run(self) -> None:
        """Lease and dispatch until stopped."""
        next_tick_s = next_poll_s = 0.0
        self._at_rest.clear()
        try:
            while not self._stopping:
                now_s = self._clock.monotonic()
                if now_s >= next_tick_s:
                    next_tick_s = now_s + TICK_S
                    self._tick()
                try:
                    if now_s >= next_poll_s:
                        next_poll_s = now_s + POLL_S
                        if await self._poll():
                            next_poll_s = now_s
                    await self._lease_all()
                except SpoolUnavailable as error:
                    self._journal.spool_trouble("lease", error)
                    await asyncio.sleep(POLL_S)
                await self._pause()
        finally:
            self._at_rest.set()

    async def stop(self, grace_s: float) -> None:
        """Lease nothing more, give back what waits, let attempts finish for `grace_s` seconds."""
        self._stopping = True
        self._wake.set()
        for way in self.ways.values():
            for group in way.flush():
                self._give_back(group, self._clock.now(), "the gateway stops")
        await self.courier.stop(grace_s)
        with suppress(TimeoutError):  # a lease under way comes back with groups to give back
            await asyncio.wait_for(self._at_rest.wait(), LAST_WORDS_S)
        await self._settler.drain(LAST_WORDS_S)

    # The loop

    async def _pause(self) -> None:
        """Sleep until woken, something is due, or the next tick."""
        self._wake.clear()
        now = self._clock.now()
        until = min((at for stream, at in self._due.items() if at > now or self._worthwhile(stream)), default=NEVER)
        delay_s = min(TICK_S, max(0.0, (until - now) / SECOND))
        if delay_s > 0:
            handle = asyncio.get_running_loop().call_later(delay_s, self._wake.set)
            await self._wake.wait()
            handle.cancel()
        else:
            await asyncio.sleep(0)

    def _tick(self) -> None:
        self.courier.tick()
        for way in self.ways.values():
            if way.busy and self._watch.stalled(way.name, self.courier.released_ages_s(way)):
                self.flush(way.name)

    async def _poll(self) -> bool:
        """Housekeeping, and whatever became due without our knowing; whether there is more to keep."""
        asked_s = self._clock.monotonic()
        report = await self._spool.sweep(SWEEP_LIMIT)
        self._clock.heard(report.at, asked_s)
        earliest = await self._spool.next_due()
        now = self._clock.now()
        if report.lapsed_unreleased or report.lapsed_in_doubt or (earliest is not None and earliest <= now):
            for stream in Stream:
                self._due[stream] = min(self._due[stream], now)
        return report.more

    async def _lease_all(self) -> None:
        """Lease for each stream in order while there is room."""
        for stream in BY_ORDER:
            now = self._clock.now()
            if self._due[stream] > now or not self._may_start:
                continue
            room, worthwhile = self._room(stream)
            if not worthwhile:
                continue
            self._due[stream] = NEVER
            groups = await self._lease(stream, room)
            if _is_cut_short(groups, room):
                self._due[stream] = min(self._due[stream], now)
            for group in groups:
                self.take(group)

    async def _lease(self, stream: Stream, room: int) -> Sequence[LeasedGroup]:
        newest = False
        if stream is Stream.URGENT and self._urgent_late:
            self._urgent_leases += 1
            newest = self._urgent_leases % OLDEST_EVERY != 0
        request = LeaseRequest(node=self._node, stream=stream, limit=room, newest_first=newest)
        try:
            groups = await self._spool.lease(request)
        except SpoolUnavailable:
            self._due[stream] = 0
            raise
        if stream is Stream.URGENT and not newest:
            oldest = min((group.message.accepted_at for group in groups), default=NEVER)
            self._urgent_late = oldest < self._clock.now() - NEWEST_AFTER
        return groups

    # One group

    def _plan(self, group: LeasedGroup) -> Try | Wait | GiveUp:
        first = group.recipients[0]
        seen = Group(
            message=group.message,
            base=first.leased_from,
            tried=first.tried,
            attempts=first.attempts,
            holders=first.holders,
        )
        return make_plan(seen, self._candidates(group.message), self._clock.now(), self._rng.random())

    def _candidates(self, message: Message) -> Iterator[Candidate]:
        route = route_of(message, self._routes)
        if route is None:
            return
        names = candidates_of(message, route, self._orders, self._watch.score, self._rng.random)
        domain, urgent = message.sender_domain, message.stream is Stream.URGENT
        for name in names:
            standing = self._watch.standing(name, names, domain, urgent=urgent)
            yield Candidate(name=name, capability=self.ways[name].provider.capability, standing=standing)

    def _send(self, way: Way, group: LeasedGroup, reason: str) -> None:
        most = way.provider.capability.max_recipients
        while len(group.recipients) > most:
            self._send(way, replace(group, recipients=group.recipients[:most]), reason)
            group = replace(group, recipients=group.recipients[most:])
        if way.free:
            self.courier.start(way, group, reason)
        else:
            way.push(group, reason)

    def _landed(self, way: Way) -> None:
        """A slot is free: the next group that waits for it, planned anew unless all is well here."""
        while way.free and way.waiting and not self._stopping:
            group, reason = way.pop()
            now = self._clock.now()
            if group.lease_until - now < LEASE_MARGIN:
                self._give_back(group, now, "its lease ran short while it waited for a slot")
            elif self._is_good(way, group):
                self.courier.start(way, group, reason)
            else:
                self.take(group)
        if not self._wake.is_set() and way.room >= way.batch and min(self._due.values()) <= self._clock.now():
            self._wake.set()

    def _is_good(self, way: Way, group: LeasedGroup) -> bool:
        """Nothing speaks against the way that was planned (routes and orders that change plan anew by themselves)."""
        message, name = group.message, way.name
        standing = self._watch.standing(name, (name,), message.sender_domain, urgent=message.stream is Stream.URGENT)
        return standing is GOOD and len(group.recipients) <= way.provider.capability.max_recipients

    @property
    def _may_start(self) -> bool:
        """Nobody paused sending, and what was settled finds its way into the spool."""
        return not (self._orders.paused or self._settler.full)

    def _worthwhile(self, stream: Stream) -> bool:
        """Mail may be started, and there is room enough to pay for a lease transaction."""
        return self._may_start and self._room(stream)[1]

    def _room(self, stream: Stream) -> tuple[int, bool]:
        urgent = stream is Stream.URGENT

        def standing_of(name: ProviderName, peers: Sequence[ProviderName]) -> Standing:
            return self._watch.standing(name, peers, "", urgent=urgent)

        return room_for(stream, self._routes, self._orders, self.ways, standing_of)

    def _replan_all(self) -> None:
        for name in self.ways:
            self.flush(name)

    def _give_back(self, group: LeasedGroup, next_at: int, reason: str) -> None:
        for recipient in group.recipients:
            back = Settlement(
                message_id=group.message.id,
                n=recipient.n,
                fence=recipient.fence,
                outcome=None,
                next_at=next_at,
                tried=recipient.tried,
                reason=reason,
            )
            self._settler.add(group.message, back)

    def _give_up(self, group: LeasedGroup, reason: str) -> None:
        for recipient in group.recipients:
            end = Settlement(
                message_id=group.message.id,
                n=recipient.n,
                fence=recipient.fence,
                outcome=Rejection(scope=Scope.MESSAGE, reply=Reply(text=reason)),
                final=True,
                tried=recipient.tried,
                reason=reason,
            )
            self._settler.add(group.message, end)


def _is_cut_short(groups: Sequence[LeasedGroup], room: int) -> bool:
    """More may be due: the lease gave all it was asked for, or so many bytes that they may have stopped it."""
    if sum(len(group.recipients) for group in groups) >= room:
        return True
    return sum(len(group.body) for group in groups) >= LARGE_LEASE_BYTES


def _with_tried(group: LeasedGroup, tried: tuple[ProviderName, ...]) -> tuple[LeasedRecipient, ...]:
    return tuple(replace(recipient, tried=tried) for recipient in group.recipients)
