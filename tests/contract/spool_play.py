"""The fixture that runs one story against every spool."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from posthorse.spool.clerk import Clerk
from tests.contract.spool_kit import Story, opened

Play = Callable[[Story], None]

KINDS = ("memory", "sqlite")


@pytest.fixture(params=KINDS)
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Run a story in a fresh world; once per kind of spool."""

    def run_story(story: Story) -> None:
        play_in(str(request.param), tmp_path, story)

    return run_story


def play_in(kind: str, folder: Path, story: Story, clerk: Clerk | None = None) -> None:
    """Run a story in a fresh world of one kind; more than 60 s is a failure."""

    async def limited() -> None:
        async with asyncio.timeout(60), opened(kind, folder, clerk) as world:
            await story(world)

    asyncio.run(limited())
