"""S20: the first provider takes fields, not MIME, and fails as the others do; the second takes mail by SMTP."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import Run, Stage, told

STRUCTURED = ("sendgrid", "postmark")
FAULTS = (Fault.REFUSE, Fault.RESET_AFTER_LAST_BYTE, Fault.ANSWER_5XX, Fault.ACCOUNT_PAUSED)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.value for fault in FAULTS])
@pytest.mark.parametrize("wire", STRUCTURED)
def test_mail_leaves_by_the_next_and_each_streams_rule_holds(run: Run, tmp_path: Path, wire: str, fault: Fault) -> None:
    """Nothing is lost, `once` and `bulk` come once or rest in doubt, and the ledger is what the provider remembers."""

    async def story(stage: Stage) -> None:
        await stage.offer(10)
        await stage.settled()
        account = await stage.under(fault)
        assert account.delivered > 10

    run(told(tmp_path, story, wire))
