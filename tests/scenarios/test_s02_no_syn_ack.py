"""S02: the first provider's network swallows every SYN."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, assert_nothing_is_in_doubt, told


@pytest.mark.parametrize("wire", WIRES)
def test_everything_leaves_after_one_connect_timeout(run: Run, tmp_path: Path, wire: str) -> None:
    """Before the release nothing is in doubt: the connect timeout, then the second provider."""

    async def story(stage: Stage) -> None:
        account = await stage.under(Fault.NO_SYN_ACK)
        assert_nothing_is_in_doubt(account)
        assert account.failover_s is not None
        assert await stage.first_waited_s() < 2.0

    run(told(tmp_path, story, wire))
