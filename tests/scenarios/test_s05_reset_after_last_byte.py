"""S05: the first provider takes the mail and resets the connection instead of answering."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_what_was_taken_without_an_answer_follows_its_stream(run: Run, tmp_path: Path, wire: str) -> None:
    """Urgent and standard mail goes elsewhere and comes twice; once and bulk rest in doubt, and did arrive."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.RESET_AFTER_LAST_BYTE)
        await stage.offer(MESSAGES, rate_per_s=60)
        account = await stage.settled()
        await stage.assert_right(account)
        affected = await stage.remembered("first", "taken_unanswered")
        assert affected
        assert account.delivered == MESSAGES

    run(told(tmp_path, story, wire))
