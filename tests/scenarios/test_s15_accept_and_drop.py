"""S15: the first provider says yes to everything and delivers nothing."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from posthorse.lab.ledger import summary
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 40


@pytest.mark.parametrize("wire", WIRES)
def test_handed_over_and_not_delivered_is_counted(run: Run, tmp_path: Path, wire: str) -> None:
    """Until deliveries are confirmed nothing tells; the ledger says exactly how many never arrived."""

    async def story(stage: Stage) -> None:
        await stage.offer(10)
        await stage.settled()
        await stage.give(Fault.ACCEPT_AND_DROP)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        await stage.assert_right(account)
        assert account.handed_over == MESSAGES + 10
        assert account.handed_over_not_delivered == MESSAGES
        assert account.delivered == 10
        assert f"handed over, not delivered: {MESSAGES}" in summary(account)

    run(told(tmp_path, story, wire))
