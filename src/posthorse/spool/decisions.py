"""What a person decides about waiting or doubtful mail, once for every adapter.

Promise: each function works on one bounded page of entries in one transaction, so that a decision about a million
recipients never blocks the hot calls; a page done twice changes nothing the second time. An adapter looks for the page
(where it likes) and hands in what still matches.

Left out: holds, orders and lists themselves (the adapters keep them), the hot calls (`posthorse.spool.clerk`).
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from posthorse.mail.carriage import Carriage
from posthorse.spool import rules
from posthorse.spool.book import Book
from posthorse.spool.desk_port import Decision, Hold, Selector
from posthorse.spool.entry import LIVE, Entry, EntryKey, matches
from posthorse.spool.recording import held_by, record
from posthorse.spool.rules import Change
from posthorse.spool.story import Detail, Telling

PAGE = 250
"""Entries handled in one transaction."""


def still(book: Book, keys: Collection[EntryKey], selector: Selector) -> list[Entry]:
    """Those of a page found a moment ago whose duty has not ended and which still match."""
    found = book.entries(keys)
    here = (found[key] for key in keys if key in found)
    return [entry for entry in here if entry.row.carriage in LIVE and matches(selector, entry)]


def decide(book: Book, page: Iterable[Entry], decision: Decision, by: str) -> int:
    """Apply a decision; answers how many recipients it changed."""
    telling = Telling(at=book.now, kind="decided", detail={"decision": decision.value, "by": by})
    return _carry_out(book, ((entry, rules.decide(entry.row, decision, book.now)) for entry in page), telling)


def mark_held(book: Book, page: Iterable[Entry], hold: Hold) -> int:
    """Put those that nobody holds under a hold; answers how many."""
    return _set_hold(book, ((entry, hold.id) for entry in page if entry.row.hold is None), held_by(hold))


def lift_hold(book: Book, page: Iterable[Entry], hold_id: int) -> int:
    """Free a page of a hold that is gone; another hold that matches takes over. Answers how many go on."""
    others = [hold for hold in book.holds() if hold.id != hold_id]
    successors = [(entry, next((hold.id for hold in others if matches(hold.selector, entry)), None)) for entry in page]
    _set_hold(book, successors, {"decision": "unhold"})
    return sum(1 for _, successor in successors if successor is None)


def doubt(book: Book, page: Iterable[Entry], by: str) -> int:
    """This spool is a restored copy: a page becomes in doubt with its budget spent. Answers how many moved."""
    telling = Telling(at=book.now, detail={"by": by})
    return _carry_out(book, ((entry, rules.doubt(entry.row)) for entry in page), telling)


def _set_hold(book: Book, holds: Iterable[tuple[Entry, int | None]], detail: Detail) -> int:
    telling = Telling(at=book.now, kind="decided", detail=detail)
    return _carry_out(book, ((entry, Change(row=replace(entry.row, hold=hold))) for entry, hold in holds), telling)


def _about(entry: Entry, telling: Telling) -> Telling:
    """With the provider that may have a copy: mail in doubt is decided about what happened there."""
    return replace(telling, provider=entry.row.provider) if entry.row.carriage is Carriage.IN_DOUBT else telling


def _carry_out(book: Book, changes: Iterable[tuple[Entry, Change]], telling: Telling) -> int:
    """Write those that change something."""
    count = 0
    for entry, change in changes:
        if change.moves or change.row != entry.row:
            record(book, entry, change, _about(entry, telling))
            count += 1
    return count
