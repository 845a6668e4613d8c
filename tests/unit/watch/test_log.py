"""The log: lines that parse, that nothing from outside can forge, and that hold no address."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.accept.admission import AdmissionObserver
from posthorse.accept.refusal import OVERLOADED, Accepted
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import AttemptId, MessageId, ProviderName, Tenant
from posthorse.mail.message import Message
from posthorse.mail.outcome import Deferral, Handover, Outcome, Rejection, Reply, Scope, Unclear, kind_of
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.spool.port import NewMessage, Settled
from posthorse.watch import metrics
from posthorse.watch.journal import Journal
from posthorse.watch.log import FLUSH_AT_BYTES, Log, text
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures

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


class StoppedClock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = 1_700_000_000_123_456

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return 0.0


class Paper:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.broken = False

    def __call__(self, data: bytes) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.written.append(data)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.written).splitlines()]


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


@pytest.fixture
def paper() -> Paper:
    """Where the log goes."""
    return Paper()


@pytest.fixture
def log(paper: Paper) -> Log:
    """A log on paper."""
    return Log(paper, StoppedClock())


@pytest.fixture
def mail_log(log: Log) -> MailLog:
    """Mail events on that log."""
    return MailLog(log, b"key of this installation")


def test_a_line_is_one_json_object_with_time_level_and_event(log: Log, paper: Paper) -> None:
    """Times are RFC 3339 in UTC with microseconds."""
    log.line("something", text("name", "value"))
    log.flush()
    assert paper.lines == [
        {"at": "2023-11-14T22:13:20.123456Z", "level": "info", "event": "something", "name": "value"}
    ]


def test_lines_wait_for_company_and_warnings_do_not(log: Log, paper: Paper) -> None:
    """Ordinary lines are written together; a warning is written at once, and what waited with it."""
    log.line("first")
    assert paper.written == []
    log.warn("second")
    assert [line["event"] for line in paper.lines] == ["first", "second"]


def test_what_happens_to_the_gateway_has_its_level(mail_log: MailLog, paper: Paper) -> None:
    """A start is a notice, an ejected provider or an order in vain a warning; all are written at once."""
    mail_log.ready({"smtp": "127.0.0.1:2525"})
    mail_log.standing_changed(RELAY, StandingState.EJECTED, "five failures in a row")
    mail_log.standing_changed(RELAY, StandingState.GOOD, "")
    mail_log.order_ignored("failover to lost: no such provider is configured")
    assert [(line["event"], line["level"]) for line in paper.lines] == [
        ("ready", "notice"),
        ("standing", "warning"),
        ("standing", "notice"),
        ("order_ignored", "warning"),
    ]


def test_the_buffer_is_bounded(log: Log, paper: Paper) -> None:
    """More than a buffer's worth of lines is written without being asked."""
    for _ in range(FLUSH_AT_BYTES // 50):
        log.line("something")
    assert paper.written


def test_waiting_lines_are_written_within_a_second_and_at_the_end(
    log: Log, paper: Paper, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """The flushing task writes what waits when it is cancelled, too."""

    async def scene() -> None:
        flushing = asyncio.create_task(log.keep_flushing())
        await asyncio.sleep(0)
        log.line("last words")
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)

    run(scene())
    assert [line["event"] for line in paper.lines] == ["last words"]


def test_a_full_disk_does_not_stop_the_mail(log: Log, paper: Paper) -> None:
    """A sink that fails costs lines, which are counted; nothing is raised, and the buffer does not grow."""
    paper.broken = True
    log.line("unheard")
    log.warn("unheard, too")
    log.flush()
    paper.broken = False
    log.warn("heard")
    assert (log.lost, [line["event"] for line in paper.lines]) == (2, ["log_lost", "heard"])


def test_lost_lines_are_told_once_when_the_sink_takes_lines_again(log: Log, paper: Paper) -> None:
    """The first line after the trouble says how many are missing, without waiting for another; then nothing more."""
    paper.broken = True
    for _ in range(3):
        log.warn("unheard")
    paper.broken = False
    log.flush()
    log.warn("heard")
    assert [(line["event"], line.get("lines")) for line in paper.lines] == [("log_lost", 3), ("heard", None)]
    assert paper.lines[0]["level"] == "warning"


class SmallDisk:
    """A sink like a file on a disk with so much room: it takes what fits, then refuses."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.written = b""

    def __call__(self, data: bytes) -> int:
        if not self.room:
            raise OSError("no space left on device")
        taken = data[: self.room]
        self.room -= len(taken)
        self.written += taken
        return len(taken)


@pytest.mark.parametrize("room", range(0, 200, 7))
def test_a_line_torn_by_a_full_disk_never_glues_to_the_next(room: int) -> None:
    """Wherever the disk fills up, every whole line parses afterwards, and written and lost lines are all lines."""
    disk, told = SmallDisk(room), list[int]()
    log = Log(disk, StoppedClock())
    log.on_lost = told.append
    log.line("first")
    log.line("second")
    log.flush()
    disk.room = 25  # not even enough to say what was lost
    log.flush()
    disk.room = 10_000
    log.warn("after")
    events = [json.loads(line)["event"] for line in disk.written.splitlines() if line.endswith(b"}")]
    assert events[-1] == "after"
    assert len([event for event in events if event in ("first", "second")]) + log.lost == 2
    assert events.count("log_lost") == bool(log.lost)
    assert sum(told) == log.lost


def test_a_sink_that_takes_a_little_at_a_time_gets_everything() -> None:
    """A pipe that takes part of a write is given the rest; nothing is lost."""
    written: list[bytes] = []

    def pipe(data: bytes) -> int:
        written.append(data[:10])
        return len(data[:10])

    log = Log(pipe, StoppedClock())
    log.warn("something")
    assert json.loads(b"".join(written))["event"] == "something"
    assert log.lost == 0


def test_lost_lines_are_counted(log: Log, paper: Paper) -> None:
    """The journal counts lost lines in a metric, which is there to be scraped while the log is not."""
    measures = Measures()
    Journal(measures, MailLog(log, b"k"))
    paper.broken = True
    log.warn("unheard")
    assert measures.counters[metrics.LOG_LOST].value() == 1


def test_trouble_without_end_is_one_line_a_second(paper: Paper) -> None:
    """A disk that fails every message fills no log: one line a second says it, and how often it was not said."""
    clock = StoppedClock()
    mail_log = MailLog(Log(paper, clock), b"k")
    for second in range(2):
        clock.at = second * 1_000_000
        for _ in range(100):
            mail_log.spool_trouble("admit", OSError("disk full"))
        mail_log.bug("plan", ValueError("another thing"))
    told = [(line["event"], line.get("withheld")) for line in paper.lines]
    assert told == [("spool_trouble", None), ("bug", None), ("spool_trouble", 99), ("bug", None)]


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
    mail_log.ready({"smtp": "127.0.0.1:2525"})
    mail_log.stopped("SIGTERM")
    mail_log.bug("courier", ValueError(f"cannot parse {ADDRESS}"))
    mail_log.spool_trouble("admit", OSError("disk full"))
    mail_log.learnt(TOLD, second_copy=False)
    mail_log.event_unknown(TOLD)
    mail_log.notification_refused(RELAY, "signature", "192.0.2.1")
    mail_log.notification_attended(RELAY, "subscription confirmed")
    mail_log.notification_unreadable(RELAY, f"Message: {ADDRESS}")
    mail_log.webhook_rests("shop", f"answered 500 for {ADDRESS}")
    mail_log.webhook_recovered("shop")
    mail_log.webhook_disabled("shop", f"said 410 to {ADDRESS}")
    log.flush()
    raw = b"".join(paper.written)
    assert b"@" not in raw
    assert b"customer" not in raw
    functions = {name for name in vars(MailLog) if not name.startswith("_")} - {"hashed", "ended", "on_lost"}
    assert len(paper.lines) == len(functions)


def test_an_event_finds_its_message_and_its_address(mail_log: MailLog, log: Log, paper: Paper) -> None:
    """What is learnt is told with our id and the hash of the address; a second copy is a warning."""
    mail_log.learnt(TOLD, second_copy=False)
    mail_log.learnt(TOLD, second_copy=True)
    log.flush()
    assert [line["level"] for line in paper.lines] == ["info", "warning"]
    assert paper.lines[0]["id"] == MESSAGE.id.hex()
    assert paper.lines[0]["to"] == mail_log.hashed(ADDRESS)


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
