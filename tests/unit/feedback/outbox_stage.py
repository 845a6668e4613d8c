"""Endpoints in virtual time: a memory spool with mail that comes to rest, and scripted endpoints that remember all."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from posthorse.feedback.customer_event import CustomerEventKind
from posthorse.feedback.outbox import Outbox
from posthorse.feedback.webhook_call import Endpoint
from posthorse.feedback.webhook_messenger import OutboxPorts
from posthorse.feedback.webhook_url import read_url
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.ports import WorldClock, WorldIds, WorldRng
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, MessageId, Tenant
from posthorse.mail.ports import ExchangeFailed, HttpRequest, HttpResponse, Target
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Decision, Selector
from posthorse.spool.memory import MemorySpool
from posthorse.spool.outbox_port import EndpointState, Progress, SpoolOutbox
from posthorse.spool.port import NewMessage, SpoolUnavailable

T = TypeVar("T")
SHOP = "shop"
Script = Callable[[HttpRequest], Awaitable[HttpResponse]]


@dataclass(slots=True)
class Told:
    """One request as an endpoint got it."""

    at_s: float
    event_id: str
    kind: str
    message_id: str


@dataclass
class ScriptedEndpoints:
    """Port `HttpExchange`: each host answers as its script says; every request is remembered."""

    loop: WorldLoop
    scripts: dict[str, Script] = field(default_factory=dict)
    requests: dict[str, list[Told]] = field(default_factory=dict)

    async def exchange(self, request: HttpRequest, *, before_last_bytes: Callable[[], Awaitable[bool]]) -> HttpResponse:
        assert await before_last_bytes()
        told = json.loads(request.body)
        identity = dict(request.headers)["webhook-id"]
        one = Told(self.loop.time(), identity, told["type"], told["data"]["message_id"])
        self.requests.setdefault(request.target.host, []).append(one)
        return await self.scripts.get(request.target.host, answers(200))(request)

    async def prepare(self, target: Target, connections: int) -> None:
        raise AssertionError("nobody prepares connections to customers")


def answers(status: int, after_s: float = 0.01, **headers: str) -> Script:
    """Always this status, so many seconds later."""

    async def script(request: HttpRequest) -> HttpResponse:
        del request
        await asyncio.sleep(after_s)
        return HttpResponse(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()})

    return script


async def hangs(request: HttpRequest) -> HttpResponse:
    """Takes the request and says nothing."""
    del request
    await asyncio.sleep(1e9)
    raise AssertionError("nobody waits so long")


async def refuses(request: HttpRequest) -> HttpResponse:
    """Nobody listens there."""
    raise ExchangeFailed(f"{request.target.host}: connection refused")


@dataclass
class Paper:
    """Port `OutboxJournal` that keeps what it is told."""

    lines: list[tuple[str, ...]] = field(default_factory=list)

    def webhook_answered(self, endpoint: str, result: str) -> None:
        self.lines.append(("answered", endpoint, result))

    def webhook_rests(self, endpoint: str, why: str) -> None:
        self.lines.append(("rests", endpoint, why))

    def webhook_recovered(self, endpoint: str) -> None:
        self.lines.append(("recovered", endpoint))

    def webhook_crowded(self, endpoint: str, given_up: int) -> None:
        self.lines.append(("crowded", endpoint, str(given_up)))

    def webhook_disabled(self, endpoint: str, why: str) -> None:
        self.lines.append(("disabled", endpoint, why))

    def spool_trouble(self, where: str, error: BaseException) -> None:
        self.lines.append(("trouble", where, str(error)))

    def bug(self, where: str, error: BaseException) -> None:
        self.lines.append(("bug", where, repr(error)))

    def count(self, *line: str) -> int:
        """How often it was told something that begins so."""
        return sum(each[: len(line)] == line for each in self.lines)


class FailingOutbox:
    """A `SpoolOutbox` whose `record` can be made to fail, before or after it did its work."""

    def __init__(self, outbox: SpoolOutbox) -> None:
        self._outbox = outbox
        self.fails = 0
        self.did_it = False
        self.records = 0

    async def record(self, progress: Progress) -> None:
        self.records += 1
        if self.fails and self.did_it:
            await self._outbox.record(progress)
        if self.fails:
            self.fails -= 1
            raise SpoolUnavailable("the disk of the spool is full")
        await self._outbox.record(progress)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


class Stage:
    """One gateway's outbox in virtual time."""

    def __init__(self, loop: WorldLoop, look_every_s: float) -> None:
        self.loop = loop
        self._look_every_s = look_every_s
        self.clock = WorldClock(loop)
        self.spool = MemorySpool(clock=self.clock)
        self.kept = FailingOutbox(self.spool.outbox)
        self.endpoints = ScriptedEndpoints(loop)
        self.paper = Paper()
        self.outbox = self.another()
        self._ids = WorldIds(self.clock, loop.seed, "mail")

    def another(self) -> Outbox:
        """The outbox of a process that was started anew."""
        kept: Any = self.kept
        ports = OutboxPorts(
            spool=kept,
            exchange_for=lambda endpoint: self.endpoints,
            clock=self.clock,
            world_clock=self.clock,
            rng=WorldRng(self.loop.seed, "outbox"),
            journal=self.paper,
            look_every_s=self._look_every_s,
        )
        return Outbox(ports)

    async def mail(self, count: int = 1, tenant: Tenant = MAIN_TENANT) -> list[str]:
        """So much mail ends at once, as cancelled; answers the ids in order."""
        ids = [MessageId(self._ids.new()) for _ in range(count)]
        for message_id in ids:
            new = NewMessage(
                id=message_id,
                tenant=tenant,
                stream=Stream.STANDARD,
                sender="shop@a.example",
                recipients=("ann@example.com",),
                body=b"Subject: secret words\r\n\r\nhello\r\n",
                deadline_us=3_600 * SECOND,
                copies_allowed=1,
            )
            await self.spool.admit([new])
        await self.cancel(ids)
        return [message_id.hex() for message_id in ids]

    async def cancel(self, ids: Sequence[MessageId]) -> None:
        """End the duty for these."""
        for message_id in ids:
            assert await self.spool.decide(Selector(message_id=message_id), Decision.CANCEL, "ann", 10) == 1

    def told(self, host: str = "shop.example") -> list[Told]:
        """What an endpoint was told, in order."""
        return self.endpoints.requests.get(host, [])

    async def state(self, name: str = SHOP) -> EndpointState:
        """How an endpoint stands in the spool."""
        found = await self.spool.outbox.endpoint(MAIN_TENANT, name)
        assert found is not None
        return found

    async def until(self, look: Callable[[], bool], within_s: float = 30 * 86_400.0, every_s: float = 0.05) -> None:
        """Let virtual time pass until `look` says so."""
        async with asyncio.timeout(within_s):
            while not look():  # noqa: ASYNC110 - virtual time costs nothing
                await asyncio.sleep(every_s)


def endpoint(name: str = SHOP, **fields: Any) -> Endpoint:
    """An endpoint of the main tenant that wants everything."""
    url = fields.pop("url", f"https://{name}.example/mail")
    usual: dict[str, Any] = {
        "tenant": MAIN_TENANT,
        "name": name,
        "url": url,
        "place": read_url(url),
        "secrets": (bytes(32),),
        "events": frozenset(CustomerEventKind),
    }
    return Endpoint(**{**usual, **fields})


def staged(story: Callable[[Stage], Coroutine[Any, Any, T]], seed: int = 1, look_every_s: float = 0.5) -> T:
    """Tell a story in virtual time. `look_every_s`: longer for a story of many hours."""

    async def main(loop: WorldLoop) -> T:
        stage = Stage(loop, look_every_s)
        try:
            return await story(stage)
        finally:
            await stage.outbox.stop()

    return run_world(main, seed, until_s=60 * 86_400.0)


CANCELLED = f"message.{Carriage.CANCELLED.value}"
