"""What one transaction does for the calls that share it.

Promise: every call gets its own answer or its own error; one call that cannot be done (a bug of its caller) leaves the
others untouched. The straight path goes first and in bulk; whatever is not straight is done by the clerk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from posthorse.mail.address_key import address_key
from posthorse.mail.ids import Tenant
from posthorse.spool.clerk import Clerk
from posthorse.spool.port import (
    AdmitResult,
    LeasedGroup,
    LeaseRequest,
    NewMessage,
    ReleaseMark,
    ReleaseVerdict,
    Settled,
    Settlement,
)
from posthorse.spool.sqlite import straight
from posthorse.spool.sqlite.book import SqliteBook
from posthorse.spool.sqlite.trouble import Damaged, blamed, is_storage_failure


class Kind(Enum):
    """What a call asks for."""

    ADMIT = auto()
    LEASE = auto()
    RELEASE = auto()
    SETTLE = auto()
    WORK = auto()


class Call:
    """One call on its way to a transaction: what it asks and where its answer goes."""

    __slots__ = ("answer", "asked", "error", "kind", "waiter")

    def __init__(self, kind: Kind, asked: Any, waiter: Any) -> None:
        self.kind = kind
        self.asked = asked
        self.waiter = waiter
        self.answer: Any = None
        self.error: BaseException | None = None


@dataclass(slots=True)
class Paths:
    """Which straight paths may be tried; one that did not fit is closed for the second try of its transaction."""

    release: bool = True
    settle: bool = True


class NotStraight(Exception):
    """A straight path met a row that does not allow it: the transaction must be undone and begun again without it."""


def run(book: SqliteBook, clerk: Clerk, calls: Sequence[Call], paths: Paths) -> None:
    """Do all calls, fill in their answers, write everything. Raises `NotStraight`, or whatever a bad call raises."""
    by_kind: dict[Kind, list[Call]] = {}
    for call in calls:
        by_kind.setdefault(call.kind, []).append(call)
    for kind, work in (
        (Kind.RELEASE, _releases),
        (Kind.SETTLE, _settles),
        (Kind.ADMIT, _admits),
    ):
        if kind in by_kind:
            work(book, clerk, by_kind[kind], paths)
    for call in by_kind.get(Kind.LEASE, ()):
        call.answer = _lease(book, clerk, call.asked)
    for call in by_kind.get(Kind.WORK, ()):
        work_on: Callable[[SqliteBook], Any] = call.asked
        call.answer = work_on(book)
    book.flush()


def run_apart(book: SqliteBook, clerk: Clerk, calls: Sequence[Call]) -> None:
    """Do each call under a savepoint of its own: the bad ones get their error, the others their answer."""
    connection = book.connection
    for call in calls:
        connection.execute("SAVEPOINT apart")
        try:
            run(book, clerk, [call], Paths(release=False, settle=False))
        except Exception as error:
            if is_storage_failure(error) or isinstance(error, Damaged):
                raise
            book.forget()
            connection.execute("ROLLBACK TO apart")
            call.answer, call.error = None, blamed(error)
        connection.execute("RELEASE apart")


def _releases(book: SqliteBook, clerk: Clerk, calls: Sequence[Call], paths: Paths) -> None:
    marks: list[ReleaseMark] = [mark for call in calls for mark in call.asked]
    verdicts: Sequence[ReleaseVerdict] | None
    if paths.release:
        verdicts = straight.release(book, marks) if marks else []
        if verdicts is None:
            paths.release = False
            raise NotStraight
    else:
        verdicts = clerk.release(book, marks)
    _share(calls, verdicts)


def _settles(book: SqliteBook, clerk: Clerk, calls: Sequence[Call], paths: Paths) -> None:
    settlements: list[Settlement] = [settlement for call in calls for settlement in call.asked]
    results: list[Settled] = [Settled.APPLIED] * len(settlements)
    rest = list(range(len(settlements)))
    if paths.settle:
        keys = [(settlement.message_id, settlement.n) for settlement in settlements]
        rest = [place for place in rest if not straight.is_straight(settlements[place])]
        crooked = {keys[place] for place in rest}
        easy = [s for s, key in zip(settlements, keys, strict=True) if key not in crooked]
        if len(easy) + len(rest) < len(settlements) or (easy and not straight.settle(book, easy)):
            paths.settle = False
            raise NotStraight
    if rest:
        done = clerk.settle(book, [settlements[place] for place in rest])
        for place, result in zip(rest, done, strict=True):
            results[place] = result
    _share(calls, results)


def _admits(book: SqliteBook, clerk: Clerk, calls: Sequence[Call], paths: Paths) -> None:
    del paths
    batch: list[NewMessage] = [new for call in calls for new in call.asked]
    results: list[AdmitResult | None] = [None] * len(batch)
    listed = (
        clerk.suppressed(book, {(new.tenant, address_key(a)) for new in batch for a in new.recipients})
        if book.has_suppressions
        else ()
    )
    is_plain = [straight.is_plain(new) and not (listed and _on_list(new, listed)) for new in batch]
    if book.holds():
        is_plain = [False] * len(batch)
    _leave_keys_in_order(batch, is_plain)
    plain = [place for place, is_it in enumerate(is_plain) if is_it]
    free = straight.take_keys(book, [batch[place] for place in plain], clerk.claim_us)
    for place, is_free in zip(plain, free, strict=True):
        if is_free:
            results[place] = straight.admit(book, batch[place], clerk.lease_us)
    rest = [place for place, result in enumerate(results) if result is None]
    if rest:
        for place, result in zip(rest, clerk.admit(book, [batch[place] for place in rest]), strict=True):
            results[place] = result
    _share(calls, results)


def _leave_keys_in_order(batch: Sequence[NewMessage], is_plain: list[bool]) -> None:
    """A key belongs to the first of a batch: if that is one for the clerk, so is every later one with its key."""
    if all(is_plain):
        return
    crooked: set[tuple[Tenant, str]] = set()
    for place, new in enumerate(batch):
        key = (new.tenant, new.idempotency_key)
        if not is_plain[place]:
            crooked.update((key, (new.tenant, new.shared_key)))
        elif new.idempotency_key and key in crooked:
            is_plain[place] = False


def _on_list(new: NewMessage, listed: Any) -> bool:
    return any((new.tenant, address_key(address)) in listed for address in new.recipients)


def _lease(book: SqliteBook, clerk: Clerk, request: LeaseRequest) -> Sequence[LeasedGroup]:
    groups = straight.lease(book, request, clerk.lease_us)
    return clerk.lease(book, request) if groups is None else groups


def _share(calls: Sequence[Call], answers: Sequence[Any]) -> None:
    """Give every call its part of the answers."""
    start = 0
    for call in calls:
        end = start + len(call.asked)
        call.answer = answers[start:end]
        start = end
