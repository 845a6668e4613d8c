"""The thread of a server that is tried out: a loop of its own, which measures how long anything holds it up."""

import asyncio
import gc
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.effort import LONGEST_BLOCK_S, HeldUp

T = TypeVar("T")
PATIENCE_S = 20.0


class MeasuredLoop(asyncio.SelectorEventLoop):
    """An event loop that knows the longest work (CPU time of its thread) between two waits."""

    longest_s = 0.0

    def _run_once(self) -> None:
        started = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        self.longest_s = max(self.longest_s, time.thread_time() - started)

    def check(self) -> None:
        """Raises `HeldUp`. Of a running loop; the turn that gave an answer may still go on, and counts."""
        turned = threading.Event()
        self.call_soon_threadsafe(turned.set)
        assert turned.wait(PATIENCE_S)
        if self.longest_s >= LONGEST_BLOCK_S:
            raise HeldUp(f"the loop was blocked for {self.longest_s * 1e3:.0f} ms")


class ServerThread:
    """Alive until it is closed."""

    def __init__(self) -> None:
        # What the test session piled up is not to be searched through by this thread's collections.
        gc.collect()
        gc.freeze()
        self.loop = MeasuredLoop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        gc.unfreeze()

    def result_of(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of this work, done by the thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)
