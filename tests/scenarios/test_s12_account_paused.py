"""S12: the first provider has paused our account."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, assert_nothing_is_in_doubt, told


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_through_the_second(run: Run, tmp_path: Path, wire: str) -> None:
    """A paused account costs no mail."""

    async def story(stage: Stage) -> None:
        assert_nothing_is_in_doubt(await stage.under(Fault.ACCOUNT_PAUSED))

    run(told(tmp_path, story, wire))
