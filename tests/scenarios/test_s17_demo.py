"""S17: the demo, as a user starts it."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from posthorse.lab.demo import Play
from posthorse.lab.processes import posthorse, started
from tests.scenarios.ends import children_of, has_ended
from tests.scenarios.stage import Run


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_ending_it_leaves_nothing_behind(kill: bool, run: Run, tmp_path: Path) -> None:
    """SIGTERM or SIGKILL amid the play ends the gateway and the lab too; all they wrote is in its folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    async def story() -> None:
        command, environ = posthorse("demo", "--folder", "stage"), {"TMPDIR": str(elsewhere)}
        async with started("demo", command, tmp_path, environ) as demo:
            await demo.said(lambda line: "offered" in line)
            members = children_of(demo.pid)
            assert len(members) == 2
            await (demo.kill() if kill else demo.stop())
        for pid in members:
            assert await asyncio.to_thread(has_ended, pid)
        assert list(elsewhere.iterdir()) == []

    run(story())


def _short(line: str) -> str:
    """What happened to the first provider, without the reasons."""
    return re.split(r"[:,(]", line.removeprefix("first "), maxsplit=1)[0].strip()


def test_it_ends_well_and_says_so_in_the_stable_names(run: Run, tmp_path: Path) -> None:
    """A provider becomes a black hole, refuses and returns under load: nothing lost, once and bulk never doubled.

    It comes back by itself: a trial too early fails, the next one passes, and the ramp ends.
    """

    async def story() -> None:
        async with started("demo", posthorse("demo", "--json", "--folder", "stage"), tmp_path) as demo:
            ledger = json.loads(await demo.said(lambda line: line.startswith("{"), within_s=85))
            assert await demo.ended() == 0
        messages = Play().messages
        assert ledger["accepted"] == messages
        assert ledger["lost"] == ledger["in_flight"] == ledger["held"] == 0
        assert ledger["handed_over"] + ledger["in_doubt"] == messages
        assert ledger["handed_over"] <= ledger["delivered"] <= messages
        assert 0 < ledger["confirmed"] <= ledger["handed_over"]
        assert ledger["not_confirmed"] == 0
        assert ledger["duplicated"]["once"] == ledger["duplicated"]["bulk"] == 0
        assert 0 < ledger["failover_s"] < 10
        assert ledger["added_delay_s"]["urgent"]["p95"] < 10
        told = [line.split("  -- ", 1)[1] for line in demo.lines if "  -- first " in line]
        assert [_short(line) for line in told] == [
            "becomes a black hole",
            "is ejected",
            "refuses connections",
            "is on trial",
            "is ejected",
            "returns",
            "is on trial",
            "is strained",
            "is good",
        ]

    run(story())
