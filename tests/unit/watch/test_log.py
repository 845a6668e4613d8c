"""The log: lines that parse, that nothing from outside can forge, and that hold no address."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.watch import metrics
from posthorse.watch.journal import Journal
from posthorse.watch.log import FLUSH_AT_BYTES, Log, text
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures
from tests.unit.watch.paper import Paper, StoppedClock


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
