"""The reader thread: the desk's questions on a connection of its own, beside the writer and never in its way.

Left out: what is asked (`posthorse.spool.sqlite.desk`).
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw

from posthorse.spool.port import SpoolUnavailable
from posthorse.spool.sqlite.schema import let_go
from posthorse.spool.sqlite.trouble import unavailable

T = TypeVar("T")

Question = Callable[[apsw.Connection], Any]


class Reader:
    """One thread that answers questions in their order."""

    def __init__(self, connect: Callable[[], apsw.Connection], loop: asyncio.AbstractEventLoop) -> None:
        self._connect = connect
        self._loop = loop
        self._queue: SimpleQueue[tuple[Question, asyncio.Future[Any]] | None] = SimpleQueue()
        self._connection: apsw.Connection | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="spool-reader", daemon=True)
        self._thread.start()

    async def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """Answer one question. Raises `SpoolUnavailable` when the storage fails or the spool is closed."""
        if self._closed:
            raise SpoolUnavailable("the spool is closed")
        waiter: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((question, waiter))
        return await waiter

    async def close(self) -> None:
        """Answer what was asked, then end the thread."""
        if self._closed:
            return
        ended = asyncio.ensure_future(self.ask(lambda connection: None))
        await asyncio.sleep(0)
        self._closed = True
        self._queue.put(None)
        await asyncio.wait([ended])
        ended.exception()
        self._thread.join()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            question, waiter = item
            answer: Any = None
            error: Exception | None = None
            try:
                self._connection = self._connection or self._connect()
                answer = question(self._connection)
            except apsw.Error as trouble:
                error = unavailable(trouble)
                self._let_go()
            except Exception as trouble:
                error = trouble
            try:
                self._loop.call_soon_threadsafe(_answer, waiter, answer, error)
            except RuntimeError:
                break  # the loop ended before its spool was closed
        self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        let_go(connection)


def _answer(waiter: asyncio.Future[Any], answer: Any, error: Exception | None) -> None:
    if waiter.done():
        return
    if error is not None:
        waiter.set_exception(error)
    else:
        waiter.set_result(answer)
