"""The referee's books of what customers were told: what it accuses, and what an endpoint is still owed."""

import random
from dataclasses import dataclass, field, replace

import pytest

from posthorse.feedback.customer_event import CustomerEventKind, events_of
from posthorse.feedback.webhook_signature import signed_headers
from posthorse.lab.world.customer import SECRET, WELL, Customer, Mood, Spell, Temperament, temperament
from posthorse.lab.world.telling import Telling, micros
from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import MAIN_TENANT, MessageId
from posthorse.mail.message import Message
from posthorse.mail.ports import HttpRequest, Target
from posthorse.mail.stream import Stream
from posthorse.spool.outbox_port import EndpointState, Happening
from posthorse.spool.port import HistoryRow

ID = MessageId(b"m" * 16)
NOW = 1_800_000_000_000_000
DOUBT = HistoryRow(
    seq=1,
    at=NOW,
    tenant=MAIN_TENANT,
    message_id=ID,
    n=0,
    kind="moved",
    old=Carriage.RELEASED,
    new=Carriage.IN_DOUBT,
    cause=Cause.ANSWER,
)
MESSAGE = Message(
    id=ID,
    tenant=MAIN_TENANT,
    stream=Stream.STANDARD,
    sender="a@example.com",
    size_bytes=1,
    accepted_at=NOW,
    expires_at=NOW + 1,
)


@dataclass
class Court:
    """Books about one message with one fact."""

    facts: list[HistoryRow] = field(default_factory=lambda: [DOUBT])
    states: list[EndpointState] = field(default_factory=list)
    accused: list[str] = field(default_factory=list)
    now: int = NOW + 1_000_000

    def __post_init__(self) -> None:
        self.telling = Telling(
            now=lambda: self.now,
            facts=lambda seq: [fact for fact in self.facts if fact.seq > seq],
            states=lambda: self.states,
            accuse=lambda invariant, what: self.accused.append(what),
            note=lambda line: None,
            quiet_since=0,
        )
        self.customer = self.customer_with(Temperament())

    def customer_with(self, how: Temperament) -> Customer:
        """An endpoint that wants everything."""
        return Customer(
            name=WELL,
            temperament=how,
            kinds=frozenset(CustomerEventKind),
            dice=random.Random(1),
            taken=self.telling.heard,
            refused=self.telling.refused,
            called=self.telling.called,
        )

    def request(self, fact: HistoryRow = DOUBT, event_id: str = "", secret: bytes = SECRET) -> HttpRequest:
        """As a messenger makes it."""
        (event,) = events_of(Happening(fact=fact, message=MESSAGE, address="b@example.com"))
        return HttpRequest(
            target=Target(host="well", port=1),
            method="POST",
            path="/",
            headers=signed_headers(event_id or event.id, self.now // 1_000_000, event.body, (secret,)),
            body=event.body,
        )


def test_what_happened_may_be_told_again_and_again() -> None:
    """The same event twice accuses nobody, and then nothing is owed."""
    court = Court()
    assert len(court.telling.missing([court.customer], [])) == 1
    court.customer.hear(court.request(), 0.0)
    court.customer.hear(court.request(), 0.0)
    assert (court.accused, court.telling.missing([court.customer], [])) == ([], [])


@pytest.mark.parametrize(
    ("fact", "event_id", "secret", "word"),
    [
        (replace(DOUBT, new=Carriage.HANDED_OVER), "", SECRET, "did not happen"),
        (replace(DOUBT, at=NOW + 1), "", SECRET, "did not happen"),
        (replace(DOUBT, n=1), "", SECRET, "did not happen"),
        (DOUBT, "evt_other", SECRET, "several ids"),
        (DOUBT, "", b"another secret" * 2, "not signed"),
    ],
)
def test_what_is_told_wrongly_is_accused(fact: HistoryRow, event_id: str, secret: bytes, word: str) -> None:
    """What did not happen, what has another id at another try, and what is not signed."""
    court = Court()
    court.customer.hear(court.request(), 0.0)
    court.customer.hear(court.request(fact, event_id, secret), 0.0)
    assert len(court.accused) == 1
    assert word in court.accused[0]


def test_one_id_is_one_content() -> None:
    """Another content under a known id is accused."""
    other = replace(DOUBT, seq=2, at=NOW + 5)
    court = Court(facts=[DOUBT, other])
    court.customer.hear(court.request(event_id="evt_1"), 0.0)
    court.customer.hear(court.request(other, "evt_1"), 0.0)
    assert ["another content" in what for what in court.accused] == [True]


def test_a_disabled_endpoint_is_not_called() -> None:
    """A call long after an endpoint said that it is no more is accused, one that was under way is not."""
    state = EndpointState(tenant=MAIN_TENANT, name=WELL, read_to=0, disabled_at=NOW)
    court = Court(states=[state])
    court.customer.hear(court.request(), 0.0)
    assert court.accused == []
    court.now = NOW + 60_000_000
    court.customer.hear(court.request(), 0.0)
    assert ["disabled" in what for what in court.accused] == [True]


def test_a_well_endpoint_hears_soon() -> None:
    """Half a minute late is accused."""
    court = Court(now=NOW + 30_000_000)
    court.customer.hear(court.request(), 0.0)
    court.telling.judge_promptness(court.customer)
    assert ["late" in what for what in court.accused] == [True]


@pytest.mark.parametrize("refuses_for_ever", [True, False])
def test_what_is_refused_for_ever_is_not_owed(refuses_for_ever: bool) -> None:
    """Only what an endpoint may take some day is owed to it."""
    court = Court()
    picky = Temperament(
        spells=(Spell(mood=Mood.PICKY, from_s=0.0, to_s=1e9),), told_by_s=0.0, refuses_for_ever=refuses_for_ever
    )
    customer = court.customer_with(picky)
    asked = 0
    while sum((request := court.request(replace(DOUBT, at=NOW + asked))).body) % 3:
        asked += 1
    court.facts = [replace(DOUBT, at=NOW + asked)]
    response, _ = customer.hear(request, 1.0)
    assert response is not None
    assert response.status == 500
    assert bool(court.telling.missing([customer], [])) is not refuses_for_ever


def test_every_temperament_comes_up() -> None:
    """Dead for days, picky, gone and unsteady endpoints are drawn, and each trouble begins in time."""
    drawn = [temperament(random.Random(seed), 45.0) for seed in range(100)]
    assert {spell.mood for one in drawn for spell in one.spells} == set(Mood) - {Mood.WELL}
    assert all(0 < spell.from_s < 45 for one in drawn for spell in one.spells)
    assert {one.refuses_for_ever for one in drawn} == {True, False}
    assert any(one.told_by_s is None for one in drawn)


def test_a_timestamp_is_read_to_the_microsecond() -> None:
    """As it was written."""
    assert micros("2027-01-15T08:00:00.000001Z") == NOW + 1
