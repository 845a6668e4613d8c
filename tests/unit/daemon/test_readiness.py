"""Readiness: what keeps mail away, and what is only told because mail waits safely here."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from posthorse.accept.refusal import DISK_LOW, Refused
from posthorse.daemon.readiness import STUCK_AFTER_S, FileInEffect, readiness_of
from posthorse.mail.orders import EJECTED, PAUSED
from posthorse.spool.desk_port import Control
from posthorse.web.health import Check
from tests.unit.dispatch.scripted import refuses, takes
from tests.unit.dispatch.stand import Stand, play

TOP = Path(__file__).resolve().parents[3]


@dataclass
class Door:
    """As much of the SMTP server and its admission as readiness looks at."""

    refusing: Refused | None = None

    @property
    def admission(self) -> "Door":
        return self

    def overloaded(self) -> Refused | None:
        return self.refusing


@dataclass
class Keeper:
    """As much of the housekeeper as readiness looks at."""

    trouble: str = ""

    @property
    def well(self) -> bool:
        return not self.trouble


@dataclass
class House:
    """A running gateway with the rest around it."""

    stand: Stand
    door: Door = field(default_factory=Door)
    keeper: Keeper = field(default_factory=Keeper)
    file: FileInEffect = field(default_factory=FileInEffect)
    worker_trouble: str = ""

    def checks(self) -> dict[str, Check]:
        """Every check now."""
        keeper, door = cast(Any, self.keeper), cast(Any, self.door)
        look = readiness_of(self.stand.gateway, keeper, door, self.file, lambda: self.worker_trouble)
        return {check.name: check for check in look()}

    def failed(self) -> dict[str, bool]:
        """The checks that do not hold, and whether they are required."""
        return {name: check.required for name, check in self.checks().items() if not check.ok}


def test_a_gateway_that_works_fails_nothing() -> None:
    """Every check holds, and none has anything to say."""

    async def story(stand: Stand) -> None:
        await stand.post(count=3)
        await asyncio.sleep(5)
        checks = House(stand).checks()
        assert {check.detail for check in checks.values()} == {""}
        assert all(check.ok for check in checks.values())

    play(story)


def test_a_spool_or_a_door_in_trouble_keeps_mail_away() -> None:
    """Mail that could not be stored, or would be refused, should not come here."""

    async def story(stand: Stand) -> None:
        house = House(stand, Door(refusing=DISK_LOW), Keeper(trouble="disk I/O error"))
        assert house.failed() == {"spool": True, "acceptance": True}
        assert house.checks()["spool"].detail == "disk I/O error"

    play(story)


def test_while_all_providers_are_down_mail_is_still_welcome() -> None:
    """A short outage is not told at all; a long one fails its check, which nobody has to require."""

    async def story(stand: Stand) -> None:
        house = House(stand)
        stand["A"].always = stand["B"].always = refuses()
        await stand.post(count=20)
        await asyncio.sleep(STUCK_AFTER_S / 2)
        assert house.failed() == {}
        await asyncio.sleep(STUCK_AFTER_S)
        assert house.failed() == {"providers": False}
        assert "no provider takes mail: A for " in house.checks()["providers"].detail
        assert "B for " in house.checks()["providers"].detail
        stand["B"].always = takes()
        await asyncio.sleep(STUCK_AFTER_S)
        assert house.failed() == {}

    play(story)


def test_workers_in_trouble_are_told_and_mail_is_still_welcome() -> None:
    """Nobody has to require that check."""

    async def story(stand: Stand) -> None:
        house = House(stand, worker_trouble="no worker could be started: no memory")
        assert house.failed() == {"workers": False}
        assert house.checks()["workers"].detail == "no worker could be started: no memory"

    play(story)


def test_one_provider_that_works_is_enough() -> None:
    """However long another one has been down."""

    async def story(stand: Stand) -> None:
        stand["A"].always = refuses()
        await stand.post(count=20)
        await asyncio.sleep(2 * STUCK_AFTER_S)
        assert House(stand).failed() == {}

    play(story)


@pytest.mark.parametrize(
    ("keys", "detail"),
    [
        ((PAUSED,), "sending is stopped by order"),
        ((EJECTED + "A", EJECTED + "B"), "every provider is ejected by order"),
    ],
)
def test_orders_of_people_are_told(keys: tuple[str, ...], detail: str) -> None:
    """What a person ordered shows to whoever asks why no mail leaves."""

    async def story(stand: Stand) -> None:
        for key in keys:
            await stand.spool.order(Control(key=key, value="drill", by="root", at=0))
        await asyncio.sleep(2)
        assert House(stand).checks()["providers"].detail == detail
        assert House(stand).failed() == {"providers": False}

    play(story)


def test_a_refused_file_is_told_until_a_good_one_is_read() -> None:
    """A bad file must not take gateways away that run on a good one; what waits for a start is told and fine."""

    async def story(stand: Stand) -> None:
        house = House(stand)
        house.file.refuse(["routes[0]: is odd", "limits: is odd, too"], 1_700_000_000_000_000)
        assert house.failed() == {"configuration": False}
        assert house.checks()["configuration"].detail == (
            "refused at 2023-11-14T22:13:20.000Z, the set before it stays in effect: "
            "routes[0]: is odd; limits: is odd, too"
        )
        house.file.refuse(["is odd"] * 7, 0)
        assert house.checks()["configuration"].detail.endswith("is odd; is odd; is odd; and 4 more")
        house.file.took(["listen"])
        assert house.failed() == {}
        assert house.checks()["configuration"].detail == "at the next start: listen"

    play(story)


def test_the_page_explains_every_check() -> None:
    """docs/health.md has a row for each check, with whether it is required."""

    async def story(stand: Stand) -> None:
        page = (TOP / "docs" / "health.md").read_text()
        for name, check in House(stand).checks().items():
            assert f"| `{name}` | {'yes' if check.required else 'no'} |" in page

    play(story)
