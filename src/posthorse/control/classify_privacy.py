"""What `posthorse classify suggest` may show of recorded mail: nothing that is said of one person. Pure.

Promise: an example shows the words that decided, words of no content, and words that stand in most of the messages it
is taken from and in several different subjects; all else is left out. A value stands in a rule only if it does not look
like an address, an identity or a person's name; one that varies from message to message is left out, too. Linear in
what it reads.

Left out: what decides (`classify_words`). A single word that an application uses as its own sender is not known for a
person's name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from posthorse.control.classify_words import word_spans

MOST_READ = 500
"""Characters of a subject that are looked at."""
MOST_SHOWN = 60
DIFFERENT_SUBJECTS = 3
"""A word that is no sign is shown if it stands in so many different subjects, and in most messages."""
MOST_VALUES = 20
"""With more, the values of a tag, or what stands before the @ of one domain, are taken to vary with the message."""
LEFT_OUT = "…"

_RUN = re.compile(r"[^\s<>()\[\]]+")
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"[#\W_]*#[#\W_]*")
_AT = re.compile(r"[@\uff20\ufe6b]|=[\w-]+\.\w|%40", re.ASCII)
_IDENTITY = re.compile(r"\d{6}|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-|(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{16}")
_PERSON = re.compile(r"[^\W\d_][^\W_]*(?:[ .]+[^\W\d_][^\W_]*)+")
_OF_A_PERSON, _OF_A_KIND, _OF_NO_CONTENT = (
    frozenset(re.findall(r"\w+", words))
    for words in (
        """user username userid uid email mail to recipient customer name contact person member phone account client
        subscriber""",
        "type kind category class template list campaign",
        """a an and are at be been by for from has have in is it its of on or our the this to we with you your
        das dein deine dem den der die ein eine für ihr ihre ist mit und unser unsere von zu zum zur
        au avec ce de des du est et la le les nos notre pour sur un une vos votre
        con del el en es los las para por su sus tu una y e il di della do da os um uma seu sua""",
    )
)


def masked(text: str) -> str:
    """A text without addresses and numbers, cut: enough to see which are alike; not to be shown."""
    hidden = _RUN.sub(lambda run: "<address>" if _AT.search(run[0][1:-1]) else run[0], text[:MOST_READ])
    return " ".join(_DIGITS.sub(lambda found: "#" * min(6, len(found[0])), hidden).split())[:MOST_SHOWN]


def examples(subjects: Iterable[str], count: int) -> list[str]:
    """What the most frequent subjects of one group say, without what they say of anybody."""
    counted = Counter(masked(subject) for subject in subjects)
    common = _common(counted)
    shown: Counter[str] = Counter()
    for subject, number in counted.items():
        shown[_without_persons(subject, common)] += number
    return [text for text, _ in sorted(shown.items(), key=lambda item: (-item[1], item[0])) if text != LEFT_OUT][:count]


def _common(counted: Mapping[str, int]) -> frozenset[str]:
    """Words in most messages and in several different subjects."""
    messages: Counter[str] = Counter()
    subjects: Counter[str] = Counter()
    for subject, number in counted.items():
        for word in {_bare(run[0]) for run in _RUN.finditer(subject)}:
            messages[word] += number
            subjects[word] += 1
    most = sum(counted.values()) / 2
    return frozenset(word for word in messages if messages[word] >= most and subjects[word] >= DIFFERENT_SUBJECTS)


def _without_persons(subject: str, common: frozenset[str]) -> str:
    signs = word_spans(subject)
    words: list[str] = []
    for run in _RUN.finditer(subject):
        word = _shown_of(run, signs, common)
        if word != LEFT_OUT or words[-1:] != [LEFT_OUT]:
            words.append(word)
    return " ".join(words)


def _shown_of(run: re.Match[str], signs: Sequence[tuple[int, int]], common: frozenset[str]) -> str:
    word = _bare(run[0])
    if word in _OF_NO_CONTENT or word in common or _NUMBER.fullmatch(run[0]):
        return run[0]
    inside = [(max(start, run.start()), min(end, run.end())) for start, end in signs]
    parts = [run.string[start:end] for start, end in inside if start < end]
    if not parts:
        return LEFT_OUT
    whole = _bare(run[0])
    return run[0].strip(".,;:!?\"'") if whole == parts[0].lower() else LEFT_OUT.join(parts)


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"'").lower()


# --- values that stand in rules ---------------------------------------------------------------------------------------


def may_stand_in_a_rule(value: str) -> bool:
    """Whether a name or value says nothing of one person, as far as its form tells, and can be written."""
    if not value or len(value) > 100 or not value.isprintable() or _AT.search(value) or _IDENTITY.search(value):
        return False
    person = _PERSON.fullmatch(value)
    return person is None or not all(part[:1].isupper() for part in re.split(r"[ .]+", value))


def is_of_a_person(tag: str) -> bool:
    """Whether the values of a tag with this name are persons or their addresses."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", tag)]
    return bool(words) and not _OF_A_PERSON.isdisjoint(words) and words[-1] not in _OF_A_KIND


def sender_patterns(sender: str, *, varied: bool) -> list[str]:
    """How rules may name a sender, the widest first. `varied`: its domain has many."""
    local, at, domain = sender.lower().rpartition("@")
    if not at or not may_stand_in_a_rule(domain):
        return []
    patterns = [f"*@{domain}"]
    if re.fullmatch(r"[a-z][a-z_-]*\d{0,3}", local) and len(local) <= 30 and not varied:
        patterns.append(f"{local}@{domain}")
    elif stem := re.match(r"[a-z_]{1,20}[+=]", local):
        patterns.append(f"{stem[0]}*@{domain}")
    return patterns


def varied(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Of (name, value): the names with so many values that these vary from message to message."""
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        known = values.setdefault(name, set())
        if len(known) <= MOST_VALUES:
            known.add(value)
    return frozenset(name for name, known in values.items() if len(known) > MOST_VALUES)
