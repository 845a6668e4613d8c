"""S02: the first provider's network swallows every SYN."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_after_one_connect_timeout(run: Run, tmp_path: Path, wire: str) -> None:
    """Before the release nothing is in doubt: the connect timeout, then the second provider."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.NO_SYN_ACK)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        await stage.assert_right(account)
        assert account.delivered == account.handed_over == MESSAGES
        assert account.in_doubt == 0
        assert account.failover_s is not None
        assert await stage.first_waited_s() < 2.0

    run(told(tmp_path, story, wire))
