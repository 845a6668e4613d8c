"""S09: the first provider answers that it is broken."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import MESSAGES, WIRES, Run, Stage, told


@pytest.mark.parametrize("wire", WIRES)
def test_it_fails_over_and_rejects_no_mail(run: Run, tmp_path: Path, wire: str) -> None:
    """A complete SMTP reply is a certain no; an HTTP 500 proves nothing, so once and bulk rest in doubt."""

    async def story(stage: Stage) -> None:
        account = await stage.under(Fault.ANSWER_5XX)
        assert account.delivered == account.handed_over == MESSAGES - account.in_doubt
        assert sum(account.duplicated.values()) == 0
        if wire == "smtp":
            assert account.in_doubt == 0
        else:
            assert await stage.remembered("first", "refused", answer="500")

    run(told(tmp_path, story, wire))
