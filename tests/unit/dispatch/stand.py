"""A node in virtual time with scripted ways out: what the tests of dispatch stand on.

The providers are scripted; the spool is the memory spool, whose calls can be made slow or unavailable; the standings
are the real ones.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from posthorse.dispatch.dispatcher import Settings
from posthorse.dispatch.route import Route
from posthorse.gateway import Gateway, Outlet, Parts
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.ports import WorldClock, WorldIds, WorldRng
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, AttemptId, MessageId, NodeId, ProviderName
from posthorse.mail.message import Message
from posthorse.mail.outcome import Outcome
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import RULES, SECOND, Stream
from posthorse.spool.desk_port import Control, RecipientView, Selector
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import (
    AdmitResult,
    Admitted,
    LeasedGroup,
    LeaseRequest,
    NewMessage,
    ReleaseMark,
    ReleaseVerdict,
    Renewal,
    Renewed,
    Settled,
    Settlement,
    SpoolUnavailable,
    SweepReport,
)
from tests.unit.dispatch.scripted import Scripted

T = TypeVar("T")
A, B, C = (ProviderName(name) for name in "ABC")


class Told:
    """A journal that remembers."""

    def __init__(self) -> None:
        self.settlements: list[tuple[MessageId, int, ProviderName, Outcome, Settled]] = []
        self.attempts: list[tuple[ProviderName, Outcome]] = []
        self.parks: list[ProviderName] = []
        self.bugs: list[tuple[str, BaseException]] = []
        self.troubles: list[str] = []
        self.ignored: list[str] = []
        self.unsurveyed: list[tuple[ProviderName, str]] = []
        self.changes: list[tuple[ProviderName, StandingState, str]] = []

    def settled(
        self, message: Message, n: int, provider: ProviderName, attempt: AttemptId, outcome: Outcome, result: Settled
    ) -> None:
        """Remember."""
        self.settlements.append((message.id, n, provider, outcome, result))

    def attempted(self, provider: ProviderName, outcome: Outcome, duration_s: float) -> None:
        """Remember."""
        self.attempts.append((provider, outcome))

    def parked(self, message: Message, provider: ProviderName, attempt: AttemptId) -> None:
        """Remember."""
        self.parks.append(provider)

    def bug(self, where: str, error: BaseException) -> None:
        """Remember."""
        self.bugs.append((where, error))

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """Remember."""
        self.troubles.append(where)

    def not_surveyed(self, provider: ProviderName, why: str) -> None:
        """Remember."""
        self.unsurveyed.append((provider, why))

    def order_ignored(self, why: str) -> None:
        """Remember."""
        self.ignored.append(why)

    def standing_changed(self, name: ProviderName, state: StandingState, why: str) -> None:
        """Remember."""
        self.changes.append((name, state, why))


class MoodySpool(MemorySpool):
    """A memory spool whose calls take a while, can be unavailable, can do their work and yet fail, and are counted."""

    def __init__(self, clock: WorldClock) -> None:
        super().__init__(clock=clock)
        self.down: set[str] = set()
        """Calls that fail before they do anything."""
        self.deaf: set[str] = set()
        """Calls that do their work, and then fail."""
        self.poison: Callable[[Settlement], bool] = lambda settlement: False
        self.calls: dict[str, int] = {}
        self.delay_s = 0.001
        self.slow: dict[str, float] = {}
        """Calls that take so many seconds instead."""
        self.asked: list[LeaseRequest] = []

    async def _mood(self, call: str, work: Callable[[], Awaitable[T]]) -> T:
        self.calls[call] = self.calls.get(call, 0) + 1
        await asyncio.sleep(self.slow.get(call, self.delay_s))
        if call in self.down:
            raise SpoolUnavailable(f"{call} is down")
        result = await work()
        if call in self.deaf:
            raise SpoolUnavailable(f"{call} was done, but nobody hears of it")
        return result

    async def admit(self, batch: Sequence[NewMessage]) -> Sequence[AdmitResult]:
        """As the port says."""
        return await self._mood("admit", lambda: MemorySpool.admit(self, batch))

    async def lease(self, request: LeaseRequest) -> Sequence[LeasedGroup]:
        """As the port says."""
        self.asked.append(request)
        return await self._mood("lease", lambda: MemorySpool.lease(self, request))

    async def release(self, batch: Sequence[ReleaseMark]) -> Sequence[ReleaseVerdict]:
        """As the port says."""
        return await self._mood("release", lambda: MemorySpool.release(self, batch))

    async def renew(self, batch: Sequence[Renewal]) -> Sequence[Renewed]:
        """As the port says."""
        return await self._mood("renew", lambda: MemorySpool.renew(self, batch))

    async def settle(self, batch: Sequence[Settlement]) -> Sequence[Settled]:
        """As the port says."""
        if any(self.poison(settlement) for settlement in batch):
            raise ZeroDivisionError("a settlement that no spool can take")
        return await self._mood("settle", lambda: MemorySpool.settle(self, batch))

    async def sweep(self, limit: int) -> SweepReport:
        """As the port says."""
        return await self._mood("sweep", lambda: MemorySpool.sweep(self, limit))


class Stand:
    """A running node and all that surrounds it."""

    def __init__(
        self,
        loop: WorldLoop,
        providers: Sequence[Scripted],
        *,
        slots: int = 4,
        routes: Sequence[Route] | None = None,
        settings: Settings | None = None,
        skew_s: int = 0,
    ) -> None:
        """`skew_s`: how far the node's wall clock is ahead of the spool's."""
        self.loop = loop
        self.clock = WorldClock(loop)
        self.ids = WorldIds(self.clock, loop.seed, "stand")
        self.spool = MoodySpool(self.clock)
        self.told = Told()
        self.providers = {provider.name: provider for provider in providers}
        self.gateway = Gateway(
            Parts(
                node=NodeId("node"),
                spool=self.spool,
                clock=WorldClock(loop, skew_us=skew_s * SECOND),
                rng=WorldRng(loop.seed, "stand"),
                ids=self.ids,
                journal=self.told,
                outlets=[Outlet(provider=provider, slots=slots) for provider in providers],
                routes=routes or [Route(providers=tuple(self.providers))],
                settings=settings or Settings(),
            )
        )
        self.dispatcher = self.gateway.dispatcher
        self.courier = self.dispatcher.courier

    def __getitem__(self, name: str) -> Scripted:
        return self.providers[ProviderName(name)]

    def new(self, stream: Stream = Stream.STANDARD, *, recipients: int = 1, **fields: Any) -> NewMessage:
        """A message to store."""
        rule = RULES[stream]
        plain = NewMessage(
            id=MessageId(self.ids.new()),
            tenant=MAIN_TENANT,
            stream=stream,
            sender="ann@example.com",
            recipients=tuple(f"r{n}@example.net" for n in range(recipients)),
            body=b"Subject: x\r\n\r\nx\r\n",
            deadline_us=int(rule.deadline_s * SECOND),
            copies_allowed=rule.copies_allowed,
        )
        return replace(plain, **fields)

    async def post(self, stream: Stream = Stream.STANDARD, count: int = 1, **fields: Any) -> list[MessageId]:
        """Store messages as a front does, one after the other; their ids."""
        stored = []
        for _ in range(count):
            result = await self.gateway.store(self.new(stream, **fields))
            assert isinstance(result, Admitted)
            stored.append(result.id)
        return stored

    async def queue(self, stream: Stream = Stream.STANDARD, count: int = 1, **fields: Any) -> list[MessageId]:
        """Put messages into the spool without telling the node, as another node would."""
        news = [self.new(stream, **fields) for _ in range(count)]
        await self.spool.admit(news)
        return [new.id for new in news]

    async def order(self, rows: Mapping[str, str]) -> None:
        """These standing orders and no others are in force from now on."""
        for control in await self.spool.orders():
            await self.spool.lift(control.key)
        for key, value in rows.items():
            await self.spool.order(Control(key=key, value=value, by="a person", at=self.clock.now()))
        await self.gateway.follow_orders()

    async def views(self, message_id: MessageId | None = None) -> list[RecipientView]:
        """Every recipient, or those of one message, by number; the oldest message first."""
        found = await self.spool.select(Selector(message_id=message_id), 1_000_000)
        return sorted(found, key=lambda view: (view.message.id, view.n))

    async def view(self, message_id: MessageId) -> RecipientView:
        """The only recipient of a message."""
        (view,) = await self.views(message_id)
        return view

    async def carriages(self) -> dict[Carriage, int]:
        """How many recipients stand where."""
        counts: dict[Carriage, int] = {}
        for view in await self.views():
            counts[view.carriage] = counts.get(view.carriage, 0) + 1
        return counts

    def sent(self) -> list[tuple[ProviderName, float, MessageId]]:
        """Every release that any provider saw, in order of time."""
        released = [
            (seen.at_s, name, seen.message.id)
            for name, provider in self.providers.items()
            for seen in provider.seen
            if seen.released
        ]
        return [(name, at_s, message_id) for at_s, name, message_id in sorted(released)]

    def assert_idle(self) -> None:
        """No slot is held, nothing waits for one, nothing flies: every group in hand was brought to an end."""
        assert self.courier.flying == 0
        assert not self.told.bugs
        for way in self.dispatcher.ways.values():
            assert (way.busy, way.waiting) == (0, 0)
        assert not self.dispatcher._settler._waiting
        assert self.dispatcher.hand.total == 0


def play(
    story: Callable[[Stand], Coroutine[Any, Any, T]],
    *providers: Scripted,
    seed: int = 1,
    max_steps: int = 200_000,
    running: bool = True,
    **setting: Any,
) -> T:
    """Run a story on a node with these providers (A and B that take everything, if none), then stop the node."""

    async def main(loop: WorldLoop) -> T:
        stand = Stand(loop, providers or (Scripted(A), Scripted(B)), **setting)
        if running:
            await stand.gateway.start()
            await asyncio.sleep(0.1)
        result = await story(stand)
        stand.spool.down.clear()
        stand.spool.deaf.clear()
        await stand.gateway.stop(1.0)
        return result

    return run_world(main, seed, max_steps=max_steps)
