"""S10: the first provider asks for less."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_through_the_second(run: Run, tmp_path: Path, wire: str) -> None:
    """A throttled message was certainly not taken: it goes elsewhere at once."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.ANSWER_429)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        await stage.assert_right(account)
        assert account.delivered == account.handed_over == MESSAGES
        assert account.in_doubt == 0

    run(told(tmp_path, story, wire))
