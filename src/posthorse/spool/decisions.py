"""What a person decides about waiting or doubtful mail, once for every adapter.

Promise: each call works on one bounded page of entries in one transaction and says where to go on, so that a decision
about a million recipients never blocks the hot calls; a page done twice changes nothing the second time.

Left out: holds, orders and lists themselves (the adapters keep them), the hot calls (`posthorse.spool.clerk`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from posthorse.spool import rules
from posthorse.spool.book import Book
from posthorse.spool.clerk import held_by, record
from posthorse.spool.desk_port import Decision, Hold, Selector
from posthorse.spool.entry import Entry, EntryKey, matches
from posthorse.spool.rules import Change
from posthorse.spool.story import Detail, Telling

PAGE = 250
"""Entries handled in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one page did."""

    moved: int
    """Recipients that the decision changed."""
    last: EntryKey | None
    """Go on behind this one; None: that was all."""


def decide(
    book: Book, selector: Selector, decision: Decision, by: str, limit: int, after: EntryKey | None = None
) -> Page:
    """Apply a decision to the next page of matching live recipients, moving at most `limit`."""
    found = book.live(selector, min(limit, PAGE), after)
    count = 0
    for entry in found:
        change = rules.decide(entry.row, decision, book.now)
        if change.moves or change.row != entry.row:
            telling = Telling(at=book.now, kind="decided", detail={"decision": decision.value, "by": by})
            record(book, entry, change, telling)
            count += 1
    return Page(moved=count, last=_last(found, min(limit, PAGE)))


def mark_held(book: Book, hold: Hold, after: EntryKey | None = None) -> Page:
    """Put the next page of matching live recipients under a hold."""
    found = book.live(hold.selector, PAGE, after)
    count = 0
    for entry in found:
        if entry.row.hold is None:
            _set_hold(book, entry, hold.id, held_by(hold))
            count += 1
    return Page(moved=count, last=_last(found, PAGE))


def lift_hold(book: Book, hold_id: int) -> Page:
    """Free the next page of recipients under a hold that is gone; another hold that matches takes over."""
    found = book.held(hold_id, PAGE)
    others = [hold for hold in book.holds() if hold.id != hold_id]
    count = 0
    for entry in found:
        other = next((hold for hold in others if matches(hold.selector, entry)), None)
        _set_hold(book, entry, other.id if other else None, {"decision": "unhold"})
        count += other is None
    return Page(moved=count, last=_last(found, PAGE))


def doubt(book: Book, by: str, after: EntryKey | None = None) -> Page:
    """The next page of live recipients becomes in doubt with its budget spent: this spool is a restored copy."""
    found = book.live(Selector(), PAGE, after)
    count = 0
    for entry in found:
        change = rules.doubt(entry.row)
        if change.moves or change.row != entry.row:
            record(book, entry, change, Telling(at=book.now, detail={"by": by}))
            count += 1
    return Page(moved=count, last=_last(found, PAGE))


def _set_hold(book: Book, entry: Entry, hold_id: int | None, detail: Detail) -> None:
    change = Change(row=replace(entry.row, hold=hold_id))
    record(book, entry, change, Telling(at=book.now, kind="decided", detail=detail))


def _last(found: Sequence[Entry], asked: int) -> EntryKey | None:
    return found[-1].key if len(found) == asked else None
