"""S13: some proxy answers 200 with a page of its own instead of the first provider."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told


@pytest.mark.parametrize("wire", WIRES)
def test_an_unreadable_yes_is_no_yes(run: Run, tmp_path: Path, wire: str) -> None:
    """What it swallowed goes elsewhere if urgent or standard; once and bulk rest in doubt and are not delivered."""

    async def story(stage: Stage) -> None:
        account = await stage.under(Fault.GARBAGE_200, rate_per_s=60)
        assert await stage.remembered("first", "lost")
        assert sum(account.duplicated.values()) == 0

    run(told(tmp_path, story, wire))
