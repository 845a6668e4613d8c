"""Patience: while one provider is well, no mail is left waiting (I10).

Looks only at worlds whose misfortunes are faults of providers: a node that is down, a line that is cut, a database in
trouble or a person's order may keep mail waiting for reasons of its own. Mail in doubt waits by the rule of its stream;
its time begins when it is not in doubt any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from posthorse.lab.world.referee import Key, Referee
from posthorse.lab.world.site import Site
from posthorse.lab.world.weather import Happening, Kind
from posthorse.mail.carriage import Carriage
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import RecipientView

LOOK_S = 0.5
LEFT_S = 30.0
"""Longest time that mail may wait: each of two others may hold it, or the slot it waits for, as long as an answer may
take (10 s), and then come two probes.
"""
_WAITING = frozenset({Carriage.QUEUED, Carriage.LEASED})


def applies(weather: Sequence[Happening]) -> bool:
    """Whether providers fail, and nothing else does."""
    return bool(weather) and all(happening.kind is Kind.FAULT for happening in weather)


class Patience:
    """Of one world; `now`: the database's clock, microseconds UTC."""

    def __init__(self, referee: Referee, sites: Sequence[Site], now: Callable[[], int]) -> None:
        self._referee = referee
        self._sites = sites
        self._now = now
        self._since: dict[Key, int] = {}

    async def watch(self, views: Callable[[], Awaitable[Sequence[RecipientView]]]) -> None:
        """Look again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            self.look(await views(), loop.time())

    def look(self, views: Iterable[RecipientView], now_s: float) -> None:
        """Accuse for what waits too long; `now_s`: time of the loop, as the sites know it."""
        now = self._now()
        well = [site.provider.name for site in self._sites if _is_well(site, now_s)]
        for view in views:
            key = (view.message.id, view.n)
            if view.copies_released or view.carriage not in _WAITING:
                self._since[key] = now
                continue
            waits_s = (now - self._since.setdefault(key, view.message.accepted_at)) / SECOND
            if well and waits_s > LEFT_S:
                what = f"{view.message.id.hex()}/{view.n} ({view.message.stream.value}) waits for {waits_s:.1f} s"
                tried = ", ".join(view.tried) or "nobody"
                self._referee.accuse("I10", f"{what} while {well[0]} is well, tried: {tried}")


def _is_well(site: Site, now_s: float) -> bool:
    """It was well for as long as mail may wait."""
    return site.well_since_s is not None and now_s - site.well_since_s > LEFT_S
