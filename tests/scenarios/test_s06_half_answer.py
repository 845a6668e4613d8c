"""S06: the first provider takes the mail and breaks off in the middle of its answer."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import MESSAGES, WIRES, Run, Stage, told


@pytest.mark.parametrize("wire", WIRES)
def test_half_an_answer_is_no_answer(run: Run, tmp_path: Path, wire: str) -> None:
    """Urgent and standard mail goes elsewhere and comes twice; once and bulk rest in doubt, and did arrive."""

    async def story(stage: Stage) -> None:
        account = await stage.under(Fault.HALF_ANSWER, rate_per_s=60)
        assert await stage.remembered("first", "taken_unanswered")
        assert account.delivered == MESSAGES

    run(told(tmp_path, story, wire))
