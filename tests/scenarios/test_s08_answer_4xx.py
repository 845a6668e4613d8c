"""S08: the first provider says no: for now (SMTP), or to our sender (SES)."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, assert_nothing_is_in_doubt, told


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_through_the_second(run: Run, tmp_path: Path, wire: str) -> None:
    """A complete no is certain: nothing is in doubt and nothing is doubled."""

    async def story(stage: Stage) -> None:
        assert_nothing_is_in_doubt(await stage.under(Fault.ANSWER_4XX))

    run(told(tmp_path, story, wire))
