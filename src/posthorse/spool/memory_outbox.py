"""Customers' endpoints in memory: port `SpoolOutbox` beside the spool in memory, held to the same contract.

Promise: what one call changes is changed in the spool's own transaction, so that whoever delays or loses those (the
seeded world) does it to these too. Nothing outlives the process.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from posthorse.mail.ids import MessageId, Tenant
from posthorse.spool.memory_book import MemoryBook
from posthorse.spool.outbox_port import (
    EARLY,
    MOST_GIVEN_UP,
    Again,
    EndpointKey,
    EndpointState,
    Happening,
    Noted,
    Page,
    Progress,
    is_worth_a_look,
)
from posthorse.spool.port import HistoryRow

T = TypeVar("T")


class _Transact(Protocol):
    """Runs something in one transaction of the spool."""

    def __call__(self, work: Callable[[MemoryBook], T]) -> Awaitable[T]:
        """Its answer, once durable. Raises `SpoolUnavailable`."""
        ...


class MemoryOutbox:
    """Port `SpoolOutbox`."""

    def __init__(self, book: MemoryBook, transact: _Transact) -> None:
        self._book = book
        self._transact_in_spool = transact
        self._states: dict[EndpointKey, EndpointState] = {}
        self._noted: dict[EndpointKey, dict[int, tuple[Noted, int]]] = {}
        """By endpoint and `seq`: what was not taken, and when that was."""
        self._shown_before: dict[EndpointKey, EndpointState] = {}
        """As last summed up: messengers look far more often than anything changes. Empty after each change."""

    def _transact(self, work: Callable[[MemoryBook], T]) -> Awaitable[T]:
        def changed(book: MemoryBook) -> T:
            self._shown_before.clear()
            return work(book)

        return self._transact_in_spool(changed)

    async def enroll(self, tenant: Tenant, name: str) -> EndpointState:
        """As the port says."""

        def work(book: MemoryBook) -> EndpointState:
            new = EndpointState(tenant=tenant, name=name, read_to=book.last_seq)
            self._noted.setdefault((tenant, name), {})
            return self._states.setdefault((tenant, name), new)

        await self._transact(work)
        return self._shown((tenant, name))

    async def endpoints(self) -> Sequence[EndpointState]:
        """As the port says."""
        return [self._shown(key) for key in sorted(self._states)]

    async def endpoint(self, tenant: Tenant, name: str) -> EndpointState | None:
        """As the port says."""
        return self._shown((tenant, name)) if (tenant, name) in self._states else None

    async def happenings(self, tenant: Tenant, after: int, until: int | None, facts: int) -> Page:
        """As the port says."""
        found = [fact for fact in self._book.since(after, facts) if until is None or fact.seq <= until]
        told = (self._happening(fact) for fact in found if is_worth_a_look(fact) and fact.tenant == tenant)
        read_to = found[-1].seq if found else after
        return Page(happenings=tuple(happening for happening in told if happening is not None), read_to=read_to)

    async def due_again(self, tenant: Tenant, name: str, limit: int) -> Sequence[Again]:
        """As the port says."""
        now = self._book.now
        noted = self._noted.get((tenant, name), {}).values()
        due = [(one.next_at, one.seq, one, at) for one, at in noted if one.next_at is not None and one.next_at <= now]
        return [
            Again(noted=each, noted_at=at, happening=self._happening_at(each.seq))
            for _, _, each, at in sorted(due, key=lambda one: one[:2])[:limit]
        ]

    async def record(self, progress: Progress) -> None:
        """As the port says."""
        await self._transact(lambda book: self._record(progress, book.now))

    async def replay_since(self, tenant: Tenant, name: str, since: int) -> int | None:
        """As the port says."""

        def work(book: MemoryBook) -> int | None:
            state = self._states.get((tenant, name))
            if state is None:
                return None
            first = next((fact.seq for fact in book.since(0, 2**62) if fact.at >= since), book.last_seq + 1)
            if first - 1 >= state.read_to:
                return 0
            start = first - 1 if state.replay is None else min(first - 1, state.replay[0])
            self._states[tenant, name] = replace(state, replay=(start, state.read_to))
            return state.read_to - start

        return await self._transact(work)

    async def replay_message(self, tenant: Tenant, name: str, message_id: MessageId) -> int | None:
        """As the port says."""

        def work(book: MemoryBook) -> int | None:
            if (tenant, name) not in self._states:
                return None
            facts = [fact for fact in book.history_of(message_id) if is_worth_a_look(fact) and fact.tenant == tenant]
            for fact in facts:
                again = Noted(seq=fact.seq, tries=0, next_at=book.now, why="to be told again")
                self._noted[tenant, name][fact.seq] = (again, book.now)
            return len(facts)

        return await self._transact(work)

    async def disable(self, tenant: Tenant, name: str, why: str) -> bool:
        """As the port says."""
        return await self._transact(lambda book: self._disable((tenant, name), why, "", book.now))

    async def enable(self, tenant: Tenant, name: str) -> bool:
        """As the port says."""

        def work(book: MemoryBook) -> bool:
            state = self._states.get((tenant, name))
            if state is None:
                return False
            self._states[tenant, name] = replace(state, disabled_at=None, disabled_why="", disabled_url="")
            noted = self._noted[tenant, name]
            for seq, (each, at) in noted.items():
                if each.next_at is not None and each.next_at > book.now:
                    noted[seq] = (replace(each, next_at=book.now), at)
            return True

        return await self._transact(work)

    async def forget(self, tenant: Tenant, name: str) -> bool:
        """As the port says."""

        def work(book: MemoryBook) -> bool:
            del book
            self._noted.pop((tenant, name), None)
            return self._states.pop((tenant, name), None) is not None

        return await self._transact(work)

    # --- in a transaction -------------------------------------------------------------------------------------------

    def _record(self, progress: Progress, now: int) -> None:
        key = (progress.tenant, progress.name)
        state = self._states.get(key)
        if state is None:
            return
        if progress.read_to is not None:
            state = replace(state, read_to=max(state.read_to, progress.read_to))
        if progress.replayed is not None and state.replay is not None and state.replay[0] == progress.replayed[0]:
            to, end = progress.replayed[1], state.replay[1]
            state = replace(state, replay=(to, end) if to < end else None)
        self._states[key] = state
        noted = self._noted[key]
        for seq in progress.taken:
            noted.pop(seq, None)
        if progress.most_waiting is not None:
            self._crowd_out(noted, progress.most_waiting)
        for each in progress.noted:
            noted[each.seq] = (each, now)
        for seq in sorted((s for s, (each, _) in noted.items() if each.next_at is None), reverse=True)[MOST_GIVEN_UP:]:
            del noted[seq]
        if progress.disabled:
            self._disable(key, progress.disabled, progress.url, now)

    def _crowd_out(self, noted: dict[int, tuple[Noted, int]], most: int) -> None:
        waiting = [each for each, _ in noted.values() if each.next_at is not None]
        for each in sorted(waiting, key=lambda one: (-one.tries, one.seq))[: max(0, len(waiting) - most)]:
            noted[each.seq] = (replace(each, next_at=None, why=EARLY + each.why), noted[each.seq][1])

    def _disable(self, key: EndpointKey, why: str, url: str, now: int) -> bool:
        state = self._states.get(key)
        if state is not None:
            self._states[key] = replace(state, disabled_at=now, disabled_why=why, disabled_url=url)
        return state is not None

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _shown(self, key: EndpointKey) -> EndpointState:
        state = self._shown_before.get(key) or self._summed_up(key)
        behind = self._book.since(state.read_to, 1)
        behind_since = behind[0].at if behind else None
        if behind_since != state.behind_since:
            state = replace(state, behind_since=behind_since)
        self._shown_before[key] = state
        return state

    def _summed_up(self, key: EndpointKey) -> EndpointState:
        noted = list(self._noted[key].values())
        times = [each.next_at for each, _ in noted if each.next_at is not None]
        return replace(
            self._states[key],
            waiting=len(times),
            given_up=len(noted) - len(times),
            next_at=min(times, default=None),
            last_why=max(noted, key=lambda one: one[1])[0].why if noted else "",
        )

    def _happening(self, fact: HistoryRow) -> Happening | None:
        entry = self._book.entries([(fact.message_id, fact.n)]).get((fact.message_id, fact.n))
        return None if entry is None else Happening(fact=fact, message=entry.message, address=entry.address)

    def _happening_at(self, seq: int) -> Happening | None:
        found = self._book.since(seq - 1, 1)
        return self._happening(found[0]) if found and found[0].seq == seq else None
