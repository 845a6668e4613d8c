"""The simulated database: what becomes of a transaction, and of the node that asked for it."""

import asyncio

import pytest

from posthorse.lab.world.database import Database, Trouble
from posthorse.lab.world.host import Host
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.network import Network
from posthorse.lab.world.ports import WorldClock
from posthorse.lab.world.referee import Referee
from posthorse.mail.ids import MAIN_TENANT, MessageId
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Selector
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import NewMessage, SpoolUnavailable

NEW = NewMessage(
    id=MessageId(bytes(16)),
    tenant=MAIN_TENANT,
    stream=Stream.STANDARD,
    sender="a@sender.example",
    recipients=("b@mail.example",),
    body=b"x",
    deadline_us=60 * SECOND,
    copies_allowed=2,
)

Told = tuple[str, int, bool, list[str]]
"""What the node was told, how many recipients are stored, whether the node lives, which nodes were killed."""


def story(trouble: Trouble) -> Told:
    """One admission over a line with this trouble."""

    async def main(loop: WorldLoop) -> Told:
        clock, killed = WorldClock(loop), list[str]()
        spool = MemorySpool(clock=clock)
        database = Database(
            loop,
            spool,
            Referee(clock.now, loop.trace),
            eager="",
            killed=lambda host: killed.append(host.name),
        )
        database.trouble = trouble
        host, told = Host(Network(loop), "node"), ["nothing"]

        async def admit() -> None:
            try:
                await database.line_for(host).admit([NEW])
            except SpoolUnavailable:
                told[0] = "nobody knows"
            else:
                told[0] = "stored"

        host.start(admit)
        await asyncio.sleep(1)
        return told[0], len(await spool.select(Selector(), 10)), host.is_up, killed

    return run_world(main, 1)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Trouble(), ("stored", 1, True, [])),
        (Trouble(refused=1.0), ("nobody knows", 0, True, [])),
        (Trouble(unanswered=1.0), ("nobody knows", 1, True, [])),
        (Trouble(killed_before=1.0), ("nothing", 0, False, ["node"])),
        (Trouble(killed_after=1.0), ("nothing", 1, False, ["node"])),
    ],
    ids=["fine", "refused", "unanswered", "killed before", "killed after"],
)
def test_the_fate_of_a_transaction(trouble: Trouble, told: Told) -> None:
    """It commits or not, and the node hears the truth, doubt, or nothing ever again."""
    assert story(trouble) == told


def test_what_a_dead_node_asked_for_still_commits() -> None:
    """A request on its way reaches the database although its sender died meanwhile."""

    async def main(loop: WorldLoop) -> int:
        clock = WorldClock(loop)
        spool = MemorySpool(clock=clock)
        database = Database(loop, spool, Referee(clock.now, loop.trace), eager="", killed=lambda _: None)
        database.latency_s = 1.0
        host = Host(Network(loop), "node")
        host.start(lambda: database.line_for(host).admit([NEW]))
        await asyncio.sleep(0.1)
        host.crash()
        await asyncio.sleep(5)
        return len(await spool.select(Selector(), 10))

    assert run_world(main, 1) == 1
