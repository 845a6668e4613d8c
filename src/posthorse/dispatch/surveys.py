"""Surveys: whether a provider that cannot carry everything whole can carry this group, asked before it is tried.

A structured provider takes apart what it is given, so it must look into the message first; that happens elsewhere and
takes a while. The group stays in hand meanwhile, counts as room of its way, and is planned anew when the answer is
there. Answers are remembered, within a bound: they do not change.

Left out: the looking (the provider), what to do with the answer (plan).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from posthorse.dispatch.ports import Journal
from posthorse.dispatch.way import Way
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.mail.ports import Clock
from posthorse.mail.standing import Standing, StandingState
from posthorse.providers.port import HandoverGroup, NotNow, Obstacle, Surveying
from posthorse.spool.port import LeasedGroup

LONGEST_S = 30.0
"""A survey that takes longer has no answer now."""
AGAIN_S, AGAIN_CAP_S = 5.0, 320.0
"""When to ask again where there was no answer, the first time and at last; it doubles. However often, it never becomes
an answer: it spoke of us."""
MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a survey said of one group and one provider."""

    obstacle: Obstacle | None = None
    """Why it cannot be carried there; None: it can."""
    standing: Standing | None = None
    """It could not be asked just now, so for this group the provider is closed for a moment; None: there was one."""
    until_s: float = 0.0
    """Of such a moment: its end by the monotonic clock."""
    again_s: float = AGAIN_S
    """Of such a moment: how long the next one lasts."""


CARRIES = Finding()
NOTHING_FOUND: Mapping[ProviderName, Finding] = MappingProxyType({})
Key = tuple[MessageId, tuple[int, ...]]


class Surveys:
    """One per node."""

    def __init__(self, clock: Clock, journal: Journal, answered: Callable[[Way, LeasedGroup], None]) -> None:
        """`answered` is given the group back when its survey ended."""
        self._clock = clock
        self._journal = journal
        self._answered = answered
        self._kept: OrderedDict[Key, dict[ProviderName, Finding]] = OrderedDict()
        self._running: dict[asyncio.Task[None], tuple[Way, LeasedGroup]] = {}

    def found(self, group: LeasedGroup) -> Mapping[ProviderName, Finding]:
        """What is known of this group, by provider."""
        if not self._kept:
            return NOTHING_FOUND
        known = self._kept.get(_key(group))
        if known is None:
            return NOTHING_FOUND
        now_s = self._clock.monotonic()
        return {name: finding for name, finding in known.items() if finding.standing is None or finding.until_s > now_s}

    def is_due(self, way: Way, group: LeasedGroup) -> bool:
        """Whether the provider must be asked about this group before it is sent there."""
        return way.surveyor is not None and self.found(group).get(way.name) != CARRIES

    def ask(self, way: Way, group: LeasedGroup) -> None:
        """Begin a survey; returns at once."""
        if way.surveyor is None:
            raise ValueError(f"{way.name} carries everything whole")
        way.surveying += 1
        task = asyncio.get_running_loop().create_task(self._survey(way, way.surveyor, group))
        self._running[task] = (way, group)

    def stop(self) -> list[tuple[Way, LeasedGroup]]:
        """End every survey; the groups are the caller's again."""
        left = list(self._running.values())
        for task in self._running:
            task.cancel()
        self._running.clear()
        for way, _ in left:
            way.surveying -= 1
        return left

    async def _survey(self, way: Way, surveyor: Surveying, group: LeasedGroup) -> None:
        finding = await self._asked(way, surveyor, group)
        task = asyncio.current_task()
        if task is None or self._running.pop(task, None) is None:
            return  # stopped
        way.surveying -= 1
        self._keep(_key(group), way.name, finding)
        self._answered(way, group)

    async def _asked(self, way: Way, surveyor: Surveying, group: LeasedGroup) -> Finding:
        handover = HandoverGroup(
            message=group.message,
            body=group.body,
            recipients=tuple([(r.n, r.address) for r in group.recipients]),
            limits=way.limits,
        )
        try:
            async with asyncio.timeout(LONGEST_S):
                obstacle = await surveyor.survey(handover)
                return CARRIES if obstacle is None else Finding(obstacle=obstacle)
        except NotNow as failed:
            return self._closed(way, group, str(failed))
        except TimeoutError:
            return self._closed(way, group, f"no answer within {LONGEST_S:g} s")
        except Exception as error:
            self._journal.bug(f"survey at {way.name}", error)
            return self._closed(way, group, f"bug: {type(error).__name__}")

    def _closed(self, way: Way, group: LeasedGroup, why: str) -> Finding:
        self._journal.not_surveyed(way.name, why)
        before = self._kept.get(_key(group), NOTHING_FOUND).get(way.name)
        pause_s = AGAIN_S if before is None else before.again_s
        standing = Standing(
            state=StandingState.EJECTED, share=0.0, why=f"cannot look into the message now: {why}", pause_s=pause_s
        )
        until_s = self._clock.monotonic() + pause_s
        return Finding(standing=standing, until_s=until_s, again_s=min(AGAIN_CAP_S, 2 * pause_s))

    def _keep(self, key: Key, name: ProviderName, finding: Finding) -> None:
        self._kept.setdefault(key, {})[name] = finding
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _key(group: LeasedGroup) -> Key:
    return group.message.id, tuple([recipient.n for recipient in group.recipients])
