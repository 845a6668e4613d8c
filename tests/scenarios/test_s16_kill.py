"""S16: kill -9 of the gateway under load, ten times."""

import asyncio
from pathlib import Path

from posthorse.control.requests import Explain, QueueShow
from posthorse.lab.ledger import summary
from posthorse.lab.load import Load
from posthorse.lab.load_mail import read_receipts
from posthorse.lab.mailbox import duplicates_among, read_arrivals
from tests.scenarios.stage import BRISK, NEVER_TWICE, Run, Stage, told

CYCLES = 10
MESSAGES_A_CYCLE = 300
CONNECTIONS = 20


def test_nothing_acknowledged_is_lost_and_nothing_is_doubled_that_must_not(run: Run, tmp_path: Path) -> None:
    """Receipts are kept outside; a copy too many needs a doubt and a stream that allows it.

    The client offers as fast as it can, and each kill follows a receipt at once, so that a receipt before its commit
    would be lost.
    """

    async def story(stage: Stage) -> None:
        running = stage.running
        plan = running.load_plan(messages=CYCLES * MESSAGES_A_CYCLE, connections=CONNECTIONS, retry_s=0.1, run="kill")
        load = Load(plan)
        loading = asyncio.create_task(load.run())
        for cycle in range(1, CYCLES + 1):
            await load.accepted(cycle * MESSAGES_A_CYCLE - MESSAGES_A_CYCLE // 2)
            await running.kill_gateway()
            await running.start_gateway()
        report = await loading
        assert report.accepted == report.offered == CYCLES * MESSAGES_A_CYCLE
        account = await stage.settled(within_s=60)
        text = "\n".join(summary(account))
        assert running.starts == CYCLES + 1
        assert account.lost == 0, text
        assert account.in_flight == account.held == account.handed_over_not_delivered == 0, text
        assert all(account.duplicated[stream] == 0 for stream in NEVER_TWICE), text
        await _who_rests_in_doubt_may_have_no_copy_more(stage)
        await _every_duplicate_was_in_doubt(stage)

    run(told(tmp_path, story, "ses", more_config=BRISK))


async def _who_rests_in_doubt_may_have_no_copy_more(stage: Stage) -> None:
    """`once` and `bulk` after one copy; the others only if a kill struck the second copy, too."""
    for row in await stage.running.recipients():
        if row.state == "in_doubt":
            assert row.copies_released == row.copies_allowed == (1 if row.stream in NEVER_TWICE else 2)


async def _every_duplicate_was_in_doubt(stage: Stage) -> None:
    """A second copy is explained by the history: the recipient had been in doubt, and its rule allowed two copies."""
    running = stage.running
    mine = {receipt.receipt for receipt in read_receipts(running.receipts_file)}
    for identity, _ in duplicates_among(read_arrivals(running.mailbox_file)):
        if identity in mine:
            (recipient,) = (await running.ask(QueueShow(id=identity))).recipients
            steps = (await running.ask(Explain(id=identity))).steps
            assert recipient.copies_released == recipient.copies_allowed == 2
            assert any("doubt" in step.words for step in steps)
