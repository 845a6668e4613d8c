"""S13: some proxy answers 200 with a page of its own instead of the first provider."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_an_unreadable_yes_is_no_yes(run: Run, tmp_path: Path, wire: str) -> None:
    """What it swallowed goes elsewhere if urgent or standard; once and bulk rest in doubt and are not delivered."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.GARBAGE_200)
        await stage.offer(MESSAGES, rate_per_s=60)
        account = await stage.settled()
        await stage.assert_right(account)
        affected = await stage.remembered("first", "lost")
        assert affected
        assert sum(account.duplicated.values()) == 0

    run(told(tmp_path, story, wire))
