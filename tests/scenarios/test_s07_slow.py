"""S07: the first provider is slow, and works."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_slow_mail_arrives_once(run: Run, tmp_path: Path, wire: str) -> None:
    """Every answer comes half a second late: nothing is doubted, nothing is doubled."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.SLOW, delay_s=0.5)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        await stage.assert_right(account)
        assert account.delivered == account.handed_over == MESSAGES
        assert sum(account.duplicated.values()) == 0
        assert (await stage.standing("first")) != "ejected"

    run(told(tmp_path, story, wire))
