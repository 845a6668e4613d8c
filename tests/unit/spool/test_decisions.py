"""Decisions page by page: what was found a moment ago is looked at again before anything is done to it."""

from dataclasses import replace

from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import MAIN_TENANT, MessageId
from posthorse.mail.message import Message
from posthorse.mail.stream import Stream
from posthorse.spool import decisions
from posthorse.spool.desk_port import Hold, Selector
from posthorse.spool.entry import Entry
from posthorse.spool.memory_book import MemoryBook
from posthorse.spool.rules import Row


class StillClock:
    """Port `Clock` at one moment."""

    def now(self) -> int:
        """Wall clock."""
        return 50

    def monotonic(self) -> float:
        """The same moment."""
        return 0.0


def book_of(*rows: Row) -> MemoryBook:
    """A book with one message per row."""
    book = MemoryBook(StillClock())
    for number, row in enumerate(rows):
        message = Message(
            id=MessageId(number.to_bytes(16, "big")),
            tenant=MAIN_TENANT,
            stream=Stream.STANDARD,
            sender="a@shop.example",
            size_bytes=1,
            accepted_at=0,
            expires_at=100,
        )
        book.add(message, b"x", [Entry(message=message, n=0, address="ann@example.com", row=row)])
    return book


QUEUED = Row(carriage=Carriage.QUEUED, expires_at=100, copies_allowed=2, next_at=0)


def test_what_ended_or_changed_meanwhile_is_left_out() -> None:
    """A page found beside the writer keeps only what is still live and still matches, in its order."""
    book = book_of(QUEUED, replace(QUEUED, carriage=Carriage.IN_DOUBT), replace(QUEUED, carriage=Carriage.EXPIRED))
    keys = [(MessageId(number.to_bytes(16, "big")), 0) for number in (9, 2, 1, 0)]
    assert [entry.key for entry in decisions.still(book, keys, Selector())] == [keys[2], keys[3]]
    queued = Selector(carriage=Carriage.QUEUED)
    assert [entry.key for entry in decisions.still(book, keys, queued)] == [keys[3]]


def test_a_page_done_twice_changes_nothing_the_second_time() -> None:
    """Marking a hold again, or doubting again, moves nobody."""
    book = book_of(QUEUED, QUEUED)
    hold = Hold(id=4, selector=Selector(), reason="incident", by="ann")
    keys = [entry.key for entry in book.all_entries()]
    for expected in (2, 0):
        assert decisions.mark_held(book, decisions.still(book, keys, Selector()), hold) == expected
    for expected in (2, 0):
        assert decisions.doubt(book, decisions.still(book, keys, Selector()), "restore") == expected
