"""S11: the first provider no longer knows our credentials."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, assert_nothing_is_in_doubt, told


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_through_the_second(run: Run, tmp_path: Path, wire: str) -> None:
    """An account that is refused costs no mail."""

    async def story(stage: Stage) -> None:
        assert_nothing_is_in_doubt(await stage.under(Fault.AUTH_REVOKED))

    run(told(tmp_path, story, wire))
