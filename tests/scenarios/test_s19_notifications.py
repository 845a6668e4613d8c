"""S19: what providers tell comes late, twice, out of order, from strangers, or never."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from posthorse.control.requests import Suppressions
from posthorse.lab.faults import Fault
from tests.scenarios.stage import TELLING, Run, Stage, told

MESSAGES = 40
FATES = {"r1": "bounce", "r2": "complaint", "r3": "soft", "r4": "delayed", "r5": "ooto"}
LAB = "[providers.fates]\n" + "".join(f'"{name}@mailbox.example" = "{fate}"\n' for name, fate in FATES.items())
WANTED = {"r1": "bounced", "r2": "complained", "r3": "bounced"}


async def hooks(stage: Stage) -> dict[str, Any]:
    """How the first provider's telling stands."""
    return (await asyncio.to_thread(stage.running.remote.hooks))["first"]


async def all_told(stage: Stage) -> None:
    """Wait until nothing is left to tell, and all of it is read."""

    async def quiet() -> bool:
        return not (await hooks(stage))["waiting"]

    await stage.once(quiet, 30)


@pytest.mark.parametrize("wire", TELLING)
def test_any_order_and_number_comes_to_the_same_fates(run: Run, tmp_path: Path, wire: str) -> None:
    """Late, doubled, shuffled, with forged bounces among them: each fate is the true one, nobody else is suppressed."""

    async def story(stage: Stage) -> None:
        remote = stage.running.remote
        await asyncio.to_thread(remote.set_hooks, "first", delay_s=0.5, double=0.5, forge=0.5, shuffle=True)
        await stage.offer(MESSAGES)
        await stage.settled()

        async def fates_are_known() -> bool:
            return all(row.fate != "unknown" for row in await stage.running.recipients())

        await stage.once(fates_are_known, 30)
        await all_told(stage)
        rows = await stage.running.recipients()
        assert {row.address: row.fate for row in rows} == {
            f"r{n}@mailbox.example": WANTED.get(f"r{n}", "delivered") for n in range(MESSAGES)
        }
        counts = (await hooks(stage))["counts"]
        assert counts["forged"]
        assert counts["doubled"]
        assert not counts["forged_taken"]
        listed = (await stage.running.ask(Suppressions())).suppressions
        assert sorted(one.address for one in listed) == ["r1@mailbox.example", "r2@mailbox.example"]

    run(told(tmp_path, story, wire, lab_config=LAB, notifications=True))


@pytest.mark.parametrize("wire", TELLING)
def test_what_providers_tell_settles_doubts(run: Run, tmp_path: Path, wire: str) -> None:
    """The mail was taken and the answers were lost: nothing stays in doubt, nothing goes twice."""

    async def story(stage: Stage) -> None:
        await stage.give(Fault.RESET_AFTER_LAST_BYTE)
        await stage.offer(MESSAGES)

        async def nothing_is_in_doubt() -> bool:
            account = await stage.running.account()
            return account.handed_over == MESSAGES

        account = await stage.once(nothing_is_in_doubt, 30)
        assert await stage.remembered("first", "taken_unanswered")
        assert (account.in_doubt, account.delivered, account.lost) == (0, MESSAGES, 0)
        assert account.duplicated["once"] == account.duplicated["bulk"] == 0

    run(told(tmp_path, story, wire, notifications=True))


def test_what_is_never_told_stays_unknown_and_harms_nobody(run: Run, tmp_path: Path) -> None:
    """Half of it is lost: the other half is believed, and the rest is handed over with an unknown fate."""

    async def story(stage: Stage) -> None:
        await asyncio.to_thread(stage.running.remote.set_hooks, "first", lose=0.5)
        await stage.offer(MESSAGES)
        await stage.settled()
        await all_told(stage)

        async def all_are_read() -> bool:
            account = await stage.running.account()
            return bool(account.confirmed == (await hooks(stage))["counts"]["answered"])

        account = await stage.once(all_are_read, 20)
        assert account.confirmed + account.not_confirmed == account.handed_over == account.delivered == MESSAGES
        assert 0 < account.confirmed < MESSAGES

    run(told(tmp_path, story, "postmark", notifications=True))
