"""The demo: thirty seconds in which the first provider becomes a black hole, refuses, and returns, under steady load.

Duty: play it with real processes, keep a picture of each half second, and end with the ledger. Promise: the load is a
real SMTP client, the ledger counts receipts kept outside the gateway, and nothing is tuned: the gateway runs with its
defaults. Left out: drawing (`posthorse.cli.demo`).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthorse.control import replies
from posthorse.control.node import NotDone
from posthorse.control.requests import Overview, Providers, Restore
from posthorse.lab.faults import SHEETS, Fault
from posthorse.lab.ledger import FaultMark, Ledger
from posthorse.lab.load import Load, with_rate_over
from posthorse.lab.load_mail import LoadReport
from posthorse.lab.rehearsal import Rehearsal, Script, rehearsal

PICTURE_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """At this second of the play, something happens to the first provider."""

    at_s: float
    fault: Fault | None
    """What it has from now on; None: it is well."""
    words: str
    restored: bool = False
    """A person tells the gateway that it is well again (`posthorse providers restore`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is played."""

    messages: int = 2_000
    offer_s: float = 25.0
    """The messages are offered evenly over so many seconds."""
    end_s: float = 30.0
    """The picture is taken until here, and the ledger drawn up."""
    acts: tuple[Act, ...] = (
        Act(at_s=5.0, fault=Fault.NO_SYN_ACK, words="becomes a black hole"),
        Act(at_s=11.0, fault=Fault.REFUSE, words="refuses connections"),
        Act(at_s=16.0, fault=None, words="returns; left alone, it is tried again half a minute after it was ejected"),
        Act(at_s=19.0, fault=None, words="is restored by a person (posthorse providers restore)", restored=True),
    )
    script: Script = field(default_factory=Script)

    @property
    def first(self) -> str:
        """The provider that falls ill."""
        return self.script.providers[0][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPicture:
    """One provider at one moment."""

    name: str
    fault: str
    """What the lab does with it."""
    standing: str
    """What the gateway makes of it."""
    why: str
    in_use: int
    arrived: int
    per_s: float
    """Arrivals a second since the last picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything at one moment of the play."""

    at_s: float
    act: str
    """What happened last, in words."""
    offered: int
    accepted: int
    arrived: int
    providers: tuple[ProviderPicture, ...]
    oldest_s: dict[str, float]
    """By stream, how long the oldest due recipient has waited; streams in which nobody waits are left out."""
    in_doubt: int
    queued: int
    under_way: int
    """Leased or released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the play ended."""

    account: Ledger
    load: LoadReport

    @property
    def is_good(self) -> bool:
        """Everything offered was accepted, nothing was lost, no `once` or `bulk` message came twice."""
        return self.account.is_clean and self.account.accepted == self.load.offered


async def play(folder: Path, piece: Play, show: Callable[[Picture], None]) -> Ending:
    """Play it in this folder; `show` gets a picture every half second."""
    async with rehearsal(folder, piece.script) as stage:
        director = _Director(stage, piece)
        plan = with_rate_over(stage.load_plan(messages=piece.messages, run="demo"), piece.offer_s)
        load = Load(plan)
        loading = asyncio.create_task(load.run())
        directing = asyncio.create_task(director.direct())
        try:
            while director.second() < piece.end_s:
                show(await director.picture(load.report))
                await asyncio.sleep(PICTURE_EVERY_S)
            report = await loading
            await directing
        finally:
            loading.cancel()
            directing.cancel()
        show(await director.picture(report))
        return Ending(account=await stage.account(director.mark), load=report)


class _Director:
    """Gives the faults at their time and looks at everything."""

    def __init__(self, stage: Rehearsal, piece: Play) -> None:
        self._stage = stage
        self._piece = piece
        self._begun = asyncio.get_running_loop().time()
        self._act = "all is well"
        self._arrived: dict[str, int] = {}
        self._last_at = 0.0
        self.mark: FaultMark | None = None
        """The first fault; failover is measured from here."""

    def second(self) -> float:
        """Seconds since the play began."""
        return asyncio.get_running_loop().time() - self._begun

    async def direct(self) -> None:
        """Give each fault at its time."""
        first = self._piece.first
        for act in self._piece.acts:
            await asyncio.sleep(act.at_s - self.second())
            await asyncio.to_thread(self._stage.remote.set_fault, first, act.fault)
            if act.restored:
                await self._ask_gateway(Restore(provider=first))
            self._act = f"{first} {act.words}" + (f" ({_wire_words(self._piece, act.fault)})" if act.fault else "")
            if self.mark is None and act.fault is not None:
                self.mark = FaultMark(provider=first, at=time.time_ns() // 1_000)

    async def picture(self, report: LoadReport) -> Picture:
        """Ask the lab and the gateway."""
        rows = await asyncio.to_thread(self._stage.remote.providers)
        by_provider = (await asyncio.to_thread(self._stage.remote.mailbox))["by_provider"]
        standings = {one.name: one for one in (await self._ask_gateway(Providers())).providers}
        overview = await self._ask_gateway(Overview())
        now, before = self.second(), self._arrived
        span = max(0.001, now - self._last_at)
        providers = tuple(
            ProviderPicture(
                name=row["name"],
                fault=row["fault"],
                standing=standings[row["name"]].standing,
                why=standings[row["name"]].why,
                in_use=standings[row["name"]].in_use,
                arrived=by_provider.get(row["name"], 0),
                per_s=(by_provider.get(row["name"], 0) - before.get(row["name"], 0)) / span,
            )
            for row in rows
        )
        self._arrived, self._last_at = by_provider, now
        return Picture(
            at_s=now,
            act=self._act,
            offered=report.offered,
            accepted=report.accepted,
            arrived=sum(by_provider.values()),
            providers=providers,
            oldest_s={one.stream: one.waiting_s for one in overview.oldest},
            in_doubt=_in_state(overview, "in_doubt"),
            queued=_in_state(overview, "queued"),
            under_way=_in_state(overview, "leased", "released"),
        )

    async def _ask_gateway(self, request: Any) -> Any:
        try:
            return await self._stage.ask(request)
        except NotDone as error:
            raise RuntimeError(f"the gateway did not answer: {error}") from error


def _in_state(overview: replies.Overview, *states: str) -> int:
    return sum(one.recipients for one in overview.waiting if one.state in states)


def _wire_words(piece: Play, fault: Fault) -> str:
    """What the fault is on the first provider's wire."""
    sheet = SHEETS[fault]
    return sheet.ses if piece.script.providers[0][1] == "ses" else sheet.smtp
