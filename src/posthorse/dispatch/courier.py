"""Courier: performs one attempt of a handover group, from slot to settlement.

Promise: nothing irrevocable leaves before the release mark is durable; after it, whatever is not a complete answer is
in doubt. An answer that does not come in time frees its slot: the attempt is *parked* (bounded) and its late answer
recorded.

Left out: choosing the provider (plan), what an outcome means (judge), when to lease (dispatcher).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from posthorse.dispatch.flight import Flight
from posthorse.dispatch.judge import given_back, settlement, telling
from posthorse.dispatch.ports import Journal, Watch
from posthorse.dispatch.renewing import Renewer
from posthorse.dispatch.settling import Settler
from posthorse.dispatch.way import Way
from posthorse.mail.ids import AttemptId
from posthorse.mail.outcome import Fault, Outcome, Reply, Scope, Unclear
from posthorse.mail.ports import Clock, Ids, Rng
from posthorse.mail.stream import SECOND, Stream, StreamRule
from posthorse.providers.port import HandoverGroup
from posthorse.spool.port import (
    LeasedGroup,
    LeasedRecipient,
    Refusal,
    Released,
    ReleaseMark,
    Spool,
    SpoolUnavailable,
)

PARKED_BYTES = 64 << 20
"""Together the parked attempts keep no more than this of messages in memory (one is always kept)."""
PARKED_FOR_S = 600.0
"""RFC 5321 4.5.3.2.6: the answer to the final dot may take ten minutes."""
DOUBT_MARGIN_S = 5.0
"""Beyond the time to answer, before a released lease without a settlement lapses."""
NOTHING_TRIED = Fault(scope=Scope.US, reply=Reply(text="the release was refused"))
"""What the watch hears of an attempt that ended without a word about the provider."""


class Courier:
    """Runs attempts; knows every flight."""

    def __init__(
        self,
        *,
        spool: Spool,
        settler: Settler,
        watch: Watch,
        journal: Journal,
        clock: Clock,
        rng: Rng,
        ids: Ids,
        rules: Mapping[Stream, StreamRule],
        parked: int,
        landed: Callable[[Way, LeasedGroup], None],
    ) -> None:
        """`landed` is told when a group gave its slot back; at most `parked` attempts are kept for a late answer."""
        self._spool = spool
        self._settler = settler
        self._watch = watch
        self._journal = journal
        self._clock = clock
        self._rng = rng
        self._ids = ids
        self._rules = rules
        self._parked_limit = parked
        self._landed = landed
        self._renewer = Renewer(spool, journal, clock, self._lost_lease)
        self._flights: dict[AttemptId, Flight] = {}
        self._parked: deque[Flight] = deque()
        self._parked_bytes = 0

    @property
    def flying(self) -> int:
        """Attempts that hold a slot."""
        return len(self._flights) - len(self._parked)

    @property
    def parked(self) -> int:
        """Attempts that wait for a late answer."""
        return len(self._parked)

    def start(self, way: Way, group: LeasedGroup, reason: str) -> None:
        """Take a slot and go; returns at once."""
        way.busy += 1
        rule = self._rules[group.message.stream]
        flight = Flight(way, group, AttemptId(self._ids.new()), rule, reason, self._clock, self._rng.random())
        self._flights[flight.attempt] = flight
        flight.started_s = self._watch.began(way.name)
        flight.task = asyncio.get_running_loop().create_task(self._fly(flight))

    def released_ages_s(self, way: Way) -> list[float]:
        """How long each released, unanswered attempt there has waited."""
        now_s = self._clock.monotonic()
        return [
            now_s - flight.released_s
            for flight in self._flights.values()
            if flight.way is way and flight.released and not flight.parked
        ]

    def tick(self) -> None:
        """Park what got no answer in time, stop what hangs before its release, renew what moves, bound the parked."""
        now_s = self._clock.monotonic()
        for flight in list(self._flights.values()):
            if flight.parked or flight.task is None:
                continue
            if flight.released:
                if now_s - flight.released_s >= flight.rule.answer_timeout_s:
                    self._park(flight)
            elif now_s - flight.started_s >= flight.longest_s and not flight.task.cancelling():
                flight.blame = Scope.US if flight.at_gate else Scope.CHANNEL
                flight.task.cancel(f"no release within {flight.longest_s:.0f} s")
        self._renewer.look(self._flights.values())
        while self._parked and self._too_long(self._parked[0], now_s):
            flight = self._parked.popleft()
            self._parked_bytes -= len(flight.group.body)
            self._give_up(flight)

    async def stop(self, grace_s: float) -> None:
        """Let attempts finish for `grace_s` seconds, then stop them: what was released is then in doubt."""
        tasks = [flight.task for flight in self._flights.values() if flight.task and not flight.parked]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        self._renewer.stop()
        left = [flight.task for flight in self._flights.values() if flight.task]
        for task in left:
            task.cancel("the gateway stops")
        if left:
            await asyncio.wait(left, timeout=5.0)

    def _lost_lease(self, flight: Flight, numbers: Sequence[int]) -> None:
        """What goes on would be refused its release: all recipients of a mark or none."""
        flight.refused = dict.fromkeys(numbers, Refusal.STALE)
        if flight.task is not None:
            flight.task.cancel("its lease is gone")

    def _too_long(self, flight: Flight, now_s: float) -> bool:
        too_many = len(self._parked) > self._parked_limit
        too_large = self._parked_bytes > PARKED_BYTES and len(self._parked) > 1
        return too_many or too_large or now_s - flight.released_s > PARKED_FOR_S

    def _give_up(self, flight: Flight) -> None:
        if flight.task is not None:
            flight.task.cancel("no late answer")

    async def _fly(self, flight: Flight) -> None:
        outcomes: Mapping[int, Outcome] = {}
        try:
            handover = HandoverGroup(
                message=flight.group.message,
                body=flight.group.body,
                recipients=tuple([(r.n, r.address) for r in flight.group.recipients]),
                limits=flight.way.limits,
            )
            report = await flight.way.provider.attempt(handover, partial(self._release, flight))
            outcomes = report.outcomes
        except asyncio.CancelledError as stop:
            outcomes = self._unfinished(flight, str(stop), flight.blame)
        except Exception as error:
            self._journal.bug(f"attempt at {flight.way.name}", error)
            outcomes = self._unfinished(flight, f"bug: {type(error).__name__}", Scope.CHANNEL)
        finally:
            del self._flights[flight.attempt]
            if flight.parked:
                self._late(flight, outcomes)
            else:
                self._land(flight, outcomes)

    async def _release(self, flight: Flight, numbers: Sequence[int]) -> bool:
        """The gate: commit the release mark for these recipients, all or none."""
        wait_s = flight.rule.answer_timeout_s + DOUBT_MARGIN_S
        fences = {r.n: r.fence for r in flight.group.recipients}
        mark = ReleaseMark(
            message_id=flight.group.message.id,
            attempt=flight.attempt,
            provider=flight.way.name,
            recipients=tuple([(n, fences[n]) for n in numbers]),
            answer_by_us=int(max(wait_s, flight.rule.elsewhere_after_s or 0.0) * SECOND),
        )
        flight.at_gate = True
        try:
            (verdict,) = await self._spool.release([mark])
        except SpoolUnavailable as error:
            self._journal.spool_trouble("release", error)
            return False
        finally:
            flight.at_gate = False
        if isinstance(verdict, Released):
            flight.released = frozenset(numbers)
            flight.released_at = verdict.at
            flight.released_s = self._clock.monotonic()
            return True
        flight.refused = verdict.reasons
        return False

    def _unfinished(self, flight: Flight, why: str, scope: Scope) -> dict[int, Outcome]:
        """Stopped before an answer: unclear where released, else certainly nothing was sent."""
        reply = Reply(text=why)
        return {
            r.n: Unclear(scope=scope, reply=reply) if r.n in flight.released else Fault(scope=scope, reply=reply)
            for r in flight.group.recipients
            if r.n not in flight.refused
        }

    def _land(self, flight: Flight, outcomes: Mapping[int, Outcome]) -> None:
        """The answer came while the slot was held."""
        way, now, now_s = flight.way, self._clock.now(), self._clock.monotonic()
        way.busy -= 1
        for recipient in flight.group.recipients:
            outcome = outcomes.get(recipient.n)
            if outcome is None and recipient.n in flight.released:
                outcome = Unclear(reply=Reply(text="the provider gave no outcome for this recipient"))
            if outcome is not None:
                self._settle(flight, recipient, outcome, now)
            elif recipient.n not in flight.refused:
                self._give_back(flight, recipient, now)
        outcome = telling(outcomes.values())
        answered = flight.released and not isinstance(outcome, Unclear)
        duration_s = now_s - flight.released_s if answered else None
        domain, told = flight.group.message.sender_domain, outcome or NOTHING_TRIED
        self._watch.ended(way.name, domain, told, duration_s, began_s=flight.started_s)
        if outcome is not None:
            self._journal.attempted(way.name, outcome, now_s - flight.started_s)
        self._landed(way, flight.group)

    def _park(self, flight: Flight) -> None:
        """No answer in time: the slot goes on, the flight keeps listening."""
        flight.parked = True
        self._parked.append(flight)
        self._parked_bytes += len(flight.group.body)
        flight.way.busy -= 1
        unclear = Unclear(reply=Reply(text=f"no answer within {flight.rule.answer_timeout_s:g} s of the release"))
        now = self._clock.now()
        for recipient in flight.group.recipients:
            if recipient.n in flight.released:
                self._settle(flight, recipient, unclear, now)
            elif recipient.n not in flight.refused:
                self._give_back(flight, recipient, now)
        domain = flight.group.message.sender_domain
        self._watch.ended(flight.way.name, domain, unclear, None, began_s=flight.started_s)
        self._journal.attempted(flight.way.name, unclear, self._clock.monotonic() - flight.started_s)
        self._journal.parked(flight.group.message, flight.way.name, flight.attempt)
        self._landed(flight.way, flight.group)

    def _late(self, flight: Flight, outcomes: Mapping[int, Outcome]) -> None:
        """A parked flight ended: its answer, if there is one, settles what is in doubt."""
        if flight in self._parked:
            self._parked.remove(flight)
            self._parked_bytes -= len(flight.group.body)
        now = self._clock.now()
        for recipient in flight.group.recipients:
            outcome = outcomes.get(recipient.n)
            if recipient.n in flight.released and outcome is not None and not isinstance(outcome, Unclear):
                self._settle(flight, recipient, outcome, now)

    def _settle(self, flight: Flight, recipient: LeasedRecipient, outcome: Outcome, now: int) -> None:
        message = flight.group.message
        due = settlement(
            outcome,
            message_id=message.id,
            recipient=recipient,
            rule=flight.rule,
            provider=flight.way.name,
            attempt=flight.attempt,
            released=recipient.n in flight.released,
            crowded=bool(flight.released) and recipient.n not in flight.released,
            released_at=flight.released_at,
            started_at=flight.started_at,
            now=now,
            roll=flight.roll,
            reason=flight.reason,
        )
        self._settler.add(message, due)

    def _give_back(self, flight: Flight, recipient: LeasedRecipient, now: int) -> None:
        """Nothing happened to it (another recipient's refusal, or the spool could not release)."""
        message = flight.group.message
        if flight.refused:
            why = "another recipient of the group was refused its release"
            back = given_back(message.id, recipient, now, why)
            self._settler.add(message, back)
        else:
            why = "it was left out of the release" if flight.released else "the release was not durable"
            self._settle(flight, recipient, Fault(scope=Scope.US, reply=Reply(text=why)), now)
