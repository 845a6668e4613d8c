"""Processes of a rehearsal: awaited by what they say, ended by their id."""

import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from posthorse.lab.processes import NotReady, start, started

Run = Callable[[Coroutine[Any, Any, Any]], Any]

PATIENT = "import signal, sys; print('up', flush=True); print('x', file=sys.stderr, flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"


def test_a_process_is_awaited_by_its_line_and_killed_at_the_end(run: Run, tmp_path: Path) -> None:
    """Both streams are heard and kept in its log; leaving the block ends it."""

    async def story() -> None:
        async with started("patient", [sys.executable, "-c", PATIENT], tmp_path) as child:
            assert await child.said(lambda line: line == "up") == "up"
            assert await child.said(bool, times=2) == "x"
            assert child.is_running()
        assert not child.is_running()
        assert (tmp_path / "patient.log").read_text() == "up\nx\n"

    run(story())


def test_a_process_that_ends_or_stays_silent_is_not_ready(run: Run, tmp_path: Path) -> None:
    """The reason carries what it wrote and how it ended."""

    async def story() -> None:
        child = await start("gone", [sys.executable, "-c", "import sys; print('oh no'); sys.exit(3)"], tmp_path)
        with pytest.raises(NotReady, match=r"exit status 3\noh no"):
            await child.said(lambda line: line == "up")
        async with started("patient", [sys.executable, "-c", PATIENT], tmp_path) as child:
            with pytest.raises(NotReady, match="1 more"):
                await child.said(lambda line: line == "never", within_s=0.05)

    run(story())


def test_stopping_asks_first_and_kills_whoever_does_not_listen(run: Run, tmp_path: Path) -> None:
    """SIGTERM ends a process with its own status; one that ignores it is killed, and that is told."""

    async def story() -> None:
        async with started("patient", [sys.executable, "-c", PATIENT], tmp_path) as child:
            await child.said(lambda line: line == "up")
            assert await child.stop() == -signal.SIGTERM
            assert await child.stop() == -signal.SIGTERM
        async with started("stubborn", [sys.executable, "-c", STUBBORN], tmp_path) as child:
            await child.said(lambda line: line == "up")
            with pytest.raises(NotReady, match="did not stop"):
                await child.stop(within_s=0.05)
            assert not child.is_running()

    run(story())
