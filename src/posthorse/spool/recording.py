"""Writing down what a rule decided about an entry: the row, the moment at which duty ended, the facts.

Promise: row and history are written together, in the transaction of the book; a change that changes nothing writes
nothing. Left out: deciding (`posthorse.spool.rules`, `posthorse.spool.learning`).
"""

from dataclasses import replace

from posthorse.mail.carriage import ENDS_OF_DUTY, Carriage
from posthorse.mail.message import Message
from posthorse.spool import rules, story
from posthorse.spool.book import Book
from posthorse.spool.desk_port import Hold
from posthorse.spool.entry import Entry
from posthorse.spool.port import NewMessage
from posthorse.spool.rules import Change, Row
from posthorse.spool.story import Telling


def record(book: Book, entry: Entry, change: Change, telling: Telling) -> Entry:
    """Write one change with its facts; answers the entry as it stands now."""
    after = moved(entry, change, telling.at)
    if change.moves or change.row != entry.row:
        book.put(after)
    book.append(story.tell(entry.message, entry.n, entry.row, change, telling))
    return after


def moved(entry: Entry, change: Change, now: int) -> Entry:
    """The entry after a change; the moment at which duty ended is noted."""
    rested_at = entry.rested_at
    if change.moves:
        rested_at = now if change.row.carriage in ENDS_OF_DUTY else None
    return replace(entry, row=change.row, rested_at=rested_at)


def unmailable(row: Row) -> Change:
    """A waiting row whose address is on a list: queued ends, in doubt is never sent again by itself."""
    if row.carriage is Carriage.QUEUED:
        return rules.suppress_waiting(row)
    return Change(row=replace(row, next_at=None))


def held_by(hold: Hold) -> story.Detail:
    """A hold as history tells it."""
    return {"decision": "hold", "by": hold.by, "why": hold.reason}


def message_of(new: NewMessage, now: int) -> Message:
    """The metadata to keep, stamped by the spool's clock."""
    return Message(
        id=new.id,
        tenant=new.tenant,
        stream=new.stream,
        sender=new.sender,
        size_bytes=len(new.body),
        accepted_at=now,
        expires_at=now + new.deadline_us,
        smtputf8=new.smtputf8,
        eight_bit=new.eight_bit,
        supersede_key=new.supersede_key,
        attributes=new.attributes,
    )
