"""What an endpoint is told next: facts of the history that came due, new ones, and those of a replay.

Promise: what is new comes first. New facts and those of a replay are begun in the order of the history and never one
behind another that was left out, so that a place on the history says all. While an endpoint is being tried one event
goes, a new one if there is one: an event that this endpoint never takes must not be the only one that tries.

Left out: calling (`webhook_messenger`), what is noted where (`posthorse.spool.outbox_port`).
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from posthorse.feedback.customer_event import CustomerEvent, events_of
from posthorse.feedback.webhook_call import Endpoint
from posthorse.spool.outbox_port import Again, EndpointState, Happening, Noted, Page, Progress, SpoolOutbox

FACTS = 512
"""Of the history, looked at in one turn."""
REPLAY_FACTS = 128
"""The same of a replay, so that what is new does not wait long for it."""
MOST_AT_ONCE = 16
"""Noted facts tried in one turn: new ones wait for as many calls at most."""
MOST_WAITING, LEFT_WAITING = 10_000, 9_000
"""When so many facts are noted for an endpoint that takes others, those that were tried most are given up, until so
many are left. For one that is being tried nothing is given up, and nothing new is begun: the history has room.
"""


class Source(Enum):
    """Where something to be told came from."""

    AGAIN = "again"
    """It was not taken before, or a person wants it told again."""
    NEW = "new"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One fact with its events, as this endpoint wants them."""

    seq: int
    source: Source
    events: tuple[CustomerEvent, ...]
    tries: int = 0
    """Before this one."""
    failed_at: int = 0
    """When it was not taken for the last time, microseconds UTC; of `AGAIN` only."""


@dataclass(slots=True, kw_only=True)
class Batch:
    """What is told in one turn. `items` empties from the front; what is left at the end was not begun."""

    items: deque[Item] = field(default_factory=deque)
    read_to: int
    """Where the new facts end."""
    replay: tuple[int, int] | None = None
    """Where the replay stood, and where its part ends."""
    more: bool = False
    """There is probably more to tell at once."""
    taken: list[int] = field(default_factory=list)
    """Facts that were noted, perhaps, and need not be any more."""
    noted: list[Noted] = field(default_factory=list)

    def progress(self, endpoint: Endpoint, disabled: str = "") -> Progress:
        """What is to be recorded."""
        replayed = self.replay and (self.replay[0], self._begun(Source.REPLAY, self.replay[1]))
        return Progress(
            tenant=endpoint.tenant,
            name=endpoint.name,
            read_to=self._begun(Source.NEW, self.read_to),
            replayed=replayed,
            taken=tuple(self.taken),
            noted=tuple(self.noted),
            disabled=disabled,
            url=endpoint.url if disabled else "",
        )

    def _begun(self, source: Source, end: int) -> int:
        """Up to where everything from this source was begun."""
        return next((item.seq - 1 for item in self.items if item.source is source), end)


Lost = Callable[[BaseException], None]
"""Told of a fact that no event could be made of: a bug."""


async def gathered(
    spool: SpoolOutbox, endpoint: Endpoint, state: EndpointState, read_to: int, *, trying: bool, again: int, lost: Lost
) -> Batch:
    """What to tell next. `read_to`: at least `state.read_to`, as far as is remembered; `trying`: a single item.

    `again`: at most so many that were noted (one while trying), and nothing of a replay if it is 0.
    """
    batch = Batch(read_to=read_to)
    gatherer = _Gatherer(spool, endpoint, batch, lost, trying)
    if state.waiting < MOST_WAITING:
        batch.read_to = await gatherer.history(Source.NEW, read_to, None)
    if again and not (trying and batch.items):
        await gatherer.again(again)
    if again and state.replay is not None and not (trying and batch.items):
        start, end = state.replay
        batch.replay = (start, await gatherer.history(Source.REPLAY, start, end))
        batch.more = True
    if trying:
        batch.more = bool(batch.items)
    return batch


@dataclass(frozen=True, slots=True)
class _Gatherer:
    spool: SpoolOutbox
    endpoint: Endpoint
    batch: Batch
    lost: Lost
    trying: bool

    async def again(self, limit: int) -> None:
        found = await self.spool.due_again(self.endpoint.tenant, self.endpoint.name, limit)
        for each in found:
            self._again(each)
        self.batch.more = self.batch.more or len(found) == limit

    async def history(self, source: Source, after: int, until: int | None) -> int:
        facts = FACTS if source is Source.NEW else REPLAY_FACTS
        page: Page = await self.spool.happenings(self.endpoint.tenant, after, until, facts)
        for happening in page.happenings:
            if self.trying and self.batch.items:
                return happening.fact.seq - 1
            self._add(happening, source)
        self.batch.more = self.batch.more or page.read_to - after >= facts
        return until if until is not None and page.read_to == after else page.read_to

    def _again(self, each: Again) -> None:
        if each.happening is None:
            self.batch.taken.append(each.noted.seq)  # retention dropped it: there is nothing left to tell
        elif not self._add(each.happening, Source.AGAIN, each):
            self.batch.taken.append(each.noted.seq)

    def _add(self, happening: Happening, source: Source, again: Again | None = None) -> bool:
        """Whether there is something to tell of it."""
        seq, tries, failed_at = happening.fact.seq, 0, 0
        if again is not None:
            tries, failed_at = again.noted.tries, again.noted_at
        try:
            events = tuple(_wanted(events_of(happening), self.endpoint))
        except Exception as error:
            self.lost(error)
            self.batch.noted.append(Noted(seq=seq, tries=tries, next_at=None, why="no event could be made of it"))
            return True
        if events:
            item = Item(seq=seq, source=source, events=events, tries=tries, failed_at=failed_at)
            self.batch.items.append(item)
        return bool(events)


def _wanted(events: Iterable[CustomerEvent], endpoint: Endpoint) -> Iterable[CustomerEvent]:
    return (event for event in events if event.kind in endpoint.events)
