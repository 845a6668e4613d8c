"""One recipient's row under everything that can happen to it, beside an independent account of its copies.

The account knows what the world knows: which attempts were released, and what each was answered. The row may know less
(a restored copy), but it must never believe that less is out than there is. Every step asserts what must hold after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, check_move
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.spool import rules
from posthorse.spool.desk_port import Decision
from posthorse.spool.learning import Given, learn
from posthorse.spool.port import Refusal, Settled, Settlement
from posthorse.spool.rules import Change, Row

T = TypeVar("T")

LEASE_US = 60
PROVIDERS = tuple(ProviderName(name) for name in "ABC")
UNDER_LEASE = (Carriage.LEASED, Carriage.RELEASED)
OUTCOMES: dict[str, tuple[Outcome, ...]] = {
    "yes": (Handover(),),
    "no": (
        Deferral(scope=Scope.RECIPIENT),
        Rejection(scope=Scope.RECIPIENT),
        Rejection(scope=Scope.ACCOUNT),
        Fault(scope=Scope.PROVIDER),
        Throttle(scope=Scope.ACCOUNT),
    ),
    "unclear": (Unclear(),),
}


@dataclass
class Attempt:
    """What really became of one fence."""

    provider: ProviderName
    released: bool = False
    answer: str = ""
    """`yes`, `no`, or empty: nobody knows."""
    written_off: bool = False
    """A person took it as never sent."""

    @property
    def may_be_out(self) -> bool:
        """A copy that the budget must count."""
        return self.released and self.answer != "no" and not self.written_off


class RowLife:
    """A row and its story. `pick` chooses among options."""

    def __init__(self, pick: Callable[[Sequence[int]], int]) -> None:
        self._pick = pick
        self.now = 1_000
        self.attempts: dict[int, Attempt] = {}
        self.decided = self.restored = self.person_handed = False
        lifetime = self.pick([100_000, 100_000, 200])
        copies = self.pick([2, 2, 1])
        self.row = Row(
            carriage=Carriage.QUEUED, expires_at=self.now + lifetime, copies_allowed=copies, next_at=self.now
        )
        self.story: list[str] = []

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self._pick(range(len(options)))]

    @property
    def rests(self) -> bool:
        """Duty ended and no answer is owed: nothing can happen any more."""
        return self.row.carriage in ENDS_OF_DUTY and not self.owed_fences()

    def step(self) -> None:
        """One thing happens; then all that must always hold is checked."""
        likely: list[Callable[[], None]] = [self.wait]
        if rules.may_lease(self.row, self.now):
            likely += [self.lease] * 8
        if self.row.fence:
            likely += [self.release] * (8 if self.row.carriage is Carriage.LEASED else 1) + [self.repeat]
        if self.row.carriage in UNDER_LEASE:
            likely += [self.answer] * 4
        if self.row.carriage is Carriage.LEASED:
            likely.append(self.give_back)
        if self.owed_fences():
            likely += [self.late_answer] * 2
        if self.tellers():
            likely.append(self.hear)
        if self.pick(range(6)) == 0:
            likely = [self.withdraw, self.suppress, self.hold, self.hold, self.decide, self.decide, self.restore]
        act = self.pick(likely)
        before = self.row
        act()
        self.story.append(f"{act.__name__}: {before.carriage.value} -> {self.row}")
        self.check()

    def _take(self, change: Change) -> None:
        """Put the change in place; its steps must be a legal walk from the old row to the new."""
        place = self.row.carriage
        for move in change.moves:
            assert move.old is place
            check_move(move.old, move.new, move.cause)
            place = move.new
        assert place is change.row.carriage
        assert change.row.fence >= self.row.fence
        self.row = change.row

    # --- what couriers do ---------------------------------------------------------------------------------------------

    def lease(self) -> None:
        """A courier claims it."""
        fence = self.row.fence
        self._take(rules.lease(self.row, self.now + LEASE_US))
        assert self.row.fence == fence + 1
        assert not self.row.withdrawn
        assert self.row.copies_released < self.row.copies_allowed
        self.attempts[self.row.fence] = Attempt(self.pick(PROVIDERS))

    def release(self) -> None:
        """Somebody with this or an older lease asks for its release mark."""
        before, fence = self.row, self.row.fence - self.pick([0, 0, 0, 1])
        suppressed = self.pick([False, False, False, True])
        refusal = rules.release_refusal(before, fence, self.now, suppressed=suppressed)
        if refusal is not None:
            self._take(rules.refuse(before, refusal, self.now))
            assert self.row.copies_released == before.copies_released
            assert refusal is not Refusal.STALE or self.row == before
            return
        assert before.carriage is Carriage.LEASED
        assert fence == before.fence
        assert not suppressed
        assert not before.withdrawn
        assert before.hold is None
        assert before.expires_at > self.now
        assert before.copies_released < before.copies_allowed
        assert not any(attempt.answer == "yes" for attempt in self.attempts.values())
        attempt = self.attempts[fence]
        self._take(rules.release(before, self.now + LEASE_US, attempt.provider))
        attempt.released = True

    def answer(self) -> None:
        """The present attempt ends; without a release mark only with a certain no."""
        marked, fence = self.row.carriage is Carriage.RELEASED, self.row.fence
        word = self.pick(["yes", "no", "no", "unclear", "unclear"]) if marked else "no"
        assert self._settle(fence, self.pick(OUTCOMES[word])) is Settled.APPLIED
        if marked and word != "unclear":
            self.attempts[fence].answer = word

    def give_back(self) -> None:
        """The courier found no candidate."""
        before = self.row
        assert self._settle(self.row.fence, None) is Settled.APPLIED
        assert self.row.copies_released == before.copies_released

    def late_answer(self) -> None:
        """The answer to an older released attempt arrives at last."""
        fence, word = self.pick(self.owed_fences()), self.pick(["yes", "no", "no", "unclear"])
        before = self.row
        settled = self._settle(fence, self.pick(OUTCOMES[word]))
        if before.withdrawn:
            assert self.row.carriage is not Carriage.REJECTED
        if word == "unclear":
            assert self.row == before
            assert settled is Settled.RECORDED
            return
        self.attempts[fence].answer = word
        if before.carriage is Carriage.RELEASED:
            assert self.row.carriage is Carriage.RELEASED
            assert self.row.fence == before.fence

    def tellers(self) -> list[ProviderName]:
        """Providers that may have a copy: released, and not certainly refused by the last word of each attempt."""
        mine = {name: [a for a in self.attempts.values() if a.released and a.provider == name] for name in PROVIDERS}
        return [name for name, some in mine.items() if some and any(a.answer != "no" for a in some)]

    def hear(self) -> None:
        """A provider that has a copy tells of it, before or after its answer."""
        name, before = self.pick(self.tellers()), self.row
        mine = {fence: a for fence, a in self.attempts.items() if a.released and a.provider == name}
        has_told = any(a.answer == "yes" for a in mine.values())
        lesson = learn(before, Given(provider=name, fences=frozenset(mine), has_told=has_told))
        self._take(lesson.change)
        if has_told:
            assert self.row == before, "it said so already"
            return
        if lesson.fence is None:
            assert self.person_handed, "only a person's word takes an answer's place"
            return
        answered = mine[lesson.fence]
        assert answered.answer == ""
        answered.answer = "yes"
        assert lesson.fence not in self.row.doubtful
        again = learn(self.row, Given(provider=name, fences=frozenset(mine), has_told=True))
        assert again.change == Change(row=self.row)

    def repeat(self) -> None:
        """A settlement that was heard before, or of a lease that sent nothing, comes again: it changes nothing."""
        present = self.row.fence if self.row.carriage in UNDER_LEASE else -1
        spent = [f for f, a in self.attempts.items() if f != present and (a.answer or not a.released)]
        if not spent:
            return
        before, word = self.row, self.pick(["yes", "no", "unclear"])
        assert self._settle(self.pick(spent), self.pick(OUTCOMES[word])) is Settled.RECORDED
        assert self.row == before

    def owed_fences(self) -> list[int]:
        """Released, unanswered, and no longer the present attempt."""
        present = self.row.fence if self.row.carriage is Carriage.RELEASED else -1
        return [f for f, a in self.attempts.items() if f != present and a.released and not a.answer]

    def _settle(self, fence: int, outcome: Outcome | None) -> Settled:
        """Hand a settlement in, as a courier makes it."""
        attempt = self.attempts[fence]
        holders = self.row.tried[: self.row.copies_released]
        settlement = Settlement(
            message_id=MessageId(bytes(16)),
            n=0,
            fence=fence,
            outcome=outcome,
            final=isinstance(outcome, Rejection) and outcome.scope is Scope.RECIPIENT,
            next_at=None if isinstance(outcome, Handover) else self.now,
            tried=self.row.tried if outcome is None else (*holders, attempt.provider),
            provider=attempt.provider,
            released=attempt.released,
        )
        change, settled = rules.settle(self.row, settlement, self.now)
        self._take(change)
        return settled

    # --- what time does -----------------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Time passes; what ran out is swept."""
        self.now += self.pick([1, LEASE_US // 3, LEASE_US])
        if self.row.lease_until is not None and self.row.lease_until <= self.now:
            before = self.row
            self._take(rules.lapse(self.row, self.now))
            if before.carriage is Carriage.RELEASED:
                assert self.row.carriage in (Carriage.IN_DOUBT, Carriage.HANDED_OVER)
                assert before.provider in self.row.tried[: self.row.copies_released]
        if self.row.expires_at <= self.now:
            before = self.row
            self._take(rules.expire(self.row))
            ends = before.carriage is Carriage.QUEUED
            assert self.row.carriage is (Carriage.EXPIRED if ends else before.carriage)
            assert not rules.may_lease(self.row, self.now)

    # --- what people and clients do -----------------------------------------------------------------------------------

    def withdraw(self) -> None:
        """Cancelled, or a newer message took its place."""
        how, waited = self.pick([rules.CANCELLED, rules.SUPERSEDED]), self.row.carriage is Carriage.QUEUED
        self._take(rules.withdraw(self.row, how))
        assert self.row.carriage in ENDS_OF_DUTY or self.row.withdrawn
        assert not waited or self.row.carriage.value == how

    def suppress(self) -> None:
        """Its address was put on a list."""
        self._take(rules.suppress_waiting(self.row))
        assert self.row.carriage is not Carriage.QUEUED

    def hold(self) -> None:
        """A person pauses it or lets it go on."""
        self.row = replace(self.row, hold=None if self.row.hold else 7)

    def decide(self) -> None:
        """A person decides; withdrawing is a step of its own."""
        before, decision = self.row, self.pick([one for one in Decision if one is not Decision.WITHDRAW])
        self._take(rules.decide(self.row, decision, self.now))
        if before.carriage is not Carriage.IN_DOUBT:
            assert self.row == before or decision in (Decision.CANCEL, Decision.RETRY_NOW)
            return
        self.decided |= decision in (Decision.ANOTHER_COPY, Decision.WAS_NOT_SENT)
        if decision is Decision.WAS_HANDED_OVER:
            self.person_handed = True
            assert self.row.carriage is Carriage.HANDED_OVER
        if decision is Decision.WAS_NOT_SENT:
            self.restored = False
            for attempt in self.attempts.values():
                attempt.written_off |= not attempt.answer
            assert self.row.copies_released == 0

    def restore(self) -> None:
        """The spool is a restored copy."""
        self.restored |= self.row.carriage not in ENDS_OF_DUTY
        self._take(rules.doubt(self.row))
        assert self.row.carriage in ENDS_OF_DUTY | {Carriage.IN_DOUBT}
        assert not rules.may_lease(self.row, self.now)
        assert rules.doubt(self.row) == Change(row=self.row)

    # --- what always holds --------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Whatever happened."""
        self._copies_stay_within_the_budget()
        self._leases_and_due_times_belong_to_their_states()
        self._doubt_and_handover_have_reasons()
        if any(attempt.answer == "yes" for attempt in self.attempts.values()):
            further = self.row.carriage is Carriage.RELEASED and self.row.leased_from is Carriage.HANDED_OVER
            assert further or self.row.carriage in ENDS_OF_DUTY, "a known handover is followed by nothing"
        if self.row.carriage in (Carriage.EXPIRED, Carriage.SUPPRESSED):
            assert not any(attempt.may_be_out for attempt in self.attempts.values()), "what ended unsent is not out"

    def _copies_stay_within_the_budget(self) -> None:
        """The count is within what is allowed, and never below what may really be out."""
        row = self.row
        assert 0 <= row.copies_released <= row.copies_allowed
        if not self.decided:
            really = sum(attempt.released and attempt.answer != "no" for attempt in self.attempts.values())
            assert really <= row.copies_allowed
        counted = sum(attempt.may_be_out for attempt in self.attempts.values())
        late_word = any(a.written_off and a.answer == "yes" for a in self.attempts.values())
        if not self.person_handed and not late_word:
            assert counted <= row.copies_released
        if not (self.restored or self.decided or self.person_handed):
            assert counted == row.copies_released

    def _leases_and_due_times_belong_to_their_states(self) -> None:
        row = self.row
        assert (row.leased_from is not None) == (row.carriage in UNDER_LEASE)
        assert (row.lease_until is not None) == (row.carriage in UNDER_LEASE)
        assert row.carriage not in ENDS_OF_DUTY or row.next_at is None
        if row.carriage is Carriage.QUEUED:
            assert not row.withdrawn
            assert row.next_at is not None, "what waits must come due by itself"

    def _doubt_and_handover_have_reasons(self) -> None:
        if self.row.carriage is Carriage.IN_DOUBT:
            assert self.row.copies_released > 0
            assert self.restored or any(a.released and not a.answer for a in self.attempts.values())
        if self.row.carriage is Carriage.HANDED_OVER:
            assert self.person_handed or any(a.answer == "yes" for a in self.attempts.values())
