"""What kind of mail one recorded message seems to be, and by which signs. Pure.

Promise: what contradicts itself leans to nothing: a newsletter that speaks of passwords is neither. A burst confirms
other signs of mail to many and is none alone: many codes or alarms in a minute are what an outage looks like.

Left out: rules (`classify_suggest`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from posthorse.control.classify_privacy import MOST_READ, masked
from posthorse.control.classify_words import words_in
from posthorse.control.replies import RecordedMail
from posthorse.mail.stream import Stream

MANY_RECIPIENTS = 10
BURST_MAILS = 30
"""So many alike within one minute are a burst..."""
BURST_SHARE = 0.05
"""...if minutes like that are at most this part of the time in which such mail came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaning:
    """A kind of mail, or none, and the signs."""

    stream: Stream | None
    """None: no sign, or signs that contradict one another."""
    signs: tuple[str, ...] = ()


def leanings(mails: Sequence[RecordedMail]) -> dict[str, Leaning]:
    """The leaning of each message, by id."""
    burst = _in_bursts(mails)
    return {mail.id: _leaning(mail, in_burst=mail.id in burst) for mail in mails}


def _leaning(mail: RecordedMail, *, in_burst: bool) -> Leaning:
    found = words_in(" ".join(_texts(mail)))
    signs = [f'the word "{word}"' for word in found.values()]
    kinds = set(found)
    if mail.marks:
        signs.append("marked as mail to many")
    if mail.recipients >= MANY_RECIPIENTS:
        signs.append("many recipients at once")
    if mail.marks or mail.recipients >= MANY_RECIPIENTS:
        kinds.discard(Stream.STANDARD)  # "welcome" or "order" in a newsletter
        kinds.add(Stream.BULK)
    if in_burst and kinds == {Stream.BULK}:
        signs.append("sent in bursts")
    if kinds == {Stream.URGENT} and mail.recipients == 1:
        signs.append("one recipient")
    if kinds == {Stream.ONCE, Stream.STANDARD}:
        kinds = {Stream.ONCE}  # the invoice of an order
    return Leaning(stream=next(iter(kinds)) if len(kinds) == 1 else None, signs=tuple(signs))


def _texts(mail: RecordedMail) -> Iterable[str]:
    """Where words are looked for: the subject, and names that people gave."""
    yield (mail.subject or "")[:MOST_READ]
    names = (mail.template, mail.configuration_set, *mail.tags.values(), mail.sender.rpartition("@")[0])
    yield from (re.sub(r"[_.\-]+", " ", name) for name in names if name)


def _in_bursts(mails: Sequence[RecordedMail]) -> set[str]:
    """Messages that came with many alike in one minute, where such minutes are rare."""
    minutes: dict[tuple[str, ...], dict[int, list[str]]] = {}
    for mail in mails:
        alike = (mail.tenant, mail.credential, mail.sender, masked(mail.subject or ""))
        minute = int(datetime.fromisoformat(mail.accepted_at).timestamp()) // 60
        minutes.setdefault(alike, {}).setdefault(minute, []).append(mail.id)
    span = _span(minutes.values())
    found: set[str] = set()
    for by_minute in minutes.values():
        busy = [ids for ids in by_minute.values() if len(ids) >= BURST_MAILS]
        if busy and len(busy) <= max(1, BURST_SHARE * span):
            found.update(*busy)
    return found


def _span(groups: Iterable[dict[int, list[str]]]) -> int:
    """Minutes from the first to the last message of all."""
    seen = [minute for by_minute in groups for minute in by_minute]
    return max(seen) - min(seen) + 1 if seen else 0


def most_common(texts: Iterable[str], count: int) -> list[tuple[str, int]]:
    """The most frequent texts with their number; the same order for the same texts."""
    counted = Counter(texts)
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:count]
