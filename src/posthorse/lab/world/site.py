"""A simulated provider on its own machine, with a mailbox the referee watches.

The provider itself is the lab's, unchanged: the same wires and the same faults as on real sockets.
"""

import asyncio
import random
from collections.abc import Callable, Sequence

from posthorse.lab.faults import FaultSetting
from posthorse.lab.mailbox import ID_HEADER, Mailbox, header_values
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.smtp_provider import smtp_factory
from posthorse.lab.smtp_terms import SmtpTerms
from posthorse.lab.world.door import WorldDoor
from posthorse.lab.world.host import Host
from posthorse.lab.world.network import Network
from posthorse.lab.world.ports import WorldClock
from posthorse.lab.world.referee import Referee

PORT = 25


class WatchedMailbox(Mailbox):
    """Tells the referee of each arrival as it happens, and keeps the bytes."""

    def __init__(self, referee: Referee) -> None:
        super().__init__()
        self._referee = referee
        self.contents: list[tuple[str, bytes]] = []
        """Provider and bytes of each arrival."""

    def deliver(self, *, provider: str, recipients: Sequence[str], content: bytes, at: int) -> None:
        """Put one message into the mailboxes of its recipients."""
        super().deliver(provider=provider, recipients=recipients, content=content, at=at)
        self.contents.append((provider, content))
        message = header_values(content, (ID_HEADER,)).get(ID_HEADER, "")
        self._referee.arrived(provider, message, recipients)


class Site:
    """One provider: a machine, a process that serves, and its faults."""

    def __init__(self, network: Network, name: str, mailbox: WatchedMailbox, latency_s: float) -> None:
        loop = network.loop
        self.host = Host(network, name)
        self._loop = loop
        self.provider = SimulatedProvider(
            name=name,
            mailbox=mailbox,
            now=WorldClock(loop).now,
            dice=random.Random(f"{name}/{loop.seed}"),
            door=WorldDoor(network, name, PORT),
            latency_s=latency_s,
        )

    def start(self) -> None:
        """Serve."""
        self.host.start(lambda: self._serve(smtp_factory(self.provider, SmtpTerms())))

    def fault(self, setting: FaultSetting | None) -> None:
        """Switch the fault (None: none); acts at once."""
        self._loop.trace.note(f"fault {self.provider.name} {setting.fault.value if setting else 'none'}")
        self._setting = self.host.spawn(lambda: self.provider.set_fault(setting))

    async def _serve(self, factory: Callable[[], asyncio.Protocol]) -> None:
        server = await self._loop.create_server(factory, port=PORT)
        await server.serve_forever()
