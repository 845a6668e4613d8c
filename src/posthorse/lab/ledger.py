"""The ledger: what became of every message for which somebody holds a receipt, pure.

Duty: set receipts (kept outside the gateway) against the spool's rows and the mailbox, and count. Promises: every
receipted recipient is counted in exactly one of handed_over, in_flight, in_doubt, held, ended (by its end of duty) and
lost; nothing is taken from the gateway's own counters. Left out: reading any of the three.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from posthorse.lab.load_mail import Receipt
from posthorse.lab.mailbox import Arrival, duplicates_among
from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Fate
from posthorse.mail.stream import RULES, SECOND, Stream

NEVER_TWICE = (Stream.ONCE, Stream.BULK)
"""Streams of which nobody may get a second copy without a person's decision."""

_OPEN = frozenset({"handed_over", "in_flight", "in_doubt", "held", "lost"})
"""Places with a count of their own; every other one is an end of duty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolRow:
    """One recipient as the spool has it."""

    id: str
    """The receipt: 32 hexadecimal digits."""
    recipient: str
    carriage: Carriage
    is_held: bool = False
    fate: Fate = Fate.UNKNOWN
    is_told: bool = False
    """Its provider tells what became of mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """From receipt to mailbox, seconds, over what arrived."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The account of one run; counts are of recipients."""

    accepted: int
    handed_over: int
    delivered: int
    """Seen in the mailbox at least once."""
    confirmed: int = 0
    """Handed over, and the provider told that the receiving server said yes."""
    not_confirmed: int = 0
    """Handed over to a provider that tells what became of mail, and it has not told."""
    in_flight: int
    """Queued, leased or released."""
    in_doubt: int
    in_doubt_by_stream: dict[str, int]
    held: int
    ended: dict[str, int] = field(default_factory=dict)
    """Ends of duty other than handover."""
    lost: int
    """Receipted, yet neither stored nor at an end of duty."""
    lost_receipts: tuple[str, ...] = ()
    handed_over_not_delivered: int
    """A provider took responsibility and it is in no mailbox."""
    duplicated: dict[str, int]
    """By stream: copies that reached a mailbox which had one already."""
    client_repeated: int
    """Receipts whose client had sent the message before without getting a reply; never counted as duplicates."""
    failover_s: float | None
    """From the fault to the next provider's first handover of mail; None: no fault, or none came."""
    added_delay_s: dict[str, Delay]
    """By stream."""

    @property
    def is_clean(self) -> bool:
        """Nothing was lost, and no `once` or `bulk` message came twice."""
        return not self.lost and not any(self.duplicated[stream.value] for stream in NEVER_TWICE)

    def as_json(self) -> dict[str, Any]:
        """The stable names of the public surface."""
        return {
            "accepted": self.accepted,
            "handed_over": self.handed_over,
            "delivered": self.delivered,
            "confirmed": self.confirmed,
            "not_confirmed": self.not_confirmed,
            "in_flight": self.in_flight,
            "in_doubt": self.in_doubt,
            "in_doubt_by_stream": self.in_doubt_by_stream,
            "held": self.held,
            "ended": self.ended,
            "lost": self.lost,
            "handed_over_not_delivered": self.handed_over_not_delivered,
            "duplicated": self.duplicated,
            "client_repeated": self.client_repeated,
            "failover_s": self.failover_s,
            "added_delay_s": {name: {"p50": one.p50, "p95": one.p95} for name, one in self.added_delay_s.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultMark:
    """The fault that failover is measured from."""

    provider: str
    at: int
    """Microseconds UTC."""


def ledger(
    receipts: Sequence[Receipt],
    rows: Iterable[SpoolRow],
    arrivals: Sequence[Arrival],
    fault: FaultMark | None = None,
) -> Ledger:
    """The account of all receipts. Rows and arrivals of other messages are left aside."""
    stored = {(row.id, row.recipient.lower()): row for row in rows}
    arrived: dict[tuple[str, str], Arrival] = {}
    for arrival in arrivals:
        arrived.setdefault((arrival.id, arrival.recipient.lower()), arrival)
    keys = [(receipt.receipt, receipt.recipient.lower()) for receipt in receipts]
    places = [_place(stored.get(key)) for key in keys]
    counts = Counter(places)
    told = Counter(_told(stored.get(key)) for key in keys)
    lost = [one.receipt or one.load_id for one, place in zip(receipts, places, strict=True) if place == "lost"]
    in_doubt = Counter(one.stream for one, place in zip(receipts, places, strict=True) if place == "in_doubt")
    missing = [place for key, place in zip(keys, places, strict=True) if key not in arrived]
    return Ledger(
        accepted=len(receipts),
        handed_over=counts["handed_over"],
        delivered=len(receipts) - len(missing),
        confirmed=told["confirmed"],
        not_confirmed=told["not_confirmed"],
        in_flight=counts["in_flight"],
        in_doubt=counts["in_doubt"],
        in_doubt_by_stream={stream.value: in_doubt[stream.value] for stream in Stream},
        held=counts["held"],
        ended={place: count for place, count in counts.items() if place not in _OPEN},
        lost=len(lost),
        lost_receipts=tuple(lost),
        handed_over_not_delivered=missing.count("handed_over"),
        duplicated=_duplicated(receipts, arrivals),
        client_repeated=sum(receipt.repeated for receipt in receipts),
        failover_s=_failover_s(arrivals, fault),
        added_delay_s=_delays(receipts, arrived),
    )


def _place(row: SpoolRow | None) -> str:
    """Under which count a recipient goes."""
    if row is None:
        return "lost"
    if row.carriage in ENDS_OF_DUTY:
        return row.carriage.value
    if row.carriage is Carriage.IN_DOUBT:
        return "in_doubt"
    return "held" if row.is_held else "in_flight"


def _told(row: SpoolRow | None) -> str | None:
    """What its provider told of a recipient that was handed over; None: something else, or it does not tell."""
    if row is None or row.carriage is not Carriage.HANDED_OVER:
        return None
    if row.fate in (Fate.DELIVERED, Fate.COMPLAINED):
        return "confirmed"
    return "not_confirmed" if row.is_told and row.fate is Fate.UNKNOWN else None


def _duplicated(receipts: Sequence[Receipt], arrivals: Sequence[Arrival]) -> dict[str, int]:
    streams = {receipt.receipt: receipt.stream for receipt in receipts}
    counts = {stream.value: 0 for stream in Stream}
    for (identity, _), extra in duplicates_among(arrivals).items():
        if identity in streams:
            counts[streams[identity]] += extra
    return counts


def _failover_s(arrivals: Sequence[Arrival], fault: FaultMark | None) -> float | None:
    if fault is None:
        return None
    later = [one.at for one in arrivals if one.provider != fault.provider and one.at >= fault.at]
    return round((min(later) - fault.at) / SECOND, 3) if later else None


def _delays(receipts: Sequence[Receipt], arrived: dict[tuple[str, str], Arrival]) -> dict[str, Delay]:
    by_stream: dict[str, list[float]] = {}
    for receipt in receipts:
        arrival = arrived.get((receipt.receipt, receipt.recipient.lower()))
        if arrival is not None:
            by_stream.setdefault(receipt.stream, []).append(max(0, arrival.at - receipt.accepted_at) / SECOND)
    return {
        stream: Delay(p50=quantile(delays, 0.5), p95=quantile(delays, 0.95)) for stream, delays in by_stream.items()
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank); `values` not empty."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)
    return round(ordered[max(0, int(rank) - 1)], 3)


def _confirmations(account: Ledger) -> str:
    """What the providers told."""
    if not account.confirmed and not account.not_confirmed:
        return ""
    return f" (seen in the mailbox); confirmed by its provider: {account.confirmed}, not: {account.not_confirmed}"


def _doubts(account: Ledger) -> str:
    """What will become of what is in doubt."""
    parts = []
    for stream in Stream:
        count, elsewhere_after_s = account.in_doubt_by_stream[stream.value], RULES[stream].elsewhere_after_s
        if count and elsewhere_after_s is None:
            parts.append(f"{stream.value} {count}, which an event, a late answer or a person settles")
        elif count:
            parts.append(f"{stream.value} {count}, which goes elsewhere {elsewhere_after_s:g} s after its release")
    return f" ({'; '.join(parts)})" if parts else ""


def summary(account: Ledger) -> list[str]:
    """The ledger as lines for a person."""
    rest = [f"{name}: {count}" for name, count in sorted(account.ended.items())]
    twice = ", ".join(f"{name} {count}" for name, count in account.duplicated.items())
    lines = [
        f"accepted: {account.accepted}",
        f"handed over: {account.handed_over}",
        f"delivered: {account.delivered}{_confirmations(account)}",
        f"handed over, not delivered: {account.handed_over_not_delivered}",
        f"in flight: {account.in_flight}",
        f"in doubt: {account.in_doubt}{_doubts(account)}",
        f"held: {account.held}",
        *rest,
        f"lost: {account.lost}",
        f"duplicated: {twice}",
        f"repeated by the client itself: {account.client_repeated}",
    ]
    if account.failover_s is not None:
        lines.append(f"failover: {account.failover_s:.3f} s")
    for name, delay in sorted(account.added_delay_s.items(), key=lambda item: RULES[Stream(item[0])].order):
        lines.append(f"added delay, {name}: p50 {delay.p50:.3f} s, p95 {delay.p95:.3f} s")
    return lines
