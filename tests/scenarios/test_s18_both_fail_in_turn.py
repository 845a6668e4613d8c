"""S18: the first provider is down for two seconds; a second after its return the other one goes down for good."""

import asyncio
from pathlib import Path

from posthorse.lab.faults import Fault
from posthorse.lab.load_mail import read_receipts
from posthorse.lab.rehearsal import Script, rehearsal
from posthorse.mail.stream import SECOND
from tests.scenarios.stage import Run, Stage

MESSAGES, PER_SECOND = 240, 20.0
DOWN_S, WELL_S = 2.0, 1.0
MOVED_WITHIN_S = 8.0
"""From the death of the second to mail at the first, whose pause is 24 s at least: a probe within 5 s, and some."""
DELAYED_S = 10.0
"""The longest that any message may wait: the figure for urgent mail in an outage, kept for all."""


def test_mail_moves_back_to_the_first_within_seconds(run: Run, tmp_path: Path) -> None:
    """Nothing is lost or doubled, the first has mail again within seconds, and no message of any stream waits long."""

    async def in_turn(stage: Stage) -> float:
        remote = stage.running.remote
        await asyncio.to_thread(remote.mailbox_with, 20, 20.0)
        await asyncio.to_thread(remote.set_fault, "first", Fault.REFUSE)
        await asyncio.sleep(DOWN_S)  # the story itself is about this time
        await asyncio.to_thread(remote.set_fault, "first", None)
        await asyncio.sleep(WELL_S)
        assert await stage.standing("first") == "ejected"
        stands = await asyncio.to_thread(remote.set_fault, "second", Fault.REFUSE)
        return float(stands["fault_since"])

    async def story() -> None:
        script = Script(providers=(("first", "smtp"), ("second", "smtp")))
        async with rehearsal(tmp_path, script) as running:
            stage = Stage(running)
            died_at, _ = await asyncio.gather(in_turn(stage), stage.offer(MESSAGES, rate_per_s=PER_SECOND))
            account = await stage.settled()
            assert account.delivered == account.handed_over == MESSAGES
            assert account.lost == account.in_doubt == sum(account.duplicated.values()) == 0
            arrivals = await asyncio.to_thread(running.remote.arrivals)
            back = [one.at for one in arrivals if one.provider == "first" and one.at > died_at]
            assert min(back) - died_at < MOVED_WITHIN_S * SECOND
            accepted = {receipt.receipt: receipt.accepted_at for receipt in read_receipts(running.receipts_file)}
            waited_s = sorted((one.at - accepted[one.id]) / SECOND for one in arrivals)
            assert waited_s[-1] < DELAYED_S
            assert [one.provider for one in arrivals][-1] == "first"

    run(story())
