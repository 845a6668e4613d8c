"""The scenarios' own limit of time: real processes start, wait and stop, so one story may take a minute and a half."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run one story to its end on a fresh loop of its own; more than 90 s is a failure."""

    def run_within_limit(coroutine: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(90):
                return await coroutine

        return asyncio.run(limited())

    return run_within_limit
