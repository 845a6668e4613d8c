"""Rules proposed from recorded traffic: groups of mail that lean to one kind, as `[[classify]]` with their evidence.

Mail whose stream the client named, or a rule of the configuration gave, is left alone. A group is all mail with one
value of something that rules can match; it becomes a rule if nearly all of it leans the same way, and if it decides
mail that no rule before it does. What people gave a name (a template, a configuration set, a tag) comes before who
sent, and that before words of the subject: names change least. A rule stands for what it decides itself: mail that an
earlier rule decides is no evidence for it.

Promise: pure; the same traffic gives the same proposals; neither rules nor examples say anything of one person
(`classify_privacy`).
Left out: deciding. A person reads the evidence and pastes, or does not.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from posthorse.accept.classify import Classifier, ClassifyRule, Facts
from posthorse.accept.control import STREAM_TAG
from posthorse.control.classify_leaning import Leaning, leanings, most_common
from posthorse.control.classify_privacy import (
    MOST_READ,
    examples,
    is_of_a_person,
    may_stand_in_a_rule,
    sender_patterns,
    varied,
)
from posthorse.control.classify_words import words_in
from posthorse.control.replies import RecordedMail
from posthorse.mail.stream import Stream

LEAST_MAILS = 5
"""A smaller group says nothing."""
LEAST_SHARE = 0.9
"""So much of a group leans to the stream it is proposed for, of what is left for the rule to decide too..."""
MOST_OTHERWISE = 0.02
"""...and no more than this to another one."""
MOST_RULES = 50
MOST_WORDS = 60
"""Of the words that stand in subjects, the most frequent."""
_ORDER = (Stream.URGENT, Stream.ONCE, Stream.BULK)


class Sureness(Enum):
    """How far a proposal may be trusted."""

    HIGH = "high"
    """50 messages or more, hardly any of them otherwise."""
    MEDIUM = "medium"
    LOW = "low"
    """Few messages, or some that lean otherwise: look at them first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One rule with its evidence."""

    rule: ClassifyRule
    matches: int
    """Messages that it matches, among those that nobody has decided yet."""
    leans: int
    """Of these, how many lean to its stream."""
    decides: int
    """Messages that it would decide after the proposals before it."""
    signs: tuple[tuple[str, int], ...]
    """The most frequent signs, with how many messages bear each."""
    examples: tuple[str, ...]
    """Of subjects, what says nothing of anybody."""

    @property
    def sureness(self) -> Sureness:
        """How far it may be trusted."""
        share = self.leans / self.matches
        if self.matches >= 50 and share >= 0.98:
            return Sureness.HIGH
        return Sureness.MEDIUM if self.matches >= 15 and share >= 0.95 else Sureness.LOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What recorded traffic suggests."""

    messages: int
    declared: int
    """Their client named the stream."""
    ruled: int
    """A rule of the configuration decides them."""
    undecided: int
    """Neither: they are `standard` because nobody says otherwise."""
    without_subject: int
    """Of the undecided: their bodies are gone, so that only names could speak."""
    proposals: tuple[Proposal, ...] = ()
    left: int = 0
    """Undecided messages that no proposal decides."""


def facts_of(mail: RecordedMail) -> Facts:
    """What the rules look at."""
    return Facts(
        credential=mail.credential,
        configuration_set=mail.configuration_set,
        tags=mail.tags,
        template=mail.template,
        sender=mail.sender,
        subject=(mail.subject or "").encode(),
    )


def is_declared(mail: RecordedMail) -> bool:
    """Whether the client named the stream: no rule is asked then."""
    return bool(mail.declared) or STREAM_TAG in mail.tags


def suggested(mails: Sequence[RecordedMail], rules: Iterable[ClassifyRule] = ()) -> Suggestion:
    """Proposals for what the client and `rules` leave undecided."""
    classifier = Classifier(rules)
    free = [mail for mail in mails if not is_declared(mail)]
    undecided = [mail for mail in free if classifier.classify(facts_of(mail)).rule is None]
    study = _Study(undecided)
    proposals = study.proposals()
    return Suggestion(
        messages=len(mails),
        declared=len(mails) - len(free),
        ruled=len(free) - len(undecided),
        undecided=len(undecided),
        without_subject=sum(mail.subject is None for mail in undecided),
        proposals=proposals,
        left=len(undecided) - sum(proposal.decides for proposal in proposals),
    )


@dataclass(slots=True)
class _Group:
    """All undecided mail that one pattern matches."""

    rule: ClassifyRule
    mails: list[RecordedMail] = field(default_factory=list)


class _Study:
    def __init__(self, mails: Sequence[RecordedMail]) -> None:
        self._mails = mails
        self._leanings: Mapping[str, Leaning] = leanings(mails)

    def proposals(self) -> tuple[Proposal, ...]:
        """In the order in which the rules should stand."""
        found: list[Proposal] = []
        decided: set[str] = set()
        for kind in (_by_name, _by_sender, _by_subject):
            groups = self._pure(kind(self._mails))
            for stream in _ORDER:
                of_stream = [group for group in groups if group.rule.stream is stream]
                for group in sorted(of_stream, key=_wide_first):
                    new = [mail for mail in group.mails if mail.id not in decided]
                    if self._leans(stream, new) and len(found) < MOST_RULES:
                        decided.update(mail.id for mail in new)
                        found.append(self._proposal(group, len(new)))
        return tuple(found)

    def _pure(self, groups: Iterable[_Group]) -> list[_Group]:
        """The groups that lean one way, each with its stream."""
        found = []
        for group in groups:
            leaning = (stream for stream in _ORDER if self._leans(stream, group.mails))
            found += [_Group(replace(group.rule, stream=stream), group.mails) for stream in leaning]
        return found

    def _leans(self, stream: Stream, mails: Sequence[RecordedMail]) -> bool:
        """Whether there are enough, nearly all lean to this stream, and hardly any to another."""
        counted = Counter(self._leanings[mail.id].stream for mail in mails)
        others = sum(count for other, count in counted.items() if other not in (None, stream))
        enough = len(mails) >= LEAST_MAILS and counted[stream] >= LEAST_SHARE * len(mails)
        return enough and others <= MOST_OTHERWISE * len(mails)

    def _proposal(self, group: _Group, decides: int) -> Proposal:
        leaning = [mail for mail in group.mails if self._leanings[mail.id].stream is group.rule.stream]
        signs = most_common((sign for mail in leaning for sign in self._leanings[mail.id].signs), 4)
        return Proposal(
            rule=group.rule,
            matches=len(group.mails),
            leans=len(leaning),
            decides=decides,
            signs=tuple(signs),
            examples=tuple(examples((mail.subject for mail in leaning if mail.subject), 3)),
        )


def _wide_first(group: _Group) -> tuple[int, bool, str]:
    """Of two that match the same, the one without a wildcard comes first: it says no more than was seen."""
    return (-len(group.mails), "*" in f"{group.rule.sender}{group.rule.tag}", str(group.rule))


# --- groups: by what rules can match ----------------------------------------------------------------------------------

_ANY = Stream.STANDARD
"""Stands in a rule whose stream is not known yet."""


def _gathered(pairs: Iterable[tuple[ClassifyRule, RecordedMail]]) -> list[_Group]:
    groups: dict[ClassifyRule, _Group] = {}
    for rule, mail in pairs:
        groups.setdefault(rule, _Group(rule)).mails.append(mail)
    return list(groups.values())


def _by_name(mails: Sequence[RecordedMail]) -> list[_Group]:
    vary = varied((name, value) for mail in mails for name, value in mail.tags.items())

    def pairs() -> Iterator[tuple[ClassifyRule, RecordedMail]]:
        for mail in mails:
            if may_stand_in_a_rule(mail.template):
                yield ClassifyRule(stream=_ANY, template=mail.template), mail
            if may_stand_in_a_rule(mail.configuration_set):
                yield ClassifyRule(stream=_ANY, configuration_set=mail.configuration_set), mail
            for name, value in mail.tags.items():
                if may_stand_in_a_rule(name):
                    yield ClassifyRule(stream=_ANY, tag=f"{name}=*"), mail
                    if may_stand_in_a_rule(value) and name not in vary and not is_of_a_person(name):
                        yield ClassifyRule(stream=_ANY, tag=f"{name}={value}"), mail

    return _gathered(pairs())


def _by_sender(mails: Sequence[RecordedMail]) -> list[_Group]:
    split = (mail.sender.lower().rpartition("@") for mail in mails)
    vary = varied((domain, local) for local, _, domain in split)

    def pairs() -> Iterator[tuple[ClassifyRule, RecordedMail]]:
        for mail in mails:
            if may_stand_in_a_rule(mail.credential) and not mail.credential.startswith("trusted:"):
                yield ClassifyRule(stream=_ANY, access_key=mail.credential), mail
            domain = mail.sender.lower().rpartition("@")[2]
            for pattern in sender_patterns(mail.sender, varied=domain in vary):
                yield ClassifyRule(stream=_ANY, sender=pattern), mail

    return _gathered(pairs())


def _by_subject(mails: Sequence[RecordedMail]) -> list[_Group]:
    """Words of each kind that stand in subjects; each with every subject it would match."""
    words = most_common(
        (word for mail in mails for word in words_in((mail.subject or "")[:MOST_READ]).values()), MOST_WORDS
    )
    found = []
    for word, _ in words:
        rule = ClassifyRule(stream=_ANY, subject=f"*{re.sub(r'[*?]', '?', word)}*")
        asked = Classifier([rule])
        matching = [mail for mail in mails if mail.subject and asked.classify(facts_of(mail)).rule is not None]
        found.append(_Group(rule, matching))
    return found
