"""Streams: the kinds of mail, each with its deadline, duplicate rule and place in the order.

The rule of a stream decides what happens when it is not known whether a message left (in doubt), because only the
sender of the mail can say which is worse for it: a second copy or a late one.
"""

from dataclasses import dataclass
from enum import Enum

SECOND = 1_000_000
"""Microseconds in a second: all times are integer microseconds UTC."""


class Stream(Enum):
    """The kind of mail a message is."""

    URGENT = "urgent"
    """One-time codes, password resets, alerts: useless when late, harmless when doubled."""
    STANDARD = "standard"
    """Receipts and notifications; the default."""
    ONCE = "once"
    """Invoices and legal mail: a second copy does harm, so a person decides when in doubt."""
    BULK = "bulk"
    """Newsletters: last in order, first to be shed, never doubled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRule:
    """What a stream promises. Durations in seconds."""

    stream: Stream
    order: int
    """0 is served first; also the number stored for the stream."""
    deadline_s: float
    """Trying stops this long after acceptance, unless the client declared less."""
    copies_allowed: int
    """How many copies may be out (released and not certainly refused) without a person's decision."""
    elsewhere_after_s: float | None
    """In doubt: this long after the release another provider is tried; None: never without a person."""
    answer_timeout_s: float
    """How long a released attempt may hold its slot without a complete answer."""
    retry_base_s: float
    """First step of the retry schedule; full jitter doubles it up to `RETRY_CAP_S`."""


RULES: dict[Stream, StreamRule] = {
    rule.stream: rule
    for rule in (
        StreamRule(
            stream=Stream.URGENT,
            order=0,
            deadline_s=3_600,
            copies_allowed=2,
            elsewhere_after_s=8,
            answer_timeout_s=8,
            retry_base_s=5,
        ),
        StreamRule(
            stream=Stream.STANDARD,
            order=1,
            deadline_s=86_400,
            copies_allowed=2,
            elsewhere_after_s=90,
            answer_timeout_s=10,
            retry_base_s=60,
        ),
        StreamRule(
            stream=Stream.ONCE,
            order=2,
            deadline_s=5 * 86_400,
            copies_allowed=1,
            elsewhere_after_s=None,
            answer_timeout_s=10,
            retry_base_s=60,
        ),
        StreamRule(
            stream=Stream.BULK,
            order=3,
            deadline_s=3 * 86_400,
            copies_allowed=1,
            elsewhere_after_s=None,
            answer_timeout_s=10,
            retry_base_s=300,
        ),
    )
}
"""The rule of every stream."""

BY_ORDER: tuple[Stream, ...] = tuple(sorted(Stream, key=lambda stream: RULES[stream].order))
"""Streams in the order in which they are served; the index is the stored number."""
