"""S05: the first provider takes the mail and resets the connection instead of answering."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import MESSAGES, WIRES, Run, Stage, told


@pytest.mark.parametrize("wire", WIRES)
def test_what_was_taken_without_an_answer_follows_its_stream(run: Run, tmp_path: Path, wire: str) -> None:
    """Urgent and standard mail goes elsewhere and comes twice; once and bulk rest in doubt, and did arrive."""

    async def story(stage: Stage) -> None:
        account = await stage.under(Fault.RESET_AFTER_LAST_BYTE, rate_per_s=60)
        assert await stage.remembered("first", "taken_unanswered")
        assert account.delivered == MESSAGES

    run(told(tmp_path, story, wire))
