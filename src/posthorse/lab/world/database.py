"""The simulated database that all nodes share, and the line to it: commits that are lost, doubtful or fatal.

One memory spool stands for a highly available database: what it committed is never lost. Between a node and it, chance
decides for each transaction: it is refused before it committed, it committed and the answer is lost, or the node is
killed at that very instant, before the commit or after it. The referee sees every commit as the database does.

Promise: a transaction is atomic and happens at one instant of virtual time, whatever becomes of the node that asked.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, cast

from posthorse.gateway import AnySpool
from posthorse.lab.world.host import Host
from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.outbox_line import outbox_line
from posthorse.lab.world.wire import KERNEL
from posthorse.spool.inbox_port import Digestion, Learning, Notification, SpoolInbox, StoredNotification
from posthorse.spool.outbox_port import SpoolOutbox
from posthorse.spool.port import (
    AdmitResult,
    Admitted,
    LeasedGroup,
    LeaseRequest,
    NewMessage,
    Released,
    ReleaseMark,
    ReleaseVerdict,
    Renewal,
    Renewed,
    Settled,
    Settlement,
    SpoolUnavailable,
)

T = TypeVar("T")

EAGER_BY_S = 0.5
"""How long before its commit an eager call is answered."""


class Fate(Enum):
    """What becomes of one transaction of a node."""

    FINE = "fine"
    REFUSED = "refused"
    """It did not commit, and the node is told that nobody knows."""
    UNANSWERED = "unanswered"
    """It committed, and the node is told that nobody knows."""
    KILLED_BEFORE = "killed_before"
    """The node dies; it did not commit."""
    KILLED_AFTER = "killed_after"
    """It committed; the node dies before it learns so."""


@dataclass(slots=True)
class Trouble:
    """How often each misfortune strikes one transaction, from 0 to 1; the weather changes it."""

    refused: float = 0.0
    unanswered: float = 0.0
    killed_before: float = 0.0
    killed_after: float = 0.0

    def draw(self, dice: random.Random) -> Fate:
        """The fate of the next transaction."""
        roll = dice.random()
        for share, fate in (
            (self.refused, Fate.REFUSED),
            (self.unanswered, Fate.UNANSWERED),
            (self.killed_before, Fate.KILLED_BEFORE),
            (self.killed_after, Fate.KILLED_AFTER),
        ):
            if roll < share:
                return fate
            roll -= share
        return Fate.FINE


class Witness(Protocol):
    """Sees every commit at the instant it happens."""

    def admitted(self, node: str, batch: Sequence[NewMessage], results: Sequence[AdmitResult]) -> None:
        """Messages were stored."""
        ...

    def leased(self, node: str, groups: Sequence[LeasedGroup]) -> None:
        """Recipients were claimed."""
        ...

    def renewed(self, node: str, batch: Sequence[Renewal], results: Sequence[Renewed]) -> None:
        """Leases were extended, or refused as no longer held."""
        ...

    def released(self, node: str, batch: Sequence[ReleaseMark], verdicts: Sequence[ReleaseVerdict]) -> None:
        """Release marks were granted or refused."""
        ...

    def settled(self, node: str, batch: Sequence[Settlement], results: Sequence[Settled]) -> None:
        """Ends of attempts were recorded."""
        ...

    def learnt(self, node: str, batch: Sequence[Digestion], results: Sequence[Sequence[Learning]]) -> None:
        """Events were applied, or not."""
        ...


class Database:
    """The spool behind all nodes, with the trouble on the way to it."""

    def __init__(
        self, loop: WorldLoop, spool: AnySpool, witness: Witness, *, eager: str, killed: Callable[[Host], None]
    ) -> None:
        """`eager`: the call that is answered before it is committed, a safeguard taken out; empty: none.

        `killed` is told of every node that a transaction killed.
        """
        self.eager = eager
        self.killed = killed
        self.loop = loop
        self.spool = spool
        self.witness = witness
        self.trouble = Trouble()
        self.latency_s = 0.001
        self.dice = random.Random(f"database/{loop.seed}")
        self.commits = 0

    def line_for(self, host: Host) -> AnySpool:
        """The spool as the process that runs on `host` now reaches it."""
        return cast("AnySpool", NodeSpool(self, host))


class NodeSpool:
    """A node's side of the line: the spool's port and its desk."""

    def __init__(self, database: Database, host: Host) -> None:
        self._database = database
        self._host = host
        self._life = host.life
        self._late: list[asyncio.Task[None]] = []
        self.inbox: SpoolInbox = NodeInbox(database, host.name, self._call)
        self.outbox: SpoolOutbox = outbox_line(database.spool.outbox, self._call)

    async def admit(self, batch: Sequence[NewMessage]) -> Sequence[AdmitResult]:
        """Store messages; see the port."""
        name, spool, witness = self._parts()

        async def call() -> Sequence[AdmitResult]:
            return await self._call(lambda: spool.admit(batch), lambda results: witness.admitted(name, batch, results))

        if self._database.eager == "admit" and not any(new.idempotency_key for new in batch):
            self._commit_later(call)
            return [Admitted(id=new.id) for new in batch]
        return await call()

    async def lease(self, request: LeaseRequest) -> Sequence[LeasedGroup]:
        """Claim due recipients; see the port."""
        name, spool, witness = self._parts()
        return await self._call(lambda: spool.lease(request), lambda groups: witness.leased(name, groups))

    async def renew(self, batch: Sequence[Renewal]) -> Sequence[Renewed]:
        """Extend leases; see the port."""
        name, spool, witness = self._parts()
        return await self._call(lambda: spool.renew(batch), lambda results: witness.renewed(name, batch, results))

    async def release(self, batch: Sequence[ReleaseMark]) -> Sequence[ReleaseVerdict]:
        """Commit release marks; see the port."""
        name, spool, witness = self._parts()

        async def call() -> Sequence[ReleaseVerdict]:
            return await self._call(lambda: spool.release(batch), lambda given: witness.released(name, batch, given))

        if self._database.eager == "release":
            self._commit_later(call)
            return [Released(at=0) for _ in batch]
        return await call()

    async def settle(self, batch: Sequence[Settlement]) -> Sequence[Settled]:
        """Record ends of attempts; see the port."""
        name, spool, witness = self._parts()
        return await self._call(lambda: spool.settle(batch), lambda results: witness.settled(name, batch, results))

    async def close(self) -> None:
        """The line is closed; the database stays."""

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Every other call of the spool and its desk: over the same line, with nothing to witness."""
        method = getattr(self._database.spool, name)
        return lambda *arguments: self._call(lambda: method(*arguments), _unseen)

    def _parts(self) -> tuple[str, AnySpool, Witness]:
        return self._host.name, self._database.spool, self._database.witness

    def _commit_later(self, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """What a node without the safeguard does: it commits some time after it acted on it."""

        async def commit() -> None:
            await asyncio.sleep(EAGER_BY_S)
            with suppress(SpoolUnavailable):
                await call()

        self._late.append(self._database.loop.create_task(commit()))

    async def _call(self, work: Callable[[], Coroutine[Any, Any, T]], tell: Callable[[T], None]) -> T:
        database = self._database
        answer: asyncio.Future[T] = database.loop.create_future()
        way_s = database.latency_s * (0.5 + database.dice.random())
        database.loop.call_later(way_s, self._commit, work, tell, answer, way_s, context=KERNEL)
        return await answer

    def _commit(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        tell: Callable[[T], None],
        answer: "asyncio.Future[T]",
        way_s: float,
    ) -> None:
        """One transaction, at one instant, in the database's own context."""
        database = self._database
        fate = database.trouble.draw(database.dice)
        if fate is Fate.KILLED_BEFORE:
            self._kill()
        elif fate is Fate.REFUSED:
            database.loop.call_later(way_s, self._fail, answer, "refused", context=KERNEL)
        else:
            self._do(work, tell, answer, way_s, fate)

    def _do(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        tell: Callable[[T], None],
        answer: "asyncio.Future[T]",
        way_s: float,
        fate: Fate,
    ) -> None:
        database = self._database
        database.commits += 1
        result = at_once(work())
        tell(result)
        match fate:
            case Fate.KILLED_AFTER:
                self._kill()
            case Fate.UNANSWERED:
                database.loop.call_later(way_s, self._fail, answer, "unanswered", context=KERNEL)
            case _:
                database.loop.call_later(way_s, self._succeed, answer, result, context=KERNEL)

    def _kill(self) -> None:
        if self._host.life is self._life:
            self._host.crash()
            self._database.killed(self._host)

    @staticmethod
    def _fail(answer: "asyncio.Future[Any]", how: str) -> None:
        if not answer.done():
            answer.set_exception(SpoolUnavailable(f"simulated: transaction {how}"))

    @staticmethod
    def _succeed(answer: "asyncio.Future[T]", result: T) -> None:
        if not answer.done():
            answer.set_result(result)


class NodeInbox:
    """The same line, for what is learnt back."""

    def __init__(self, database: Database, name: str, call: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self._inbox = database.spool.inbox
        self._witness = database.witness
        self._name = name
        self._call = call

    async def take_in(self, batch: Sequence[Notification]) -> Sequence[bool]:
        """Keep notifications; see the port."""
        kept: Sequence[bool] = await self._call(lambda: self._inbox.take_in(batch), _unseen)
        return kept

    async def undigested(self, limit: int) -> Sequence[StoredNotification]:
        """What waits to be read; see the port."""
        waiting: Sequence[StoredNotification] = await self._call(lambda: self._inbox.undigested(limit), _unseen)
        return waiting

    async def offer_again(self, limit: int) -> int:
        """What could not be read is due; see the port."""
        count: int = await self._call(lambda: self._inbox.offer_again(limit), _unseen)
        return count

    async def digest(self, batch: Sequence[Digestion]) -> Sequence[Sequence[Learning]]:
        """Apply events; see the port."""
        results: Sequence[Sequence[Learning]] = await self._call(
            lambda: self._inbox.digest(batch), lambda learnt: self._witness.learnt(self._name, batch, learnt)
        )
        return results


def _unseen(_: object) -> None:
    """Nobody needs to see it."""


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits, as the calls of the memory spool are."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    work.close()
    raise RuntimeError("the spool of a world must not wait inside a transaction")
