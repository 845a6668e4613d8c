"""The referee's books of what customers were told: all that happened, once at least, and nothing else (I12).

It shares no rule with the gateway: what happened is read in the history and in the rows by a table of its own, and
signatures are checked as a customer would check them.
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from posthorse.lab.world.customer import SECRET, WELL, Customer
from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage, Fate
from posthorse.mail.ports import HttpRequest
from posthorse.spool.desk_port import RecipientView
from posthorse.spool.outbox_port import EndpointState
from posthorse.spool.port import HistoryRow

WORTH = ENDS_OF_DUTY | {Carriage.IN_DOUBT}
TELL_EVERY_S = 4.0
"""How often an endpoint with nothing to tell looks, in the nodes of a world."""
SOON_S = TELL_EVERY_S + 8.0
"""How late a well endpoint may hear of something while nothing but providers and other endpoints fails."""
AFTER_TROUBLE_S = 70.0
"""The longest pause after trouble of the database, and the start of a node."""
AFTER_GONE_S = 15.0
"""Calls that were under way when an endpoint was disabled."""
SKEW_US = 400_000_000

What = tuple[str, str, int]
"""Type of an event, message id in hexadecimal, number of the recipient."""


class _Data(msgspec.Struct, frozen=True):
    message_id: str
    recipient: str
    recipient_number: int


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: _Data


_decode = msgspec.json.Decoder(_Body).decode
_NEVER: dict[int, int] = {}


@dataclass(slots=True, kw_only=True)
class Telling:
    """What was told to whom, and when."""

    now: Callable[[], int]
    """The database's clock, microseconds UTC."""
    facts: Callable[[int], Sequence[HistoryRow]]
    """The history behind a `seq`."""
    states: Callable[[], Sequence[EndpointState]]
    accuse: Callable[[str, str], None]
    note: Callable[[str], None]
    quiet_since: int | None
    """Since when nothing of ours is in trouble; None: it still may be."""
    _read_to: int = 0
    _happened: dict[What, list[int]] = field(default_factory=dict)
    """When, each time."""
    _owed: dict[What, list[int]] = field(default_factory=dict)
    """What was certain when it happened: it must be told, each time."""
    _bodies: dict[str, bytes] = field(default_factory=dict)
    _ids: dict[tuple[What, str], set[str]] = field(default_factory=dict)
    _told: dict[tuple[str, What], dict[int, int]] = field(default_factory=dict)
    """By endpoint and event: the moments it speaks of, and when each was told first."""

    def heard(self, customer: Customer, request: HttpRequest) -> None:
        """An endpoint took an event."""
        headers = {name.lower(): value for name, value in request.headers}
        event_id, body = headers["webhook-id"], _decode(request.body)
        what = (body.type, body.data.message_id, body.data.recipient_number)
        self.note(f"{customer.name} takes {event_id} {' '.join(map(str, what))}")
        self._check_signature(customer, headers, request.body)
        if self._bodies.setdefault(event_id, request.body) != request.body:
            self.accuse("I12", f"{event_id} was told with another content: {request.body!r}")
        self._read()
        times = self._happened.get(what, [])
        at = micros(body.timestamp)
        if at not in times:
            self.accuse("I12", f"{customer.name} was told {what} of {body.timestamp}, which did not happen: {times}")
        ids = self._ids.setdefault((what, body.timestamp), set())
        ids.add(event_id)
        if len(ids) > max(1, times.count(at)):
            self.accuse("I12", f"{what} of {body.timestamp} was told under several ids: {sorted(ids)}")
        self._told.setdefault((customer.name, what), {}).setdefault(at, self.now())

    def called(self, customer: Customer) -> None:
        """A call arrived: not at an endpoint that is no more."""
        if self.quiet_since is None:
            return
        for state in self.states():
            since = state.disabled_at
            if state.name == customer.name and since is not None:
                late = self.now() - max(since, self.quiet_since) > AFTER_GONE_S * 1_000_000
                if late:
                    self.accuse("I12", f"{customer.name} is called although it is disabled: {state.disabled_why}")

    def refused(self, customer: Customer, request: HttpRequest) -> None:
        """An endpoint will never take an event: it is as good as told."""
        body = _decode(request.body)
        what = (body.type, body.data.message_id, body.data.recipient_number)
        self._told.setdefault((customer.name, what), {}).setdefault(micros(body.timestamp), self.now())

    def missing(self, customers: Iterable[Customer], views: Sequence[RecipientView]) -> list[str]:
        """What an endpoint was not told and can still be told."""
        self._read()
        last = [what for view in views for what in _last(view)]
        return [
            f"{customer.name}: {what} of {at or 'any time'}"
            for customer in customers
            if customer.temperament.told_by_s is not None
            for what, at in self._owed_to(customer, last)
        ]

    def judge_promptness(self, customer: Customer) -> None:
        """A well endpoint hears soon, whatever others do."""
        quiet = self.quiet_since
        assert quiet is not None
        assert customer.name == WELL
        for what, times in self._owed.items():
            for at in times:
                told = self._when(customer, what).get(at)
                late_s = 0.0 if told is None else (told - max(at, quiet)) / 1_000_000
                if late_s > SOON_S:
                    self.accuse("I12", f"{customer.name} heard {late_s:.1f} s late of {what}")

    # --- details ----------------------------------------------------------------------------------------------------

    def _owed_to(self, customer: Customer, last: Iterable[What]) -> Iterable[tuple[What, int]]:
        wanted = {kind.value for kind in customer.kinds}
        for what in last:
            if what[0] in wanted and not self._when(customer, what):
                yield what, 0
        for what, times in self._owed.items():
            if what[0] in wanted:
                told = self._when(customer, what)
                yield from ((what, at) for at in times if at not in told)

    def _when(self, customer: Customer, what: What) -> dict[int, int]:
        """By the moment an event speaks of: when it was told first."""
        return self._told.get((customer.name, what), _NEVER)

    def _read(self) -> None:
        for fact in self.facts(self._read_to):
            self._read_to = fact.seq
            if fact.n < 0:
                continue
            for kind, is_certain in _kinds(fact):
                what = (f"message.{kind}", fact.message_id.hex(), fact.n)
                self._happened.setdefault(what, []).append(fact.at)
                if is_certain:
                    self._owed.setdefault(what, []).append(fact.at)

    def _check_signature(self, customer: Customer, headers: dict[str, str], body: bytes) -> None:
        told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        proof = b64encode(hmac.digest(SECRET, told, "sha256")).decode()
        if headers["webhook-signature"] != f"v1,{proof}":
            self.accuse("I12", f"{customer.name}: {headers['webhook-id']} is not signed with its secret")
        if abs(int(headers["webhook-timestamp"]) * 1_000_000 - self.now()) > SKEW_US:
            self.accuse("I12", f"{customer.name}: {headers['webhook-id']} is signed for another time")


def _kinds(fact: HistoryRow) -> Iterable[tuple[str, bool]]:
    """What a fact may tell, and whether it must: a lease that ends where it began need not."""
    if fact.new in WORTH and fact.new is not fact.old:
        yield fact.new.value, fact.old is not Carriage.LEASED
    if fact.kind == "fate":
        yield str(fact.detail["new"]), True
    if fact.kind == "duplicate":
        yield "duplicated", True


def _last(view: RecipientView) -> Iterable[What]:
    """What a recipient's row says at last."""
    key = (view.message.id.hex(), view.n)
    if view.carriage in WORTH:
        yield (f"message.{view.carriage.value}", *key)
    if view.fate is not Fate.UNKNOWN:
        yield (f"message.{view.fate.value}", *key)


def micros(timestamp: str) -> int:
    """Microseconds UTC of the timestamp of an event."""
    moment = datetime.fromisoformat(timestamp)
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond
