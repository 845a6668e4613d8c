"""What a simulated provider tells of its mail, and how it travels to a node."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from posthorse.lab.world.host import Host
from posthorse.lab.world.informant import FORGED, LOST, TWICE, Informant, Mark
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.network import Network
from posthorse.lab.world.ports import WorldClock
from posthorse.lab.world.tidings import TidingsReader, line_of, serve_tidings
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId, ProviderName
from posthorse.providers.notices import Unreadable
from posthorse.spool.memory import MemorySpool

ID = MessageId(b"m" * 16)
RELAY = ProviderName("relay")
TOLD_BY_S = 1_000.0
"""Virtual seconds after which a provider has told everything or given it up."""
EVENT = Event(provider=RELAY, key="k", kind=EventKind.OPENED, at=7, recipient="ann@example.com", message_id=ID)


def test_a_notification_is_read_as_it_was_told() -> None:
    """Events come back whole; what is none is unreadable, not a crash."""
    reader = TidingsReader(RELAY)
    assert list(reader.read(line_of(RELAY, 1, [EVENT, EVENT]), {})) == [EVENT, EVENT]
    with pytest.raises(Unreadable):
        reader.read(b'{"provider": 7}', {})


class Town:
    """A provider's machine and one node that keeps what it is told."""

    def __init__(self, loop: WorldLoop) -> None:
        self.network = Network(loop)
        self.clock = WorldClock(loop)
        self.spool = MemorySpool(clock=self.clock)
        self.node, self.site = Host(self.network, "node"), Host(self.network, "site")
        self.arrived = 0
        self.taken: list[Event] = []
        self.forged: list[str] = []

    def start_node(self) -> None:
        """Listen."""

        async def serve() -> None:
            await serve_tidings(self.spool.inbox, self._count)
            await asyncio.Event().wait()

        self.node.start(serve)

    def informant(self, seed: int) -> Informant:
        """A provider that tells this node."""
        self.site.start(asyncio.Event().wait)
        return Informant(
            provider=RELAY,
            nodes=("node",),
            dice=random.Random(seed),
            now=self.clock.now,
            spawn=self.site.spawn,
            marks=lambda: [Mark(message_id=ID, recipient="ann@example.com")],
            taken=self._took,
            forged=lambda provider, key: self.forged.append(key),
        )

    def _count(self) -> None:
        self.arrived += 1

    def _took(self, provider: ProviderName, events: Sequence[Event]) -> None:
        assert provider == RELAY
        self.taken += events


def in_a_world(main: Callable[[Town], Coroutine[Any, Any, None]]) -> Town:
    """Run something in a town of its own."""
    towns: list[Town] = []

    async def within(loop: WorldLoop) -> None:
        towns.append(Town(loop))
        await main(towns[0])

    run_world(within, 1)
    return towns[0]


def test_mail_is_told_of_late_twice_never_and_with_forged_ones() -> None:
    """Of many arrivals every share of misfortune shows, and what a node keeps is durable and said to be."""

    async def main(town: Town) -> None:
        town.start_node()
        informant = town.informant(7)
        for number in range(100):
            informant.arrived(number.to_bytes(16, "big").hex(), ["ann@example.com", "bob@example.com"])
        await asyncio.sleep(TOLD_BY_S)
        assert not informant.busy

    town = in_a_world(main)
    genuine = [event for event in town.taken if event.key not in town.forged]
    assert len(genuine) > len({event.key for event in genuine}) > 200
    assert 0.3 * FORGED * 100 < len(town.forged) / 2 < 3 * FORGED * 100
    assert {event.at for event in genuine} > {0}
    assert any(event.recipient.isupper() for event in genuine)
    assert LOST < TWICE
    kept = asyncio.run(town.spool.inbox.undigested(1000))
    assert town.arrived == len(kept)


def test_a_node_that_is_away_is_tried_again() -> None:
    """Nobody listens at first; some time later it is told after all."""

    async def main(town: Town) -> None:
        informant = town.informant(3)
        informant.arrived(ID.hex(), ["ann@example.com"] * 8)
        town.node.start(asyncio.Event().wait)
        await asyncio.sleep(1)
        town.node.crash()
        town.start_node()
        await asyncio.sleep(TOLD_BY_S)
        assert not informant.busy

    assert in_a_world(main).taken


def test_a_node_that_never_comes_is_given_up() -> None:
    """It is told nothing, and the provider does not try for ever."""

    async def main(town: Town) -> None:
        informant = town.informant(3)
        informant.arrived(ID.hex(), ["ann@example.com"])
        await asyncio.sleep(TOLD_BY_S)
        assert not informant.busy

    assert in_a_world(main).taken == []
