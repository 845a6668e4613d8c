"""S15: the first provider says yes to everything and delivers nothing."""

import asyncio
import json
from pathlib import Path

import pytest

from posthorse.control.requests import QueueList
from posthorse.lab.faults import Fault
from posthorse.lab.ledger import summary
from posthorse.lab.processes import posthorse, started
from posthorse.lab.rehearsal import SECRETS
from tests.scenarios.stage import BRISK, TELLING, WIRES, Run, Stage, told

MESSAGES = 40
SOON = f'{BRISK}[feedback]\nconfirm_within = "1500ms"\n'


@pytest.mark.parametrize("wire", WIRES)
def test_handed_over_and_not_delivered_is_counted(run: Run, tmp_path: Path, wire: str) -> None:
    """Where no provider tells, nothing tells; the ledger says exactly how many never arrived."""

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


async def not_confirmed(stage: Stage) -> list[str]:
    """Ids that the gateway lists as not confirmed."""
    answer = await stage.running.ask(QueueList(not_confirmed=True, limit=1_000))
    return [row.id for row in answer.recipients]


@pytest.mark.parametrize("wire", TELLING)
def test_where_the_provider_tells_it_is_listed_as_not_confirmed(run: Run, tmp_path: Path, wire: str) -> None:
    """Handed over, fate unknown, and listed after the set time: exactly what never arrived; never in doubt."""

    async def story(stage: Stage) -> None:
        await stage.offer(10)

        async def ten_are_confirmed() -> bool:
            return (await stage.running.account()).confirmed == 10

        await stage.once(ten_are_confirmed, 20)
        await stage.give(Fault.ACCEPT_AND_DROP)
        report = await stage.offer(MESSAGES)
        account = await stage.settled()
        assert account.handed_over == report.accepted + 10

        async def all_are_listed() -> bool:
            return len(await not_confirmed(stage)) == MESSAGES

        account = await stage.once(all_are_listed, 20)
        assert (account.handed_over, account.in_doubt, account.lost) == (MESSAGES + 10, 0, 0)
        assert (account.delivered, account.confirmed, account.not_confirmed) == (10, 10, MESSAGES)
        rows = {row.id: row for row in await stage.running.recipients()}
        listed = [rows[one] for one in await not_confirmed(stage)]
        assert {(row.state, row.fate, row.provider) for row in listed} == {("handed_over", "unknown", "first")}
        arrived = {one.id for one in await asyncio.to_thread(stage.running.remote.arrivals)}
        assert not arrived & {row.id for row in listed}
        command = posthorse("queue", "list", "--not-confirmed", "--limit", "1000", "--json")
        async with started("list", command, tmp_path, SECRETS) as asking:
            assert await asking.ended() == await asking.stop() == 0  # and all that it wrote is read
            printed = json.loads("\n".join(asking.lines))
            assert {row["id"] for row in printed["recipients"]} == {row.id for row in listed}

    run(told(tmp_path, story, wire, SOON, notifications=True))
