"""The messenger of one endpoint: reads on in the history, tells, and notes what was not taken.

Promise: at least once; what was told and not yet recorded when the process dies is told again under the same ids.
While the spool cannot record what became of a batch, it is remembered here and nothing more is told: a full disk costs
no calls. An event that is not taken holds up nothing behind it, and nothing is given up because its endpoint was down:
that is left alone (`webhook_patience`), and what tries whether it is back spends no tries. Endpoints share nothing but
the spool: none waits for another.

Left out: what is told (`customer_event`), what is next (`outbox_batch`), how (`webhook_call`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, assert_never

from posthorse.feedback.outbox_batch import LEFT_WAITING, MOST_AT_ONCE, MOST_WAITING, Batch, Item, Source, gathered
from posthorse.feedback.webhook_call import Endpoint, Gone, NotTaken, Taken, call
from posthorse.feedback.webhook_patience import Wellbeing, next_look, next_try
from posthorse.mail.ports import Clock, HttpExchange, Rng
from posthorse.mail.stream import SECOND
from posthorse.spool.outbox_port import EndpointState, Noted, Progress, SpoolOutbox
from posthorse.spool.port import SpoolUnavailable

LANES = 16
"""Calls of one endpoint at once."""
LOOK_EVERY_S = 0.5
"""How often an endpoint with nothing to tell looks at the history."""
KEEP_EVERY_S, KEEP_EVERY_FACTS = 10.0, 10_000
"""Its place is recorded at least so often while there is nothing to tell in what it passes."""
TROUBLE_PAUSE_S, LONGEST_TROUBLE_PAUSE_S = 2.0, 60.0
"""How long the spool is left alone when it could not be asked, or not record: twice as long each time in a row."""
GONE = "the endpoint answered 410: it is no more"


class EndpointStanding(Enum):
    """How an endpoint is, as far as is known."""

    OPEN = "open"
    """It takes events, or has nothing to take."""
    RESTING = "resting"
    """It failed several times in a row, or asked to be left alone; it is tried again soon."""
    DISABLED = "disabled"
    """It said 410, or a person said so: nothing is sent until a person enables it."""


class OutboxJournal(Protocol):
    """What the outbox tells measures and log."""

    def webhook_answered(self, endpoint: str, result: str) -> None:
        """An event was `taken`, `not_taken`, or `given_up` after its last try."""
        ...

    def webhook_rests(self, endpoint: str, why: str) -> None:
        """An endpoint is left alone for a while."""
        ...

    def webhook_recovered(self, endpoint: str) -> None:
        """It takes events again."""
        ...

    def webhook_crowded(self, endpoint: str, given_up: int) -> None:
        """It takes events and refused so many others that the ones tried most were given up early."""
        ...

    def webhook_disabled(self, endpoint: str, why: str) -> None:
        """Nothing is sent there until a person enables it."""
        ...

    def spool_trouble(self, where: str, error: BaseException) -> None:
        """The spool could not be asked, or not record; it is tried again."""
        ...

    def bug(self, where: str, error: BaseException) -> None:
        """An exception that should not be."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxPorts:
    """What messengers stand on."""

    spool: SpoolOutbox
    exchange_for: Callable[[Endpoint], HttpExchange]
    """Connects only where this endpoint may point; bounds what it reads."""
    clock: Clock
    """The spool's, which says when something is due."""
    world_clock: Clock
    """The time of the world, which is signed."""
    rng: Rng
    journal: OutboxJournal
    look_every_s: float = LOOK_EVERY_S


class Messenger:
    """Runs until `end` or its task is cancelled."""

    def __init__(self, endpoint: Endpoint, ports: OutboxPorts) -> None:
        self.endpoint = endpoint
        self._ports = ports
        self._exchange = ports.exchange_for(endpoint)
        self._wellbeing = Wellbeing()
        self._ending = False
        self._disabled = False
        self._gone = False
        self._read_to = 0
        self._kept_at_s = float("-inf")
        self._state: EndpointState | None = None
        self._told_rest = False
        self._caught_up = False
        self._unrecorded: Progress | None = None

    # --- what is shown ----------------------------------------------------------------------------------------------

    @property
    def standing(self) -> EndpointStanding:
        """How the endpoint is now."""
        if self._disabled:
            return EndpointStanding.DISABLED
        return EndpointStanding.RESTING if self._wellbeing.is_trying else EndpointStanding.OPEN

    @property
    def waiting(self) -> int:
        """Facts that were not taken and are tried again."""
        return self._state.waiting if self._state else 0

    def lag_s(self) -> float:
        """For how long the first fact that was not looked at has waited; 0: there is none."""
        since = self._state.behind_since if self._state else None
        if since is None or (self._caught_up and self.standing is EndpointStanding.OPEN):
            return 0.0
        return max(0.0, (self._ports.clock.now() - since) / SECOND)

    # --- running ----------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Begin nothing new; `run` returns when what is under way is recorded."""
        self._ending = True

    async def run(self) -> None:
        """Tell until ended."""
        trouble_pause_s = TROUBLE_PAUSE_S
        while not self._ending:
            try:
                pause_s = 0.0 if await self.turn() else self._ports.look_every_s
                trouble_pause_s = TROUBLE_PAUSE_S
            except SpoolUnavailable as error:
                self._ports.journal.spool_trouble("webhooks", error)
                pause_s = trouble_pause_s
                trouble_pause_s = min(LONGEST_TROUBLE_PAUSE_S, trouble_pause_s * 2)
            await asyncio.sleep(pause_s)

    async def turn(self) -> bool:
        """One look, and what follows from it; True: there is probably more to do at once. Raises `SpoolUnavailable`."""
        if self._unrecorded is not None:
            await self._keep(self._unrecorded)
        state = await self._look()
        if self._disabled or self._wellbeing.rest_left_s(self._now_s, new=True):
            return False
        if state.waiting >= MOST_WAITING and not self._wellbeing.is_trying_new:
            await self._make_room(state)
            return True
        batch = await gathered(
            self._ports.spool,
            self.endpoint,
            state,
            self._read_to,
            trying=self._wellbeing.is_trying_new,
            again=self._wellbeing.again_at_once(self._now_s, MOST_AT_ONCE),
            lost=lambda error: self._ports.journal.bug("webhooks", error),
        )
        self._caught_up = not batch.items and batch.read_to == self._read_to
        if not (batch.items or batch.taken or batch.noted or batch.replay):
            await self._pass_on(batch, state)
            return batch.more
        await self._tell(batch)
        await self._keep(batch.progress(self.endpoint, GONE if self._gone else ""))
        return batch.more

    async def _look(self) -> EndpointState:
        spool, endpoint = self._ports.spool, self.endpoint
        state = await spool.endpoint(endpoint.tenant, endpoint.name)
        if state is None:
            state = await spool.enroll(endpoint.tenant, endpoint.name)
            self._read_to = state.read_to
        if state.disabled_at is not None and state.disabled_url not in ("", endpoint.url):
            await spool.enable(endpoint.tenant, endpoint.name)  # it points elsewhere now
            state = await spool.enroll(endpoint.tenant, endpoint.name)
        if self._disabled and state.disabled_at is None:
            self._wellbeing = Wellbeing()
        elif self._state is None and state.waiting:
            self._wellbeing = Wellbeing(is_trying=True)  # tries are not spent on an endpoint that died before we did
        self._disabled = state.disabled_at is not None
        self._read_to = max(self._read_to, state.read_to)
        self._state = state
        return state

    async def _make_room(self, state: EndpointState) -> None:
        """The endpoint takes events: what it refuses must not keep it from those that come."""
        given_up = state.waiting - LEFT_WAITING
        self._ports.journal.webhook_crowded(self.endpoint.name, given_up)
        await self._keep(Progress(tenant=state.tenant, name=state.name, most_waiting=LEFT_WAITING))

    async def _pass_on(self, batch: Batch, state: EndpointState) -> None:
        """There was nothing to tell: remember the place, and record it now and then."""
        self._read_to = batch.read_to
        late = self._ports.clock.monotonic() - self._kept_at_s > KEEP_EVERY_S
        if self._read_to - state.read_to > (0 if late else KEEP_EVERY_FACTS):
            await self._keep(batch.progress(self.endpoint))

    async def _keep(self, progress: Progress) -> None:
        """Record it; if that fails it is still to be recorded, and twice is as good as once."""
        self._unrecorded = progress
        await self._ports.spool.record(progress)
        self._unrecorded = None
        if progress.disabled:
            self._gone = False
            self._ports.journal.webhook_disabled(self.endpoint.name, progress.disabled)
        self._read_to = max(self._read_to, progress.read_to or 0)
        self._kept_at_s = self._ports.clock.monotonic()

    # --- telling ----------------------------------------------------------------------------------------------------

    async def _tell(self, batch: Batch) -> None:
        """Until everything is begun, or the endpoint rests; then what is under way is waited for."""
        async with asyncio.TaskGroup() as lanes:
            for _ in range(min(LANES, len(batch.items))):
                lanes.create_task(self._lane(batch))

    async def _lane(self, batch: Batch) -> None:
        while batch.items and not self._must_stop(batch.items[0]):
            item = batch.items.popleft()
            noted = await self._tell_one(item)
            if noted is not None:
                batch.noted.append(noted)
            elif item.source is not Source.NEW:
                batch.taken.append(item.seq)

    def _must_stop(self, item: Item) -> bool:
        left_s = self._wellbeing.rest_left_s(self._now_s, new=item.source is Source.NEW)
        return self._ending or self._gone or left_s > 0

    async def _tell_one(self, item: Item) -> Noted | None:
        """Every event of one fact; what is to be noted if one of them is not taken."""
        clock, journal, name = self._ports.clock, self._ports.journal, self.endpoint.name
        for event in item.events:
            answer = await call(self._exchange, self.endpoint, event.id, event.body, self._ports.world_clock)
            match answer:
                case Taken():
                    if self._told_rest:
                        self._told_rest = False
                        journal.webhook_recovered(name)
                    self._wellbeing.succeeded(clock.now())
                    journal.webhook_answered(name, "taken")
                case Gone():
                    self._gone = True
                    return Noted(seq=item.seq, tries=item.tries, next_at=clock.now(), why="answered 410")
                case NotTaken():
                    return self._not_taken(item, answer)
                case _:
                    assert_never(answer)
        return None

    def _not_taken(self, item: Item, answer: NotTaken) -> Noted:
        clock, journal, name, now_s = self._ports.clock, self._ports.journal, self.endpoint.name, self._now_s
        again = item.source is Source.AGAIN
        refused = again and self._wellbeing.refuses(item.failed_at)
        if not refused or answer.wait_s is not None:
            tell = self._wellbeing.failed(now_s, new=item.source is Source.NEW, wait_s=answer.wait_s)
            if tell and not self._told_rest:
                self._told_rest = True
                journal.webhook_rests(name, answer.why)
        tries = item.tries + (refused or not again)
        if refused or not again:
            next_at = next_try(tries, clock.now(), self._ports.rng.random(), answer.wait_s)
        else:
            next_at = next_look(tries, clock.now(), self._wellbeing.rest_left_s(now_s, new=False))
        journal.webhook_answered(name, "not_taken" if next_at is not None else "given_up")
        return Noted(seq=item.seq, tries=tries, next_at=next_at, why=answer.why)

    @property
    def _now_s(self) -> float:
        return self._ports.clock.monotonic()
