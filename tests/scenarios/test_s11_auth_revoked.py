"""S11: the first provider no longer knows our credentials."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_through_the_second(run: Run, tmp_path: Path, wire: str) -> None:
    """An account that is refused costs no mail."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.AUTH_REVOKED)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        await stage.assert_right(account)
        assert account.delivered == account.handed_over == MESSAGES
        assert account.in_doubt == 0

    run(told(tmp_path, story, wire))
