"""S03: the first provider accepts connections and never reads."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_what_was_not_released_leaves_and_what_was_follows_its_stream(run: Run, tmp_path: Path, wire: str) -> None:
    """In SMTP nothing is released without a greeting; in SES the kernel took small requests, which are in doubt."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.NEVER_READ)
        await stage.offer(MESSAGES, rate_per_s=30)
        account = await stage.settled()
        assert account.lost == 0
        assert account.handed_over + account.in_doubt == MESSAGES
        assert account.handed_over_not_delivered == 0
        assert sum(account.duplicated.values()) == 0
        if wire == "smtp":
            assert account.in_doubt == 0
        assert set(await stage.in_doubt_streams()) <= {"once", "bulk"}

    run(told(tmp_path, story, wire))
