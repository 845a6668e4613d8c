"""The mail log: a line for each event, which finds its message and holds nobody's address."""

import time

import pytest

from posthorse.accept.admission import AdmissionObserver
from posthorse.accept.refusal import OVERLOADED, Accepted
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import AttemptId, MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.outcome import Deferral, Handover, Outcome, Rejection, Reply, Scope, Unclear, kind_of
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.spool.inbox_port import SecondCopy
from posthorse.spool.port import NewMessage, Settled
from posthorse.watch import metrics
from posthorse.watch.journal import Journal
from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures
from tests.unit.watch.paper import Paper, StoppedClock

ADDRESS = "jane.doe@customer.example"
MESSAGE = Message(
    id=MessageId(b"m" * 16),
    tenant=Tenant("main"),
    stream=Stream.URGENT,
    sender="boss@sender.example",
    size_bytes=10_240,
    accepted_at=0,
    expires_at=1,
)
ATTEMPT = AttemptId(b"a" * 16)
RELAY = ProviderName("relay")
TOLD = Event(
    provider=RELAY,
    key="key",
    kind=EventKind.HARD_BOUNCED,
    at=1,
    recipient=ADDRESS,
    message_id=MESSAGE.id,
    detail={"said": f"550 <{ADDRESS}> no such user"},
)


def offer(*recipients: str) -> NewMessage:
    """A message that was found acceptable."""
    return NewMessage(
        id=MESSAGE.id,
        tenant=MESSAGE.tenant,
        stream=Stream.URGENT,
        sender=MESSAGE.sender,
        recipients=recipients,
        body=b"Subject: secret subject\r\n\r\nbody of customer\r\n",
        deadline_us=1,
        copies_allowed=2,
        attributes={"credential": "AKIA"},
    )


def test_what_happens_to_the_gateway_has_its_level(mail_log: MailLog, paper: Paper) -> None:
    """A start is a notice, an ejected provider or an order in vain a warning; all are written at once."""
    mail_log.disk_space(1_000, 2_000)
    mail_log.disk_space(2_000, 2_000)
    mail_log.ready({"smtp": "127.0.0.1:2525"})
    mail_log.standing_changed(RELAY, StandingState.EJECTED, "five failures in a row")
    mail_log.standing_changed(RELAY, StandingState.GOOD, "")
    mail_log.order_ignored("failover to lost: no such provider is configured")
    assert [(line["event"], line["level"]) for line in paper.lines] == [
        ("disk_low", "warning"),
        ("disk_recovered", "notice"),
        ("ready", "notice"),
        ("standing", "warning"),
        ("standing", "notice"),
        ("order_ignored", "warning"),
    ]


OUTCOMES: list[Outcome] = [
    Handover(reply=Reply(code=250, enhanced="2.0.0", text=f"queued for {ADDRESS}"), provider_message_id=ADDRESS),
    Rejection(scope=Scope.RECIPIENT, reply=Reply(code=550, enhanced="5.1.1", text=f"<{ADDRESS}>: no such user")),
    Deferral(scope=Scope.RECIPIENT, reply=Reply(code=451, enhanced=ADDRESS, text=ADDRESS)),
    Unclear(reply=Reply(text=ADDRESS)),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=kind_of)
def test_an_end_of_an_attempt_names_its_outcome_and_no_address(
    outcome: Outcome, mail_log: MailLog, log: Log, paper: Paper
) -> None:
    """The event is the kind of the outcome; a reply that quotes the address is reduced to its codes."""
    mail_log.ended(MESSAGE, 2, RELAY, ATTEMPT, outcome, "applied")
    log.flush()
    (line,) = paper.lines
    assert (line["event"], line["n"], line["code"]) == (kind_of(outcome), 2, outcome.reply.code)
    assert b"customer.example" not in b"".join(paper.written)


def test_no_event_holds_an_address(mail_log: MailLog, log: Log, paper: Paper) -> None:
    """Every function of the mail log is called with addresses wherever it takes any; none is written."""
    mail_log.accepted(offer(ADDRESS, "x@customer.example"), "smtp", "AKIA", f"rule 1: sender {ADDRESS}")
    mail_log.repeated(MESSAGE.id, "smtp", "AKIA")
    mail_log.refused("overload", 451, "AKIA", "192.0.2.1")
    mail_log.login_refused("smtp", "AKIA", "192.0.2.1")
    mail_log.released(MESSAGE.id, [0, 1], RELAY, ATTEMPT)
    mail_log.parked(MESSAGE, RELAY, ATTEMPT)
    mail_log.duplicate(MESSAGE, 0, RELAY)
    mail_log.standing_changed(RELAY, StandingState.EJECTED, f"said: 550 <{ADDRESS}> no")
    mail_log.carried_out("suppression.add", "root", f"{ADDRESS} complained")
    mail_log.order_ignored(f"failover to {ADDRESS}: no such provider is configured")
    mail_log.reloaded(["routes"], ["listen"])
    mail_log.reload_refused(["routes[0]: is odd"])
    mail_log.disk_space(1_000, 2_000)
    mail_log.ready({"smtp": "127.0.0.1:2525"})
    mail_log.stopped("SIGTERM")
    mail_log.bug("courier", ValueError(f"cannot parse {ADDRESS}"))
    mail_log.spool_trouble("admit", OSError("disk full"))
    mail_log.worker_failed("broke", f"bad answer about {ADDRESS}")
    mail_log.not_surveyed(RELAY, f"no worker for {ADDRESS}")
    mail_log.learnt(TOLD)
    mail_log.event_unknown(TOLD)
    mail_log.notification_refused(RELAY, "signature", "192.0.2.1")
    mail_log.notification_attended(RELAY, "subscription confirmed")
    mail_log.notification_unreadable(RELAY, f"Message: {ADDRESS}")
    mail_log.webhook_rests("shop", f"answered 500 for {ADDRESS}")
    mail_log.webhook_recovered("shop")
    mail_log.webhook_crowded("shop", 1_000)
    mail_log.webhook_disabled("shop", f"said 410 to {ADDRESS}")
    log.flush()
    raw = b"".join(paper.written)
    assert b"@" not in raw
    assert b"customer" not in raw
    functions = {name for name in vars(MailLog) if not name.startswith("_")} - {"hashed", "ended", "on_lost"}
    assert len(paper.lines) == len(functions)


def test_an_event_finds_its_message_and_its_address(mail_log: MailLog, log: Log, paper: Paper) -> None:
    """What is learnt is told with our id and the hash of the address."""
    mail_log.learnt(TOLD)
    log.flush()
    assert [line["level"] for line in paper.lines] == ["info"]
    assert paper.lines[0]["id"] == MESSAGE.id.hex()
    assert paper.lines[0]["to"] == mail_log.hashed(ADDRESS)


def test_a_subscription_is_news_and_its_end_a_warning(mail_log: MailLog, log: Log, paper: Paper) -> None:
    """What was dealt with alarms nobody; what ends notifications does."""
    for what in ("subscription confirmed", "unsubscribed"):
        mail_log.notification_attended(RELAY, what)
    log.flush()
    assert [(line["what"], line["level"]) for line in paper.lines] == [
        ("subscription confirmed", "notice"),
        ("unsubscribed", "warning"),
    ]


def test_a_known_address_finds_its_lines(mail_log: MailLog, log: Log, paper: Paper) -> None:
    """The keyed hash is the same for any spelling in case, and another under another key."""
    mail_log.accepted(offer(ADDRESS.upper()), "smtp", "AKIA", "default")
    log.flush()
    assert paper.lines[0]["to"] == [mail_log.hashed(ADDRESS)]
    assert MailLog(log, b"another key").hashed(ADDRESS) != mail_log.hashed(ADDRESS)


def test_a_message_to_very_many_is_a_short_line(mail_log: MailLog, log: Log, paper: Paper) -> None:
    """A thousand recipients are counted, and the first fifty hashed."""
    mail_log.accepted(offer(*(f"{n}@a.example" for n in range(1_000))), "smtp", "A", "default")
    log.flush()
    assert (paper.lines[0]["recipients"], len(paper.lines[0]["to"])) == (1_000, 50)


def test_mail_events_can_be_switched_off_and_warnings_not(log: Log, paper: Paper) -> None:
    """With `mail = false` a handover leaves no line; a duplicate does."""
    quiet = MailLog(log, b"k", mail=False)
    quiet.ended(MESSAGE, 0, RELAY, ATTEMPT, Handover(), "applied")
    quiet.duplicate(MESSAGE, 0, RELAY)
    log.flush()
    assert [line["event"] for line in paper.lines] == ["duplicate"]


def test_a_second_copy_is_counted_and_told(mail_log: MailLog, paper: Paper) -> None:
    """A late handover beside another copy warns and counts against its stream."""
    measures = Measures()
    Journal(measures, mail_log).settled(MESSAGE, 0, RELAY, ATTEMPT, Handover(), Settled.DUPLICATE)
    counted = {metric.name: dict(counter.items()) for metric, counter in measures.counters.items()}
    assert counted["duplicates"] == {("urgent",): 1}
    assert counted["late_answers"] == {("relay", "duplicate"): 1}
    assert paper.lines[0]["event"] == "duplicate"


def test_every_proven_second_copy_is_counted_by_its_stream_whoever_proved_it(mail_log: MailLog, paper: Paper) -> None:
    """A late answer, one that was waited for, and an event of a provider: one metric, and a warning each."""
    measures = Measures()
    journal = Journal(measures, mail_log)
    for result in (Settled.DUPLICATE, Settled.SECOND_COPY):
        journal.settled(MESSAGE, 0, RELAY, ATTEMPT, Handover(), result)
    journal.learnt(TOLD, second_copy=SecondCopy(message=MESSAGE, n=0))
    journal.learnt(TOLD, second_copy=None)
    counted = {metric.name: dict(counter.items()) for metric, counter in measures.counters.items()}
    assert counted["duplicates"] == {("urgent",): 3}
    warned = [line for line in paper.lines if line["event"] == "duplicate"]
    assert [(line["level"], line["id"], line["provider"]) for line in warned] == [
        ("warning", MESSAGE.id.hex(), "relay")
    ] * 3


def test_an_answer_in_time_is_not_counted_as_late(mail_log: MailLog) -> None:
    """An event that came first, or another copy that was taken, makes nobody stop waiting."""
    measures = Measures()
    for result in (Settled.APPLIED, Settled.AFTER_EVENT, Settled.SECOND_COPY):
        Journal(measures, mail_log).settled(MESSAGE, 0, RELAY, ATTEMPT, Handover(), result)
    assert not dict(measures.counters[metrics.LATE_ANSWERS].items())


def test_what_accept_decides_is_counted_and_told(mail_log: MailLog, log: Log, paper: Paper) -> None:
    """The journal is accept's observer: receipts, repetitions and refusals are counted, each with its line."""
    measures = Measures()
    observer: AdmissionObserver = Journal(measures, mail_log)
    new = offer(ADDRESS)
    observer.accepted(new, Accepted(id=new.id, stream=new.stream), "default")
    observer.accepted(new, Accepted(id=new.id, stream=new.stream, repeated=True), "default")
    observer.refused(OVERLOADED, None)
    log.flush()
    assert [line["event"] for line in paper.lines] == ["accepted", "repeated", "refused"]
    assert b"secret subject" not in b"".join(paper.written)
    counted = {metric.name: dict(counter.items()) for metric, counter in measures.counters.items()}
    assert counted["messages_accepted"] == {("urgent", "smtp"): 1}
    assert counted["messages_repeated"] == {("smtp",): 1}
    assert counted["messages_refused"] == {("overload",): 1}


def test_a_mail_event_costs_little() -> None:
    """Writing what happened to one message costs under 40 us even on a slow machine (2 to 4 us on a good one)."""
    mail_log, new = MailLog(Log(lambda data: None, StoppedClock()), b"k"), offer(ADDRESS)
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(1_000):
            mail_log.accepted(new, "smtp", "AKIA", "default")
        best = min(best, (time.perf_counter() - began) / 1_000)
    assert best < 40e-6


@pytest.mark.parametrize(
    "hostile", ["a\r\nb", "\x00", "\x1b[2J", "\x7f", "\x85", "\u2028", "\u202e", '"},{"', "\\", "\ud800", "ä" * 5_000]
)
def test_no_text_from_outside_can_forge_a_line_or_reach_a_terminal(
    hostile: str, mail_log: MailLog, paper: Paper
) -> None:
    """Whatever a client calls itself, the line stays one line of printable ASCII that parses."""
    mail_log.login_refused("smtp", hostile, hostile)
    mail_log.standing_changed(RELAY, StandingState.EJECTED, hostile)
    raw = b"".join(paper.written)
    assert all(32 <= byte < 127 or byte == 10 for byte in raw)
    assert raw.count(b"\n") == 2
    assert len(raw) < 20_000
    assert paper.lines[0]["credential"] == hostile[:1_000]


def test_strangers_cannot_fill_the_log(paper: Paper) -> None:
    """A thousand forged notifications in one second leave one line, and the next second's tells how many were not."""
    clock = StoppedClock()
    log = Log(paper, clock)
    mail_log = MailLog(log, b"k")
    for _ in range(1_000):
        mail_log.notification_refused(RELAY, "signature", "192.0.2.1")
    mail_log.notification_refused(RELAY, "topic", "192.0.2.1")
    clock.at += 1_000_000
    mail_log.notification_refused(RELAY, "signature", "192.0.2.1")
    assert [line.get("withheld", 0) for line in paper.lines] == [0, 0, 999]
