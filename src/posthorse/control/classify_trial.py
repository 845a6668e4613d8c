"""What rules would have done over recorded traffic: streams before and after, what would move, rules that do nothing.

Promise: pure, and the same rules as the gateway's, asked in the same order. Where the subject of a message is gone and
a rule looks at it, the message counts as unsure instead of being guessed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from posthorse.accept.classify import DEFAULT_STREAM, Classifier, ClassifyRule
from posthorse.control.classify_suggest import facts_of, is_declared
from posthorse.control.replies import RecordedMail
from posthorse.mail.stream import Stream

MOST_MOVED = 1_000
"""Messages that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A message that would be in another stream."""

    id: str
    old: Stream
    new: Stream
    rule: int | None
    """Position of the rule that would decide, from 1; None: no rule would, so it would be what mail is by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrial:
    """What one rule would have done."""

    rule: ClassifyRule
    matches: int
    """Messages it fits, whoever decides them."""
    decides: int
    shadowed_by: Mapping[int, int]
    """Of those it fits: how many each rule before it (by position, from 1) would have decided instead."""

    @property
    def is_shadowed(self) -> bool:
        """It fits some, and decides none."""
        return self.matches > 0 and self.decides == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What all rules together would have done."""

    messages: int
    declared: int
    """Their client named the stream: no rule is asked."""
    unsure: int
    """Their subject is gone, and a rule looks at it; they count as they were."""
    before: Mapping[Stream, int]
    after: Mapping[Stream, int]
    moved: tuple[Moved, ...]
    """The newest first, at most `MOST_MOVED`."""
    moves: int
    """How many there are."""
    rules: tuple[RuleTrial, ...]


def tried(mails: Sequence[RecordedMail], rules: Sequence[ClassifyRule]) -> Trial:
    """Ask these rules about every message whose client did not name the stream."""
    run = _Run([_Asked.of(rule) for rule in rules])
    for mail in mails:
        run.take(mail)
    return Trial(
        messages=len(mails),
        declared=run.declared,
        unsure=run.unsure,
        before=dict(run.before),
        after=dict(run.after),
        moved=tuple(run.moved),
        moves=run.moves,
        rules=tuple(
            RuleTrial(
                rule=rule,
                matches=run.matches[n],
                decides=run.decides[n],
                shadowed_by={by: count for (of, by), count in sorted(run.shadowed.items()) if of == n},
            )
            for n, rule in enumerate(rules, 1)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One rule, alone, and what is left of it without the subject."""

    stream: Stream
    whole: Classifier
    blind: Classifier | None
    """None: it does not look at the subject."""

    @staticmethod
    def of(rule: ClassifyRule) -> "_Asked":
        blind = Classifier([replace(rule, subject="")]) if rule.subject else None
        return _Asked(rule.stream, Classifier([rule]), blind)

    def fits(self, mail: RecordedMail) -> bool | None:
        """Whether it matches; None: nobody can know any more."""
        if mail.subject is None and self.blind is not None:
            return None if self.blind.classify(facts_of(mail)).rule is not None else False
        return self.whole.classify(facts_of(mail)).rule is not None


class _Run:
    def __init__(self, rules: Sequence[_Asked]) -> None:
        self._rules = rules
        self.declared = self.unsure = self.moves = 0
        self.before: Counter[Stream] = Counter()
        self.after: Counter[Stream] = Counter()
        self.matches: Counter[int] = Counter()
        self.decides: Counter[int] = Counter()
        self.shadowed: Counter[tuple[int, int]] = Counter()
        self.moved: list[Moved] = []

    def take(self, mail: RecordedMail) -> None:
        old = Stream(mail.stream)
        self.before[old] += 1
        self.after[self._decided(mail, old)] += 1

    def _decided(self, mail: RecordedMail, old: Stream) -> Stream:
        if is_declared(mail):
            self.declared += 1
            return old
        fitting = {n: fits for n, asked in enumerate(self._rules, 1) if (fits := asked.fits(mail)) is not False}
        first = next(iter(fitting), None)
        if first is not None and fitting[first] is None:
            self.unsure += 1
            return old
        self._count([n for n, fits in fitting.items() if fits], first)
        new = DEFAULT_STREAM if first is None else self._rules[first - 1].stream
        if new is not old:
            self.moves += 1
            if len(self.moved) < MOST_MOVED:
                self.moved.append(Moved(id=mail.id, old=old, new=new, rule=first))
        return new

    def _count(self, fitting: Sequence[int], first: int | None) -> None:
        self.matches.update(fitting)
        if first is not None:
            self.decides[first] += 1
            self.shadowed.update((n, first) for n in fitting if n != first)
