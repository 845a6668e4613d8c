"""Whatever the order of events, however often they come, and whatever answers come between them: one end.

Two spools live through the same attempts. Each hears the same set of events, shuffled, repeated and mixed into the
attempts in a way of its own; afterwards they agree on carriage, fate, copies and the suppression list.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.event import FATES, Event, EventKind
from posthorse.mail.ids import MAIN_TENANT, AttemptId, MessageId, NodeId, ProviderName
from posthorse.mail.outcome import Handover, Outcome, Unclear
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Selector
from posthorse.spool.inbox_port import Digestion, Learning, Learnt
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import Admitted, LeaseRequest, NewMessage, ReleaseMark, Settlement
from tests.contract.spool_kit import HandClock

ID = MessageId(b"m" * 16)
NODE = NodeId("n")
FIRST, SECOND_ONE, STRANGER = (ProviderName(name) for name in ("first", "second", "stranger"))
ADDRESSES = ("ann@example.com", "bob@example.com")


End = tuple[list[tuple[int, Carriage, Fate, int]], list[tuple[str, str]]]
"""Of each recipient: number, carriage, fate, copies; and the list: address and reason."""


@dataclass(frozen=True)
class Told:
    """One event of the set, by number."""

    provider: ProviderName
    kind: EventKind
    n: int

    def event(self, number: int) -> Event:
        return Event(
            provider=self.provider,
            key=str(number),
            kind=self.kind,
            at=0,
            recipient=ADDRESSES[self.n],
            message_id=ID,
        )


class Life:
    """One message to two recipients: a first attempt that leaves a doubt, a second one elsewhere, late answers."""

    def __init__(self, events: Sequence[Told], answers: Sequence[Outcome]) -> None:
        self.clock = HandClock()
        self.spool = MemorySpool(clock=self.clock)
        self._events = events
        self._answers = answers
        self._fences: dict[ProviderName, dict[int, int]] = {FIRST: {}, SECOND_ONE: {}}

    async def play(self, mixed: Sequence[int]) -> End:
        """Live through it, hearing event `mixed[i]` in the gap i of the story; then all of them once more."""
        steps = (self.first, self.doubt, self.second, self.answer_second, self.answer_first)
        gap = max(1, len(mixed) // len(steps))
        places = [mixed[place * gap : (place + 1) * gap] for place in range(len(steps) - 1)]
        for step, heard in zip(steps, [*places, mixed[(len(steps) - 1) * gap :]], strict=True):
            await step()
            for number in heard:
                await self.hear(number)
        for number in range(len(self._events)):  # what was unknown too early is offered again
            await self.hear(number)
        for number in range(len(self._events)):
            assert await self.hear(number) is not Learnt.APPLIED
        return await self.end()

    async def hear(self, number: int) -> Learning:
        ((learnt,),) = await self.spool.inbox.digest([Digestion(seq=0, events=(self._events[number].event(number),))])
        return learnt

    async def end(self) -> End:
        views = await self.spool.select(Selector(), 10)
        listed = await self.spool.suppressions(None, "", 10)
        return (
            sorted((view.n, view.carriage, view.fate, view.copies_released) for view in views),
            sorted((entry.address, entry.reason) for entry in listed),
        )

    # --- the story ----------------------------------------------------------------------------------------------------

    async def first(self) -> None:
        new = NewMessage(
            id=ID,
            tenant=MAIN_TENANT,
            stream=Stream.STANDARD,
            sender="app@shop.example",
            recipients=ADDRESSES,
            body=b"x",
            deadline_us=86_400 * SECOND,
            copies_allowed=2,
            lease_for=NODE,
        )
        (admitted,) = await self.spool.admit([new])
        assert isinstance(admitted, Admitted)
        assert admitted.lease is not None
        await self._release(FIRST, {r.n: r.fence for r in admitted.lease.recipients})

    async def doubt(self) -> None:
        """The first recipient's attempt is parked, the second one's lapses."""
        await self._settle(FIRST, 0, Unclear(), next_at=self.clock.now())
        self.clock.at += 60 * SECOND
        await self.spool.sweep(10)

    async def second(self) -> None:
        """Who is still in doubt goes elsewhere."""
        request = LeaseRequest(node=NODE, stream=Stream.STANDARD, limit=10)
        for group in await self.spool.lease(request):
            await self._release(SECOND_ONE, {r.n: r.fence for r in group.recipients})

    async def answer_second(self) -> None:
        for n, outcome in enumerate(self._answers):
            await self._settle(SECOND_ONE, n, outcome)

    async def answer_first(self) -> None:
        for n in range(len(ADDRESSES)):
            await self._settle(FIRST, n, Handover())

    async def _release(self, provider: ProviderName, fences: dict[int, int]) -> None:
        mark = ReleaseMark(
            message_id=ID,
            attempt=AttemptId(b"a" * 16),
            provider=provider,
            recipients=tuple(fences.items()),
            answer_by_us=30 * SECOND,
        )
        await self.spool.release([mark])
        self._fences[provider] = fences

    async def _settle(self, provider: ProviderName, n: int, outcome: Outcome, next_at: int | None = None) -> None:
        fence = self._fences[provider].get(n)
        if fence is not None:
            await self.spool.settle(
                [
                    Settlement(
                        message_id=ID,
                        n=n,
                        fence=fence,
                        outcome=outcome,
                        next_at=next_at,
                        tried=(FIRST,) if provider == FIRST else (FIRST, SECOND_ONE),
                        provider=provider,
                        released=True,
                    )
                ]
            )


TOLD = st.builds(Told, st.sampled_from((FIRST, FIRST, STRANGER)), st.sampled_from(list(EventKind)), st.integers(0, 1))


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(
    events=st.lists(TOLD, min_size=1, max_size=6),
    answers=st.tuples(*[st.sampled_from((Handover(), Unclear()))] * 2),
    data=st.data(),
)
def test_the_order_of_events_and_answers_decides_nothing(
    events: list[Told], answers: tuple[Outcome, Outcome], data: st.DataObject
) -> None:
    """Same attempts, same set of events: the same carriage and fate of each recipient, and the same list."""
    numbers = st.lists(st.integers(0, len(events) - 1), max_size=12)
    ends = [asyncio.run(Life(events, answers).play(data.draw(numbers))) for _ in range(2)]
    copies_apart = [([row[:3] for row in rows], listed) for rows, listed in ends]
    assert copies_apart[0] == copies_apart[1]
    heard = [told for told in events if told.provider == FIRST]
    for n, _, fate, copies in ends[0][0]:
        proven = [FATES[told.kind] for told in heard if told.n == n]
        assert fate is max(proven, default=Fate.UNKNOWN, key=list(Fate).index)
        assert copies in (1, 2)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(events=st.lists(TOLD, min_size=1, max_size=8), data=st.data())
def test_a_lost_event_changes_only_what_it_alone_proves(events: list[Told], data: st.DataObject) -> None:
    """With fewer events the fate is never higher, and the list never longer."""
    kept = data.draw(st.sets(st.integers(0, len(events) - 1)))
    answers = (Handover(), Handover())
    whole = asyncio.run(Life(events, answers).play([]))
    part = asyncio.run(Life([told for number, told in enumerate(events) if number in kept], answers).play([]))
    order = list(Fate)
    for more, less in zip(whole[0], part[0], strict=True):
        assert order.index(less[2]) <= order.index(more[2])
    assert {address for address, _ in part[1]} <= {address for address, _ in whole[1]}
