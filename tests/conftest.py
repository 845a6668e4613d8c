"""What every suite shares: running coroutines, skipping for want of a program, and the selection of `make quick`.

Promise: nothing a test started is left behind; a test process that ends with a living child of its own fails the run.

`make quick` runs every unit, the contract of the memory spool and one simulated failover, without what is marked
`thorough`. So is marked what shows once more what another test shows already: over every place of a corpus, further
seeds, further providers or thousands of generated cases, over hours of virtual time, or against real timers and limits
of more than half a second; and what measures how long something takes. `make test` runs everything.
"""

import asyncio
import faulthandler
import gc
import os
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")

HANGS_S, WATCH_EVERY_S = 180.0, 5.0
"""How long a test may take before it shows where it hangs and ends the run, and how often that watch is set anew: doing
so for every test would cost as much as most tests do.
"""
QUICK_EXAMPLES = 30
"""Generated cases of a test in `make quick`, where it does not say how many; `make test` has a hundred."""
TOP = Path(__file__).resolve().parent.parent
SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run one coroutine to its end on a fresh loop of its own; more than 60 s is a failure."""

    def run_within_limit(coroutine: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(60):
                return await coroutine

        return asyncio.run(limited())

    return run_within_limit


class Watch:
    """Over tests that hang: the place of every thread is told, and the run ends."""

    def __init__(self) -> None:
        self._errors = os.dup(2)  # of the run itself, not of a test
        self._set_at_s = float("-inf")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> None:
        """Before each test."""
        now_s = time.monotonic()
        if now_s - self._set_at_s > WATCH_EVERY_S:
            self._set_at_s = now_s
            faulthandler.dump_traceback_later(HANGS_S + WATCH_EVERY_S, file=self._errors, exit=True)

    def pytest_unconfigure(self) -> None:
        """After the last one."""
        faulthandler.cancel_dump_traceback_later()
        os.close(self._errors)


def pytest_configure(config: pytest.Config) -> None:
    """Watch over tests that hang; generate fewer cases in `make quick`."""
    config.pluginmanager.register(Watch())
    if config.option.markexpr == "quick":
        settings.register_profile("quick", max_examples=QUICK_EXAMPLES)
        settings.load_profile("quick")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose outside program is not installed; `make test` installs them all and lets none be skipped."""
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if shutil.which(program, path=SYSTEM_PATH):
                continue
            if os.environ.get("POSTHORSE_TESTS") == "all":
                pytest.fail(f"{program} is not installed, and this run is to skip nothing")
            pytest.skip(f"{program} is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make quick` runs."""
    for item in items:
        if _is_quick(item.nodeid) and not item.get_closest_marker("thorough"):
            item.add_marker("quick")


@pytest.fixture
def no_old_garbage() -> Iterator[None]:
    """For tests that measure the longest block of a loop: what earlier tests left behind is not collected here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _is_quick(node_id: str) -> bool:
    return (
        node_id.startswith("tests/unit/")
        or (node_id.startswith("tests/contract/") and "memory" in node_id)
        or (node_id.startswith("tests/simulation/") and "failover" in node_id)
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a process started by a test still lives: whoever starts one stops it by its id."""
    left = _living_children()
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    for pid, command in left.items():
        print(f"\nleft behind by a test: process {pid}: {command}")


def _living_children() -> dict[int, str]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    found: dict[int, str] = {}
    for pid in children.read_text().split() if children.exists() else ():
        command = Path(f"/proc/{pid}/cmdline")
        text = command.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip() if command.exists() else ""
        if text:
            found[int(pid)] = text
    return found
