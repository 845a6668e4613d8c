"""Tables in memory: a transaction that does not come to its end leaves nothing behind."""

import pytest

from posthorse.spool.desk_port import Control, Hold, Selector
from posthorse.spool.memory_book import MemoryBook
from tests.contract.spool_kit import HandClock


class Torn(Exception):
    """What ends the transaction."""


def hold(reason: str) -> Hold:
    """A hold on everything."""
    return Hold(selector=Selector(), reason=reason, by="ann")


def order(key: str, value: str) -> Control:
    """A standing order."""
    return Control(key=key, value=value, by="ann", at=1)


def test_what_raises_leaves_nothing_behind() -> None:
    """Added, replaced and dropped values are as before, the next number of a hold too; time is the clock's again."""
    clock = HandClock()
    book = MemoryBook(clock)
    book.transact(lambda each: each.add_hold(hold("kept")))
    book.transact(lambda each: each.order(order("a", "1")))
    book.transact(lambda each: each.order(order("b", "1")))

    def torn(each: MemoryBook) -> None:
        each.add_hold(hold("lost"))
        each.drop_hold(1)
        each.order(order("a", "2"))
        each.lift("b")
        each.order(order("c", "2"))
        raise Torn

    with pytest.raises(Torn):
        book.transact(torn)
    assert [(each.id, each.reason) for each in book.holds()] == [(1, "kept")]
    assert [(each.key, each.value) for each in book.orders()] == [("a", "1"), ("b", "1")]
    assert book.transact(lambda each: each.add_hold(hold("next"))).id == 2
    clock.forward(1)
    assert book.now == clock.at


def test_a_transaction_reads_the_clock_once() -> None:
    """However long it takes, all of it happens at one moment."""
    clock = HandClock()
    book = MemoryBook(clock)

    def slow(each: MemoryBook) -> tuple[int, int]:
        before = each.now
        clock.forward(5)
        return before, each.now

    before, after = book.transact(slow)
    assert before == after == clock.at - 5_000_000
