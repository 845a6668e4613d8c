"""The weather of a world: which misfortunes a seed brings, when, and for how long; then the sky clears.

Everything is drawn before the world begins, so that the plan of a failing seed can be read. Left out: how a misfortune
is brought about (`posthorse.lab.world.play`).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from posthorse.lab.faults import Fault
from posthorse.lab.world.database import Trouble

CALM_AFTER_S = 45.0
"""New misfortunes begin before this time."""

DEADLY = (Fault.REFUSE, Fault.NO_SYN_ACK, Fault.NEVER_READ, Fault.NEVER_ANSWER, Fault.ANSWER_429, Fault.AUTH_REVOKED)
"""Faults of a provider that takes no mail at all."""


class Kind(Enum):
    """What can happen; `who` names whom it happens to."""

    FAULT = "fault"
    """A provider has a fault for a while."""
    CRASH = "crash"
    """A node's process is killed and started again later."""
    VANISH = "vanish"
    """A node's whole machine is gone and comes back later."""
    PAUSE = "pause"
    """A node stands still and goes on, not knowing."""
    CUT = "cut"
    """Two machines cannot reach one another for a while."""
    SLOW = "slow"
    """The line between two machines is slow for a while."""
    TROUBLE = "trouble"
    """The database's answers are lost, or nodes are killed at their commits."""
    SUPPRESS = "suppress"
    """A person puts an address with waiting mail on the list."""
    CANCEL = "cancel"
    """A person cancels a message."""
    HOLD = "hold"
    """A person holds a stream back for a while."""
    EJECT = "eject"
    """A person takes a provider out for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One misfortune, from `at_s` for `for_s` seconds of virtual time."""

    at_s: float
    for_s: float
    kind: Kind
    who: tuple[str, ...] = ()
    fault: Fault | None = None
    delay_s: float = 0.0
    """Of a slow provider or line."""
    trouble: Trouble | None = None

    def __str__(self) -> str:
        parts = [f"{self.at_s:7.2f} s  {self.kind.value}", *self.who]
        if self.fault is not None:
            parts.append(self.fault.value)
        if self.trouble is not None:
            parts.append(str(self.trouble))
        return f"{' '.join(parts)} for {self.for_s:.2f} s"


def forecast(seed: int, nodes: Sequence[str], providers: Sequence[str]) -> list[Happening]:
    """The misfortunes of a seed in order of time.

    Every tenth world stays calm, so that calm is tested too; in every tenth the providers fail in turn.
    """
    dice = random.Random(f"weather/{seed}")
    if seed % 10 == 0:
        return []
    if seed % 10 == 5:
        return _in_turn(dice, providers)
    plan: list[Happening] = []
    plan += _provider_faults(dice, providers)
    plan += _node_trouble(dice, nodes)
    plan += _line_trouble(dice, nodes, providers)
    plan += _database_trouble(dice)
    plan += _people(dice, providers)
    return sorted(plan, key=lambda happening: happening.at_s)


def _begin(dice: random.Random) -> float:
    return round(dice.uniform(0.0, CALM_AFTER_S), 3)


def _spell(dice: random.Random, least_s: float, most_s: float) -> float:
    return round(least_s + (most_s - least_s) * dice.random() ** 2, 3)


def _provider_faults(dice: random.Random, providers: Sequence[str]) -> list[Happening]:
    """None to three faults each; sometimes all providers fail at once."""
    faults = list(Fault)
    plan = [
        Happening(
            at_s=_begin(dice),
            for_s=_spell(dice, 1.0, 60.0),
            kind=Kind.FAULT,
            who=(name,),
            fault=dice.choice(faults),
            delay_s=dice.choice((0.5, 3.0, 9.0, 20.0)),
        )
        for name in providers
        for _ in range(dice.choice((0, 1, 1, 2, 3)))
    ]
    if dice.random() < 0.3:
        at_s, for_s = _begin(dice), _spell(dice, 10.0, 90.0)
        plan += [
            Happening(at_s=at_s, for_s=for_s, kind=Kind.FAULT, who=(name,), fault=dice.choice(faults), delay_s=9.0)
            for name in providers
        ]
    return plan


def _in_turn(dice: random.Random, providers: Sequence[str]) -> list[Happening]:
    """One fails, is well again, and a second later the only other one that was well fails for good.

    In half of these worlds the first one fails for so long that it fails a trial, too: then its pause is a long one.
    """
    first, second = dice.choice(list(combinations(providers, 2)))  # most mail tries them in this order
    others = [name for name in providers if name not in (first, second)]
    ends_s = 2 * CALM_AFTER_S + dice.uniform(10.0, 30.0)
    spells = [(name, 0.0, ends_s) for name in others]
    at_s = dice.uniform(0.5, 3.0)
    for_s = dice.choice((dice.uniform(2.0, 20.0), dice.uniform(36.0, 40.0)))
    spells.append((first, at_s, for_s))
    at_s += for_s + 1.0
    spells.append((second, at_s, ends_s - at_s))
    plan = [
        Happening(at_s=round(at_s, 3), for_s=round(for_s, 3), kind=Kind.FAULT, who=(name,), fault=dice.choice(DEADLY))
        for name, at_s, for_s in spells
    ]
    return sorted(plan, key=lambda happening: happening.at_s)


def _node_trouble(dice: random.Random, nodes: Sequence[str]) -> list[Happening]:
    plan = []
    for name in nodes:
        for _ in range(dice.choice((0, 0, 1, 2))):
            kind = dice.choice((Kind.CRASH, Kind.CRASH, Kind.VANISH, Kind.PAUSE, Kind.PAUSE))
            for_s = round(dice.uniform(1.0, 100.0), 3) if kind is Kind.PAUSE else _spell(dice, 0.5, 30.0)
            plan.append(Happening(at_s=_begin(dice), for_s=for_s, kind=kind, who=(name,)))
    return plan


def _line_trouble(dice: random.Random, nodes: Sequence[str], providers: Sequence[str]) -> list[Happening]:
    machines = (*nodes, *providers, "application")
    pairs = [pair for pair in combinations(machines, 2) if pair[0] in nodes]
    plan = []
    for _ in range(dice.choice((0, 0, 1, 2))):
        kind = dice.choice((Kind.CUT, Kind.SLOW))
        who = dice.choice(pairs)
        delay_s = dice.choice((0.2, 1.0, 4.0))
        plan.append(Happening(at_s=_begin(dice), for_s=_spell(dice, 1.0, 40.0), kind=kind, who=who, delay_s=delay_s))
    return plan


def _database_trouble(dice: random.Random) -> list[Happening]:
    plan = []
    for _ in range(dice.choice((0, 1, 1, 2))):
        worst = dice.choice((0.02, 0.1, 0.4))
        deadly = dice.choice((0.0, 0.01, 0.03))
        trouble = Trouble(
            refused=worst * dice.random(),
            unanswered=worst * dice.random(),
            killed_before=deadly * dice.random(),
            killed_after=deadly * dice.random(),
        )
        plan.append(Happening(at_s=_begin(dice), for_s=_spell(dice, 1.0, 30.0), kind=Kind.TROUBLE, trouble=trouble))
    return plan


def _people(dice: random.Random, providers: Sequence[str]) -> list[Happening]:
    kinds = (Kind.SUPPRESS, Kind.SUPPRESS, Kind.CANCEL)
    plan = [Happening(at_s=_begin(dice), for_s=0.0, kind=dice.choice(kinds)) for _ in range(dice.choice((0, 2, 4, 8)))]
    if dice.random() < 0.2:
        plan.append(Happening(at_s=_begin(dice), for_s=_spell(dice, 1.0, 30.0), kind=Kind.HOLD))
    if dice.random() < 0.2:
        who = (dice.choice(list(providers)),)
        plan.append(Happening(at_s=_begin(dice), for_s=_spell(dice, 1.0, 30.0), kind=Kind.EJECT, who=who))
    return plan
