"""S04: the first provider reads everything and never answers."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told


@pytest.mark.parametrize("wire", WIRES)
def test_what_was_not_released_leaves_and_what_was_follows_its_stream(run: Run, tmp_path: Path, wire: str) -> None:
    """In SMTP nothing is released without a greeting; in SES whole requests were read, which are in doubt."""

    async def story(stage: Stage) -> None:
        account = await stage.under(Fault.NEVER_ANSWER, rate_per_s=30)
        assert sum(account.duplicated.values()) == 0
        if wire == "smtp":
            assert account.in_doubt == 0

    run(told(tmp_path, story, wire))
