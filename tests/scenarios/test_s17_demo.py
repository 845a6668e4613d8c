"""S17: the demo, as a user starts it."""

import json
from pathlib import Path

from posthorse.lab.demo import Play
from posthorse.lab.processes import posthorse, started
from tests.scenarios.stage import Run


def test_stopping_it_leaves_no_process_behind(run: Run, tmp_path: Path) -> None:
    """SIGTERM in the middle of the play ends the gateway and the lab too."""

    async def story() -> None:
        async with started("demo", posthorse("demo", "--folder", "stage"), tmp_path) as demo:
            await demo.said(lambda line: "offered" in line)
            assert len(children_of(demo.pid)) == 2
            members = children_of(demo.pid)
            await demo.stop()
            assert not running(members)

    run(story())


def running(pids: list[int]) -> list[int]:
    """Those of them that live."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def children_of(pid: int) -> list[int]:
    """Ids of the processes a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_ends_well_and_says_so_in_the_stable_names(run: Run, tmp_path: Path) -> None:
    """A provider becomes a black hole, refuses and returns under load: nothing lost, once and bulk never doubled."""

    async def story() -> None:
        async with started("demo", posthorse("demo", "--json", "--folder", "stage"), tmp_path) as demo:
            ledger = json.loads(await demo.said(lambda line: line.startswith("{"), within_s=85))
            assert await demo.ended() == 0
        messages = Play().messages
        assert ledger["accepted"] == messages
        assert ledger["lost"] == ledger["in_flight"] == ledger["held"] == 0
        assert ledger["handed_over"] + ledger["in_doubt"] == messages
        assert ledger["handed_over"] <= ledger["delivered"] <= messages
        assert ledger["duplicated"]["once"] == ledger["duplicated"]["bulk"] == 0
        assert 0 < ledger["failover_s"] < 10
        assert ledger["added_delay_s"]["urgent"]["p95"] < 10
        assert any("becomes a black hole" in line for line in demo.lines)

    run(story())
