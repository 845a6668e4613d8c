"""S14: the first provider takes the mail and withholds its answer for a while."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_late_answers_settle_what_was_in_doubt(run: Run, tmp_path: Path, wire: str) -> None:
    """Answers that come before anybody stops waiting leave nothing in doubt and nothing doubled."""

    async def story(stage: Stage) -> None:
        await stage.offer(10)
        await stage.settled()
        await stage.give(Fault.HANG_AFTER_DOT, for_s=3.0)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        assert account.lost == account.in_doubt == 0
        assert account.delivered == account.handed_over == MESSAGES + 10
        assert sum(account.duplicated.values()) == 0

    run(told(tmp_path, story, wire))
