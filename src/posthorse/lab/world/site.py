"""A simulated provider on its own machine, with a mailbox the referee watches.

The provider itself is the lab's, unchanged: the same wires and the same faults as on real sockets.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from enum import Enum

from posthorse.lab.faults import FaultSetting
from posthorse.lab.mailbox import ID_HEADER, Mailbox, header_values
from posthorse.lab.ses_provider import SesTerms, ses_factory
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.smtp_provider import smtp_factory
from posthorse.lab.smtp_terms import SmtpTerms
from posthorse.lab.world.door import WorldDoor
from posthorse.lab.world.host import Host
from posthorse.lab.world.network import Network
from posthorse.lab.world.ports import WorldClock
from posthorse.lab.world.referee import Referee

PORT = 25
MESSAGE_ID = b"message-id"

SES_KEY, SES_SECRET, SES_REGION = "AKIAWORLD00000000001", "simulated", "us-east-1"


class Wire(Enum):
    """How a provider is spoken to."""

    SMTP = "smtp"
    SES = "ses"


class WatchedMailbox(Mailbox):
    """Tells the referee of each arrival as it happens."""

    def __init__(self, referee: Referee) -> None:
        super().__init__()
        self._referee = referee
        self.told: Callable[[str, str, Sequence[str], str], None] = lambda provider, message, recipients, local: None
        """Called after each arrival: provider, message id in hexadecimal, recipients, and what its Message-ID begins
        with, which is SES's own id.
        """

    def deliver(self, *, provider: str, recipients: Sequence[str], content: bytes, at: int) -> None:
        """Put one message into the mailboxes of its recipients."""
        super().deliver(provider=provider, recipients=recipients, content=content, at=at)
        headers = header_values(content, (ID_HEADER, MESSAGE_ID))
        message = headers.get(ID_HEADER, "")
        self._referee.arrived(provider, message, recipients)
        self.told(provider, message, recipients, headers.get(MESSAGE_ID, "").strip("<>").partition("@")[0])


class Site:
    """One provider: a machine, a process that serves, and its faults."""

    def __init__(self, network: Network, name: str, wire: Wire, mailbox: WatchedMailbox, latency_s: float) -> None:
        loop = network.loop
        self.wire = wire
        self.well_since_s: float | None = 0.0
        """In virtual time; None: it has a fault."""
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
        self.host.start(self._serve)

    def fault(self, setting: FaultSetting | None) -> None:
        """Switch the fault (None: none); acts at once."""
        self.well_since_s = self._loop.time() if setting is None else None
        self._loop.trace.note(f"fault {self.provider.name} {setting.fault.value if setting else 'none'}")
        self._setting = self.host.spawn(lambda: self.provider.set_fault(setting))

    async def _serve(self) -> None:
        server = await self._loop.create_server(self._factory(), port=PORT)
        await server.serve_forever()

    def _factory(self) -> Callable[[], asyncio.Protocol]:
        match self.wire:
            case Wire.SMTP:
                return smtp_factory(self.provider, SmtpTerms())
            case Wire.SES:
                return ses_factory(self.provider, SesTerms(keys={SES_KEY: SES_SECRET}, region=SES_REGION))
