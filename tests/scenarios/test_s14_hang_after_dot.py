"""S14: the first provider takes the mail and withholds its answer for a while."""

from pathlib import Path

import pytest

from posthorse.lab.faults import Fault
from tests.scenarios.stage import WIRES, Run, Stage, told

MESSAGES = 60


@pytest.mark.parametrize("wire", WIRES)
def test_late_answers_settle_what_was_in_doubt(run: Run, tmp_path: Path, wire: str) -> None:
    """Answers that come before anybody stops waiting leave nothing in doubt and nothing doubled."""

    async def story(stage: Stage) -> None:
        await stage.offer(10)
        await stage.settled()
        await stage.give(Fault.HANG_AFTER_DOT, for_s=3.0)
        await stage.offer(MESSAGES)
        account = await stage.settled()
        assert account.lost == account.in_doubt == 0
        assert account.delivered == account.handed_over == MESSAGES + 10
        assert sum(account.duplicated.values()) == 0

    run(told(tmp_path, story, wire))


def test_an_answer_after_the_limit_still_settles_what_only_it_can(run: Run, tmp_path: Path) -> None:
    """Urgent and standard mail has gone elsewhere by then, and comes twice; once and bulk are settled by the answer."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.HANG_AFTER_DOT, for_s=12.0)
        await stage.offer(MESSAGES, rate_per_s=40)

        async def nothing_is_in_doubt() -> bool:
            return {row.state for row in await stage.running.recipients()} == {"handed_over"}

        account = await stage.once(nothing_is_in_doubt, 30)
        affected = await stage.remembered("first", "taken_unanswered")
        doubled = {stream: sum(one == stream for one in affected.values()) for stream in ("urgent", "standard")}
        assert account.lost == account.in_doubt == 0
        assert account.delivered == account.handed_over == MESSAGES
        assert account.duplicated == doubled | {"once": 0, "bulk": 0}
        assert set(affected.values()) >= {"urgent", "standard"}

    run(told(tmp_path, story, "ses"))
