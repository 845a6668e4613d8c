"""The demo: thirty seconds in which the first provider becomes a black hole, refuses, and returns, under steady load.

Duty: play it with real processes, keep a picture of each half second, and end with the ledger. Promise: the load comes
by a real SMTP client and, a quarter of it, by the SES API; the ledger counts receipts kept outside the gateway and puts
what providers told beside what the mailbox saw; nobody helps the gateway, and it runs with its defaults, save that it
waits and ramps for a shorter time (`RECOVERY`), or its recovery would outlast the demo. Left out: drawing
(`posthorse.cli.demo`).
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from posthorse.control import replies
from posthorse.control.node import NotDone
from posthorse.control.requests import Overview, Providers
from posthorse.lab.faults import Fault, Wire
from posthorse.lab.ledger import FaultMark, Ledger
from posthorse.lab.load import Load, with_rate_over
from posthorse.lab.load_mail import LoadReport
from posthorse.lab.load_ses import client_words, has_boto3
from posthorse.lab.refusals import wire_words
from posthorse.lab.rehearsal import Rehearsal, Script, rehearsal

PICTURE_EVERY_S = 0.5
RECOVERY = '[dispatch]\neject_for = "3500ms"\nramp_over = "4500ms"\n'
"""A trial while the provider still refuses, which fails; another when it is back; then the ramp, all before the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """At this second of the play, something happens to the first provider."""

    at_s: float
    fault: Fault | None
    """What it has from now on; None: it is well."""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is played."""

    messages: int = 2_000
    offer_s: float = 25.0
    """The messages are offered evenly over so many seconds."""
    end_s: float = 30.0
    """The picture is taken until here, and the ledger drawn up."""
    acts: tuple[Act, ...] = (
        Act(at_s=3.0, fault=Fault.NO_SYN_ACK, words="becomes a black hole"),
        Act(at_s=7.0, fault=Fault.REFUSE, words="refuses connections"),
        Act(at_s=12.0, fault=None, words="returns, and nobody tells the gateway"),
    )
    script: Script = field(
        default_factory=lambda: Script(
            providers=(("first", "ses"), ("second", "sendgrid"), ("third", "smtp")),
            more_config=RECOVERY,
            notifications=True,
        )
    )
    api_every: int = 4
    """Each message of so many goes by the SES API."""
    told_within_s: float = 10.0
    """After the end, how long to wait for what providers have yet to tell."""

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
class Happening:
    """Something that happened in the play: an act, or what the gateway made of a provider."""

    at_s: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything at one moment of the play."""

    at_s: float
    happened: tuple[Happening, ...]
    """Everything so far, oldest first."""
    offered: int
    accepted: int
    arrived: int
    confirmed: int
    """Told of by a provider: the receiving server said yes."""
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
    api_client: str
    """Who offered mail by the SES API."""

    @property
    def is_good(self) -> bool:
        """Everything offered was accepted, nothing was lost, no `once` or `bulk` message came twice."""
        return self.account.is_clean and self.account.accepted == self.load.offered


async def play(folder: Path, piece: Play, show: Callable[[Picture], None]) -> Ending:
    """Play it in this folder; `show` gets a picture every half second."""
    async with rehearsal(folder, piece.script) as stage:
        director = _Director(stage, piece)
        api = stage.api_plan(with_boto3=has_boto3(), every=piece.api_every)
        words = client_words(api)
        plan = with_rate_over(stage.load_plan(messages=piece.messages, run="demo", api=api), piece.offer_s)
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
        account = await _told(stage, director.mark, piece.told_within_s)
        return Ending(account=account, load=report, api_client=words)


async def _told(stage: Rehearsal, mark: FaultMark | None, within_s: float) -> Ledger:
    """The ledger, once the providers have told of everything that arrived, or after so many seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    account = await stage.account(mark)
    while account.not_confirmed and loop.time() < until:
        await asyncio.sleep(PICTURE_EVERY_S)
        account = await stage.account(mark)
    return account


class _Director:
    """Gives the faults at their time and looks at everything."""

    def __init__(self, stage: Rehearsal, piece: Play) -> None:
        self._stage = stage
        self._piece = piece
        self._begun = asyncio.get_running_loop().time()
        self._begun_at_s = time.time()
        self._happened: list[Happening] = []
        self._lines_read = self._confirmed = 0
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
            wire = f" ({_wire_words(self._piece, act.fault)})" if act.fault else ""
            self._happened.append(Happening(at_s=self.second(), words=f"{first} {act.words}{wire}"))
            if self.mark is None and act.fault is not None:
                self.mark = FaultMark(provider=first, at=time.time_ns() // 1_000)

    async def picture(self, report: LoadReport) -> Picture:
        """Ask the lab and the gateway."""
        rows = await asyncio.to_thread(self._stage.remote.providers)
        by_provider = (await asyncio.to_thread(self._stage.remote.mailbox))["by_provider"]
        standings = {one.name: one for one in (await self._ask_gateway(Providers())).providers}
        overview = await self._ask_gateway(Overview())
        self._read_log()
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
            happened=tuple(self._happened),
            offered=report.offered,
            accepted=report.accepted,
            arrived=sum(by_provider.values()),
            confirmed=self._confirmed,
            providers=providers,
            oldest_s={one.stream: one.waiting_s for one in overview.oldest},
            in_doubt=_in_state(overview, "in_doubt"),
            queued=_in_state(overview, "queued"),
            under_way=_in_state(overview, "leased", "released"),
        )

    def _read_log(self) -> None:
        """What the gateway logged of its providers since the last picture: a trial is over before anybody could ask."""
        assert self._stage.gateway is not None
        lines = self._stage.gateway.lines
        for line in lines[self._lines_read :]:
            self._confirmed += '"event":"learnt"' in line and '"kind":"delivered"' in line
            if '"event":"standing"' in line:
                told = json.loads(line)
                at_s = datetime.fromisoformat(told["at"]).timestamp() - self._begun_at_s
                words = f"{told['provider']} is {told['standing'].replace('_', ' ')}: {told.get('why', '')}"
                self._happened.append(Happening(at_s=at_s, words=words))
        self._lines_read = len(lines)
        self._happened.sort(key=lambda happening: happening.at_s)

    async def _ask_gateway(self, request: Any) -> Any:
        try:
            return await self._stage.ask(request)
        except NotDone as error:
            raise RuntimeError(f"the gateway did not answer: {error}") from error


def _in_state(overview: replies.Overview, *states: str) -> int:
    return sum(one.recipients for one in overview.waiting if one.state in states)


def _wire_words(piece: Play, fault: Fault) -> str:
    """What the fault is on the first provider's wire."""
    return wire_words(fault, Wire(piece.script.providers[0][1]))
