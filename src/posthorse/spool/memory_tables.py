"""Tables in memory with a journal that undoes a transaction that did not come to its end.

Promise: what stands in a table is an immutable value, so undoing is putting the old one back. Left out: which tables.
"""

from collections.abc import Callable
from typing import Any, Self, TypeVar

from posthorse.mail.ports import Clock

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class MemoryTables:
    """Any dictionaries that are changed by these methods only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now: int | None = None
        self._undo: list[Callable[[], object]] = []

    def transact(self, work: Callable[[Self], T]) -> T:
        """Run one transaction; whatever it raises, nothing of it stays."""
        self._now = self._clock.now()
        try:
            return work(self)
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise
        finally:
            self._undo.clear()
            self._now = None

    def change(self, table: dict[K, V], key: K, value: V) -> None:
        """Put a value into a table of this spool, unless the transaction is undone."""
        if key in table:
            self._undo.append(lambda old=table[key]: table.__setitem__(key, old))  # type: ignore[misc]
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def drop(self, table: dict[K, Any], key: K) -> bool:
        """Take a key out of a table of this spool, unless the transaction is undone; False: it was not there."""
        if key not in table:
            return False
        self._undo.append(lambda old=table[key]: table.__setitem__(key, old))  # type: ignore[misc]
        del table[key]
        return True

    @property
    def now(self) -> int:
        """As `Book` says; outside a transaction the clock itself."""
        return self._clock.now() if self._now is None else self._now
