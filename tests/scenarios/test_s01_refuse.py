"""S01: the first provider refuses connections."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, assert_nothing_is_in_doubt, told


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_through_the_second(run: Run, tmp_path: Path, wire: str) -> None:
    """Nothing is lost, doubted or doubled; the second has the first message within a second."""

    async def story(stage: Stage) -> None:
        account = await stage.under(Fault.REFUSE)
        assert_nothing_is_in_doubt(account)
        assert account.failover_s is not None
        assert await stage.first_waited_s() < 1.0

    run(told(tmp_path, story, wire))
