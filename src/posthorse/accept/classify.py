"""Which stream a message belongs to: what the client says, else the first rule that matches, else `standard`.

Promise: pure, and explainable: the answer names what decided. In this order: the header X-Posthorse-Stream, the tag
`posthorse:stream`, the `[[classify]]` rules from top to bottom.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from posthorse.accept.control import STREAM_TAG
from posthorse.accept.encoded_words import readable
from posthorse.mail.stream import Stream

DEFAULT_STREAM = Stream.STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyRule:
    """A rule: every pattern given must match. `*` stands for any text, `?` for one character; case does not matter."""

    stream: Stream
    access_key: str = ""
    configuration_set: str = ""
    tag: str = ""
    """`name=value`."""
    template: str = ""
    sender: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at."""

    credential: str = ""
    configuration_set: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    sender: str = ""
    subject: bytes = b""
    """Raw value of the Subject field; decoded only if a rule asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """The stream, and what decided."""

    stream: Stream
    because: str
    """For people: `X-Posthorse-Stream`, `rule 2: subject`, `default`..."""
    rule: int | None = None
    """Position of the rule from 1; None: no rule decided."""


class Classifier:
    """The rules, ready to be asked."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Iterable[ClassifyRule] = ()) -> None:
        self._rules = [_compiled(rule, number) for number, rule in enumerate(rules, 1)]

    def classify(self, facts: Facts, declared: Stream | None = None) -> Classified:
        """The stream of a message. `declared`: what its X-Posthorse-Stream says."""
        if declared is not None:
            return _DECLARED[declared]
        tagged = facts.tags.get(STREAM_TAG)
        if tagged is not None:
            return Classified(stream=Stream(tagged.lower()), because=f"tag {STREAM_TAG}")
        for rule in self._rules:
            if rule.matches(facts):
                return rule.answer
        return _DEFAULT

    def without_facts(self, declared: Stream | None, tags: Mapping[str, str]) -> Classified | None:
        """What can be said without looking at the message; None: the rules decide."""
        if declared is not None:
            return _DECLARED[declared]
        return None if self._rules or tags else _DEFAULT

    def of_credential(self, credential: str) -> Stream | None:
        """What can be said before the message is seen: the stream of a rule about the credential alone, if no rule
        above it could match first. None: it depends on the message.
        """
        for rule in self._rules:
            if not rule.could_match(credential):
                continue
            return rule.answer.stream if rule.about_credential_only else None
        return None


_DECLARED = {stream: Classified(stream=stream, because="X-Posthorse-Stream") for stream in Stream}
_DEFAULT = Classified(stream=DEFAULT_STREAM, because="default")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiled:
    answer: Classified
    access_key: re.Pattern[str] | None
    texts: tuple[tuple[str, re.Pattern[str]], ...]
    """Name of the fact and its pattern."""
    tag: tuple[re.Pattern[str], re.Pattern[str]] | None
    subject: re.Pattern[str] | None

    @property
    def about_credential_only(self) -> bool:
        return not self.texts and self.tag is None and self.subject is None

    def could_match(self, credential: str) -> bool:
        return self.access_key is None or self.access_key.match(credential) is not None

    def matches(self, facts: Facts) -> bool:
        if not self.could_match(facts.credential):
            return False
        if any(not pattern.match(getattr(facts, name)) for name, pattern in self.texts):
            return False
        if self.tag is not None and not _has_tag(facts.tags, *self.tag):
            return False
        return self.subject is None or self.subject.match(readable(facts.subject)) is not None


def _has_tag(tags: Mapping[str, str], name: re.Pattern[str], value: re.Pattern[str]) -> bool:
    return any(name.match(key) and value.match(text) for key, text in tags.items())


def _compiled(rule: ClassifyRule, number: int) -> _Compiled:
    texts = {"configuration_set": rule.configuration_set, "template": rule.template, "sender": rule.sender}
    given = {"access_key": rule.access_key, **texts, "tag": rule.tag, "subject": rule.subject}
    named = ", ".join(f"{name} {pattern}" for name, pattern in given.items() if pattern)
    tag_name, _, tag_value = rule.tag.partition("=")
    return _Compiled(
        answer=Classified(stream=rule.stream, because=f"rule {number}: {named}", rule=number),
        access_key=_glob(rule.access_key) if rule.access_key else None,
        texts=tuple((name, _glob(pattern)) for name, pattern in texts.items() if pattern),
        tag=(_glob(tag_name), _glob(tag_value or "*")) if rule.tag else None,
        subject=_glob(rule.subject) if rule.subject else None,
    )


def _glob(pattern: str) -> re.Pattern[str]:
    """`*` and `?` only. Each part between stars is found at its first place and never again, so that no text makes the
    match try combinations: a lookahead is atomic, its captured text is then consumed.
    """
    first, *rest = (_literal(part) for part in re.sub(r"\*+", "*", pattern).split("*"))
    if not rest:
        return re.compile(first + r"\Z", re.IGNORECASE | re.DOTALL)
    *middle, last = rest
    steps = "".join(f"(?=(?P<g{number}>.*?{part}))(?P=g{number})" for number, part in enumerate(middle))
    return re.compile(f"{first}{steps}.*{last}" + r"\Z", re.IGNORECASE | re.DOTALL)


def _literal(part: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in part)
