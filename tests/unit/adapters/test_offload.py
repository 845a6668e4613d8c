"""Blocking work in threads."""

import asyncio
import threading

import pytest

from posthorse.adapters.offload import ThreadOffload


def test_work_runs_elsewhere_and_what_it_raises_comes_back() -> None:
    """The result and the exception reach the waiter; the loop's own thread does not do the work."""

    async def story() -> None:
        offload = ThreadOffload(threads=1)
        assert await offload.run(threading.get_ident) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await offload.run(lambda: 1 / 0)
        offload.close()

    asyncio.run(story())
