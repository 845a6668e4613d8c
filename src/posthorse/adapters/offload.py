"""Blocking work in threads, away from the event loop.

Promise: at most `threads` pieces run at once; a piece that was started runs to its end even when its waiter is
cancelled (a thread cannot be stopped), so the work must be safe to finish unseen.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class ThreadOffload:
    """Port `Offload` on a bounded pool of threads."""

    __slots__ = ("_pool",)

    def __init__(self, *, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="offload")

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread; what it raises is raised here."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Wait for what was started, take no more."""
        self._pool.shutdown(wait=True)
