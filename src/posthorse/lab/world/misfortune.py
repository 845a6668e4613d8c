"""Misfortunes: how each happening of the weather is brought about, and how it ends."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from posthorse.lab.faults import FaultSetting
from posthorse.lab.world.database import Database, Trouble
from posthorse.lab.world.network import Network
from posthorse.lab.world.node import Node
from posthorse.lab.world.people import People
from posthorse.lab.world.referee import Referee
from posthorse.lab.world.site import Site
from posthorse.lab.world.weather import Happening, Kind

LOOK_S = 0.02
"""How often a misfortune looks for a worse moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that misfortunes happen to."""

    network: Network
    database: Database
    sites: Mapping[str, Site]
    nodes: Mapping[str, Node]
    people: People
    referee: Referee


async def bring(stage: Stage, happening: Happening) -> None:
    """Wait for its time, let it happen, and end it."""
    await asyncio.sleep(happening.at_s)
    stage.network.loop.trace.note(f"happens: {happening}")
    match happening.kind:
        case Kind.FAULT:
            await _fault(stage.sites[happening.who[0]], happening)
        case Kind.CRASH | Kind.VANISH | Kind.PAUSE:
            await _stop(stage.nodes[happening.who[0]], stage.referee, happening)
        case Kind.CUT | Kind.SLOW:
            await _hinder(stage.network, happening)
        case Kind.TROUBLE:
            assert happening.trouble is not None
            stage.database.trouble = happening.trouble
            await asyncio.sleep(happening.for_s)
            stage.database.trouble = Trouble()
        case Kind.SUPPRESS:
            await stage.people.suppress()
        case Kind.CANCEL:
            await stage.people.cancel()
        case Kind.HOLD:
            await stage.people.hold(happening.for_s)
        case Kind.EJECT:
            await stage.people.eject(happening.who[0], happening.for_s)
        case _:
            assert_never(happening.kind)


async def _fault(site: Site, happening: Happening) -> None:
    assert happening.fault is not None
    site.fault(FaultSetting(fault=happening.fault, delay_s=happening.delay_s))
    await asyncio.sleep(happening.for_s)
    site.fault(None)


async def _worst_moment(is_worse: Callable[[], bool], patience_s: float) -> None:
    """Wait a little for a moment that is worse than any other."""
    for _ in range(int(patience_s / LOOK_S)):
        if is_worse():
            return
        await asyncio.sleep(LOOK_S)


async def _stop(node: Node, referee: Referee, happening: Happening) -> None:
    """A node stops while it has mail in hand; one that was paused goes on while another node has that mail."""
    name = node.host.name
    await _worst_moment(lambda: referee.holds_lease(name), 5.0)
    if happening.kind is Kind.PAUSE:
        node.host.pause()
        await asyncio.sleep(happening.for_s)
        await _worst_moment(lambda: referee.is_overtaken(name), 40.0)
        node.host.resume()
    else:
        node.host.crash(vanish=happening.kind is Kind.VANISH)
        await asyncio.sleep(happening.for_s)
    node.start()


async def _hinder(network: Network, happening: Happening) -> None:
    one, other = happening.who
    line = network.line(one, other)
    if happening.kind is Kind.CUT:
        network.cut(one, other)
        await asyncio.sleep(happening.for_s)
        network.heal(one, other)
    else:
        usual_s, line.latency_s = line.latency_s, happening.delay_s
        await asyncio.sleep(happening.for_s)
        line.latency_s = usual_s
