"""S01: the first provider refuses connections."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_through_the_second(run: Run, tmp_path: Path, wire: str) -> None:
    """Nothing is lost, doubted or doubled; the second has the first message within a second."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.REFUSE)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        await stage.assert_right(account)
        assert account.delivered == account.handed_over == MESSAGES
        assert account.in_doubt == 0
        assert account.failover_s is not None
        assert await stage.first_waited_s() < 1.0

    run(told(tmp_path, story, wire))
