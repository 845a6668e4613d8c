"""Any order of calls, run on every spool at once: same answers, same rows, same history; and a referee who trusts none.

The referee keeps its own account of copies, leases and lists from the answers alone and knows nothing of the rules.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import AttemptId, MessageId, ProviderName, Tenant
from posthorse.mail.outcome import Fault, Handover, Outcome, Rejection, Scope, Unclear
from posthorse.mail.stream import RULES, SECOND, Stream
from posthorse.spool.desk_port import Decision, Selector
from posthorse.spool.entry import EntryKey
from posthorse.spool.inbox_port import Digestion, Learnt
from posthorse.spool.port import Admitted, HistoryRow, LeasedGroup, NewMessage, Released, Renewal, Settled, Settlement
from posthorse.spool.rules import Row
from posthorse.spool.story import replay
from tests.contract.spool_account import ADDRESSES, OUTCOMES, RAISING, Account
from tests.contract.spool_kit import NODE, RELAY, FullSpool, World, opened
from tests.contract.spool_play import KINDS

T = TypeVar("T")

_FAST = Path("/dev/shm")


class SpoolMachine(RuleBasedStateMachine):
    """The calls, at random."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="spool-model-", dir=_FAST if _FAST.is_dir() else None))
        self.worlds: list[World] = []
        self.leases: list[LeasedGroup] = []
        self.accounts: dict[EntryKey, Account] = {}
        self.listed: set[tuple[Tenant, str]] = set()
        self.holds: list[int] = []

    # --- plumbing ---------------------------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def _ask(self, question: Any) -> Any:
        """Ask every spool the same; all must answer the same, which is the answer."""

        async def ask_all() -> list[Any]:
            return [await question(world.spool) for world in self.worlds]

        answers = self._do(ask_all())
        for answer in answers[1:]:
            assert answer == answers[0]
        return answers[0]

    @initialize()
    def begin(self) -> None:
        """A fresh spool of every kind on one clock."""

        async def open_all() -> None:
            for kind in KINDS:
                self.worlds.append(await self.stack.enter_async_context(opened(kind, self.folder)))
            for world in self.worlds[1:]:
                world.clock = self.worlds[0].clock
                world.spool._clock = world.clock  # type: ignore[attr-defined]
                world.spool._writer._clock = world.clock  # type: ignore[attr-defined]

        self._do(open_all())

    def teardown(self) -> None:
        """Close everything, whatever happened."""
        self._do(self.stack.aclose())
        self.loop.close()
        shutil.rmtree(self.folder)

    @property
    def now(self) -> int:
        """The one clock."""
        return self.worlds[0].clock.now()

    # --- calls ------------------------------------------------------------------------------------------------------

    @rule(
        recipients=st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3, unique=True),
        stream=st.sampled_from((Stream.STANDARD, Stream.ONCE)),
        tenant=st.sampled_from((Tenant("main"), Tenant("acme"))),
        leased=st.booleans(),
        deadline_s=st.sampled_from((0, 30, 86_400)),
        later_s=st.sampled_from((0, 0, 20)),
        supersede=st.sampled_from(("", "", "k1", "k2")),
        idempotency=st.sampled_from(("", "", "i1")),
        fingerprint=st.sampled_from((b"a", b"b")),
        twice=st.booleans(),
    )
    def admit(
        self,
        recipients: list[str],
        stream: Stream,
        tenant: Tenant,
        leased: bool,
        deadline_s: int,
        later_s: int,
        supersede: str,
        idempotency: str,
        fingerprint: bytes,
        twice: bool,
    ) -> None:
        """Offer one message, or two alike in one batch."""
        world = self.worlds[0]
        new = world.message(
            *recipients,
            stream=stream,
            tenant=tenant,
            lease_for=NODE if leased else None,
            deadline_us=deadline_s * SECOND,
            not_before=self.now + later_s * SECOND if later_s else 0,
            supersede_key=supersede,
            idempotency_key=idempotency,
            fingerprint=fingerprint,
            copies_allowed=RULES[stream].copies_allowed,
            body=b"x" * world.made,
        )
        batch = [new, replace(new, id=MessageId(world.new_id()))] if twice else [new]
        answers = self._ask(lambda spool: spool.admit(batch))
        for offered, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Admitted):
                self._open_accounts(offered)
                if answer.lease is not None:
                    self._take(answer.lease)

    def _open_accounts(self, new: NewMessage) -> None:
        for n, address in enumerate(new.recipients):
            self.accounts[new.id, n] = Account(
                allowed=new.copies_allowed, tenant=new.tenant, address=address, expires_at=self.now + new.deadline_us
            )

    def _take(self, group: LeasedGroup) -> None:
        for recipient in group.recipients:
            account = self.accounts[group.message.id, recipient.n]
            assert recipient.fence > account.fence, "I4: a fence was given out twice"
            account.fence = recipient.fence
        self.leases.append(group)

    @rule(
        stream=st.sampled_from((Stream.STANDARD, Stream.ONCE)),
        limit=st.sampled_from((1, 3, 50)),
        newest_first=st.booleans(),
        max_bytes=st.sampled_from((1, 50, 1 << 20)),
    )
    def lease(self, stream: Stream, limit: int, newest_first: bool, max_bytes: int) -> None:
        """Ask for work."""
        world = self.worlds[0]
        request = {"stream": stream, "limit": limit, "newest_first": newest_first, "max_bytes": max_bytes}
        groups = self._ask(lambda spool: World(spool=spool, clock=world.clock).lease(**request))
        for group in groups:
            assert group.body == b"x" * len(group.body)
            assert len(group.body) == group.message.size_bytes
            self._take(group)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        """Extend any lease that was ever given, present or long gone."""
        group = data.draw(st.sampled_from(self.leases))
        renewal = Renewal(message_id=group.message.id, recipients=tuple((r.n, r.fence) for r in group.recipients))
        (renewed,) = self._ask(lambda spool: spool.renew([renewal]))
        for recipient in group.recipients:
            is_present = recipient.fence == self.accounts[group.message.id, recipient.n].fence
            assert is_present or recipient.n in renewed.stale, "I4: an older lease was extended"

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), answer_by_s=st.sampled_from((1, 10)), part=st.booleans())
    def release(self, data: st.DataObject, answer_by_s: int, part: bool) -> None:
        """Release any group that was ever leased, whole or its first recipient."""
        group = data.draw(st.sampled_from(self.leases))
        world = self.worlds[0]
        chosen = group.recipients[:1] if part else group.recipients
        mark = world.mark(
            group,
            attempt=AttemptId(world.new_id()),
            recipients=tuple((recipient.n, recipient.fence) for recipient in chosen),
            answer_by_us=answer_by_s * SECOND,
        )
        (verdict,) = self._ask(lambda spool: spool.release([mark]))
        if isinstance(verdict, Released):
            for recipient in chosen:
                self._judge_release(group, recipient.n, recipient.fence)

    def _judge_release(self, group: LeasedGroup, n: int, fence: int) -> None:
        account = self.accounts[group.message.id, n]
        assert fence == account.fence, "I4: an older lease released"
        assert fence not in account.released, "I4: one lease released twice"
        assert (account.tenant, account.address.lower()) not in self.listed, "I7: released although suppressed"
        assert account.expires_at > self.now, "I3: released after its deadline"
        account.released[fence] = "out"
        assert account.decided or account.out <= account.allowed, "I6: more copies out than allowed"

    @precondition(lambda self: self.leases)
    @rule(
        data=st.data(),
        outcome=st.sampled_from(OUTCOMES),
        final=st.booleans(),
        next_s=st.sampled_from((None, 0, 15)),
        tried=st.sampled_from(((), ("relay",), ("relay", "other"))),
        twice=st.booleans(),
    )
    def settle(
        self,
        data: st.DataObject,
        outcome: Outcome | None,
        final: bool,
        next_s: int | None,
        tried: tuple[ProviderName, ...],
        twice: bool,
    ) -> None:
        """Answer any attempt, present or long gone, once or twice in one batch; a courier tells what it released."""
        group = data.draw(st.sampled_from(self.leases))
        recipient = data.draw(st.sampled_from(group.recipients))
        account = self.accounts[group.message.id, recipient.n]
        marked = recipient.fence in account.released
        if outcome is None and marked:
            return
        if isinstance(outcome, Handover | Unclear) and not marked:
            outcome = Fault(scope=Scope.PROVIDER)
        settlement = Settlement(
            message_id=group.message.id,
            n=recipient.n,
            fence=recipient.fence,
            outcome=outcome,
            final=final and isinstance(outcome, Rejection),
            next_at=None if next_s is None else self.now + next_s * SECOND,
            tried=tried,
            provider=ProviderName("relay"),
            attempt=AttemptId(b"a" * 16),
            released=marked,
        )
        results = self._ask(lambda spool: spool.settle([settlement, settlement] if twice else [settlement]))
        certain_no = marked and not isinstance(outcome, Handover | Unclear)
        if certain_no and results[0] in (Settled.APPLIED, Settled.LATE_APPLIED):
            account.released[recipient.fence] = "refused"
        if twice:
            assert results[1] is Settled.RECORDED or isinstance(outcome, Unclear), "one answer counted twice"

    @precondition(lambda self: any(account.released for account in self.accounts.values()))
    @rule(
        data=st.data(),
        provider=st.sampled_from((RELAY, RELAY, RELAY, ProviderName("stranger"))),
        kind=st.sampled_from(list(EventKind)),
        number=st.integers(0, 30),
        named=st.booleans(),
        spelt=st.sampled_from((str.lower, str.upper)),
    )
    def hear(
        self,
        data: st.DataObject,
        provider: ProviderName,
        kind: EventKind,
        number: int,
        named: bool,
        spelt: Callable[[str], str],
    ) -> None:
        """A provider tells of any recipient, new or what it told before; a stranger's word counts for nothing."""
        places = sorted(self.accounts)
        released = [place for place in places if self.accounts[place].released]
        place = data.draw(st.sampled_from(4 * released + places))
        account = self.accounts[place]
        event = Event(
            provider=provider,
            key=f"{number}",
            kind=kind,
            at=0,
            recipient=spelt(account.address) if named else "",
            message_id=place[0],
        )
        ((learnt,),) = self._ask(lambda spool: spool.inbox.digest([Digestion(seq=0, events=(event,))]))
        mine = [known for key, known in self.accounts.items() if key[0] == place[0] and (key == place or not named)]
        if learnt is not Learnt.REPEATED:
            is_believed = provider == RELAY and any(known.released for known in mine)
            assert (learnt is not Learnt.UNKNOWN) == is_believed, "a stranger was believed, or somebody was not"
        listed = self._ask(lambda spool: spool.suppressions(None, "", 100))
        self.listed |= {(entry.tenant, entry.address) for entry in listed}

    @rule(limit=st.sampled_from((1, 100)))
    def sweep(self, limit: int) -> None:
        """Keep house."""
        self._ask(lambda spool: spool.sweep(limit))

    @rule(seconds=st.sampled_from((1, 9, 61)))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.worlds[0].clock.forward(seconds)

    @rule(address=st.sampled_from(ADDRESSES), tenant=st.sampled_from((Tenant("main"), Tenant("acme"))))
    def suppress(self, address: str, tenant: Tenant) -> None:
        """List an address, or take it off."""
        if (tenant, address.lower()) in self.listed:
            self.listed.discard((tenant, address.lower()))
            assert self._ask(lambda spool: spool.unsuppress(tenant, address)) is True
        else:
            self.listed.add((tenant, address.lower()))
            world = self.worlds[0]
            self._ask(lambda spool: World(spool=spool, clock=world.clock).suppress(address, tenant=tenant))

    @rule(domain=st.sampled_from(("example.com", "other.example")))
    def hold(self, domain: str) -> None:
        """Hold a domain."""
        world = self.worlds[0]
        held = self._ask(lambda spool: World(spool=spool, clock=world.clock).hold(recipient_domain=domain))
        self.holds.append(held.id)

    @precondition(lambda self: self.holds)
    @rule()
    def unhold(self) -> None:
        """Lift the oldest hold."""
        number = self.holds.pop(0)
        self._ask(lambda spool: spool.unhold(number))

    @rule(data=st.data(), decision=st.sampled_from(list(Decision)), limit=st.sampled_from((1, 100)))
    def decide(self, data: st.DataObject, decision: Decision, limit: int) -> None:
        """A person decides, about one message or about all."""
        ids = [None, *sorted({message_id for message_id, _ in self.accounts})]
        message_id = data.draw(st.sampled_from(ids))
        self._ask(lambda spool: spool.decide(Selector(message_id=message_id), decision, "ann", limit))
        if decision in RAISING:
            for (one, _), account in self.accounts.items():
                account.decided = account.decided or message_id in (None, one)

    # --- what must hold after every call ------------------------------------------------------------------------------

    @invariant()
    def all_spools_are_alike(self) -> None:
        """The same rows, counts, next due time and history, but for numbers."""
        if not self.worlds:
            return
        views = self._ask(lambda spool: spool.select(Selector(), 10_000))
        assert {(view.message.id, view.n) for view in views} == set(self.accounts), "I1: a recipient is gone"
        self._ask(lambda spool: spool.counts())
        self._ask(lambda spool: spool.next_due())
        self._ask(_told)

    @invariant()
    def history_replays_to_the_state(self) -> None:
        """Every row can be recomputed from its history; ends of duty and leases look as they must."""
        if not self.worlds:
            return
        for view in self._ask(lambda spool: spool.select(Selector(), 10_000)):
            facts = self._ask(lambda spool, view=view: _facts(spool, view.message.id, view.n))
            row = replay(facts)
            assert _seen(row) == {name: getattr(view, name) for name in _seen(row)}
            if view.carriage in ENDS_OF_DUTY:
                assert (view.next_at, view.lease_until) == (None, None)
            assert (view.lease_until is not None) == (view.carriage in (Carriage.LEASED, Carriage.RELEASED))


def _seen(row: Row) -> dict[str, Any]:
    names = ("carriage", "fence", "attempts", "copies_released", "copies_allowed", "next_at", "lease_until", "tried")
    return {name: getattr(row, name) for name in (*names, "withdrawn", "hold", "provider")}


async def _facts(spool: FullSpool, message_id: MessageId, n: int) -> list[HistoryRow]:
    return [replace(fact, seq=0) for fact in await spool.history(message_id) if fact.n in (-1, n)]


async def _told(spool: FullSpool) -> list[HistoryRow]:
    """All of history; a straight handover also names what was tried when nothing was, which says the same."""
    told = []
    for fact in await spool.events_since(0, 100_000):
        detail = {key: value for key, value in fact.detail.items() if (key, value) != ("tried", "")}
        told.append(replace(fact, seq=0, detail=detail))
    return sorted(told, key=lambda fact: (fact.at, fact.message_id, fact.n))


TestSpools = SpoolMachine.TestCase
TestSpools.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
