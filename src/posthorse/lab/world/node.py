"""A simulated node: the gateway as the daemon runs it, on virtual ports, started again after every kill.

Nothing of a node outlives its process but what the database holds; clocks of two nodes differ.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from posthorse.dispatch.route import Route
from posthorse.feedback.digesting import Digesting
from posthorse.feedback.outbox import Outbox
from posthorse.feedback.webhook_messenger import OutboxPorts
from posthorse.gateway import Gateway, Outlet, Parts
from posthorse.lab.world.client import SUBMISSION_PORT
from posthorse.lab.world.customer import Customer, WayToCustomer
from posthorse.lab.world.database import Database
from posthorse.lab.world.front import Front
from posthorse.lab.world.host import Host
from posthorse.lab.world.journal import WorldJournal
from posthorse.lab.world.network import Network
from posthorse.lab.world.ports import WorldClock, WorldDialer, WorldIds, WorldOffload, WorldRng
from posthorse.lab.world.referee import Referee
from posthorse.lab.world.site import PORT, SES_KEY, SES_REGION, SES_SECRET, Wire
from posthorse.lab.world.telling import TELL_EVERY_S
from posthorse.lab.world.tidings import TidingsReader, serve_tidings
from posthorse.mail.ids import NodeId, ProviderName
from posthorse.mail.ports import TlsMode
from posthorse.mail.standing import StandingState
from posthorse.mail.stream import Stream
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.port import Provider
from posthorse.providers.ses import SesProvider
from posthorse.providers.smtp import SmtpProvider
from posthorse.spool.port import SpoolUnavailable

SLOTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all nodes share."""

    network: Network
    database: Database
    referee: Referee
    providers: Mapping[str, Wire]
    front: Front
    customers: Sequence[Customer]
    """Who is told."""
    tellers: Sequence[str]
    """The nodes that tell them."""
    alter: Callable[[Gateway], None]
    """Takes a safeguard out of a node, or nothing."""


class Node:
    """One machine that runs a gateway."""

    def __init__(self, setting: Setting, name: str, skew_us: int) -> None:
        self._setting = setting
        self.host = Host(setting.network, name)
        self._skew_us = skew_us
        self.gateway: Gateway | None = None

    def start(self) -> None:
        """Start the process, unless it runs."""
        if not self.host.is_up:
            self.host.start(self._run)

    def only_tell(self, every_s: float) -> None:
        """Kill the process, and start one that does nothing but tell customers, looking every so many seconds."""
        self.host.crash()

        async def tell() -> None:
            await self._start_telling(WorldClock(self._setting.network.loop, skew_us=self._skew_us), every_s)

        self.host.start(tell)

    async def _run(self) -> None:
        loop, setting = self._setting.network.loop, self._setting
        life = self.host.life
        assert life is not None
        name = f"{self.host.name}#{life.number}"
        clock = WorldClock(loop, skew_us=self._skew_us)
        rng, ids = WorldRng(loop.seed, name), WorldIds(clock, loop.seed, name)
        gateway = Gateway(self._parts(clock, rng, ids))
        setting.alter(gateway)
        self.gateway = gateway
        await self._start_sending(gateway)
        await self._start_hearing(clock)
        if self.host.name in setting.tellers:
            await self._start_telling(clock, TELL_EVERY_S)
        server = await loop.create_server(setting.front(self.host.name, gateway, clock, ids), port=SUBMISSION_PORT)
        await server.serve_forever()

    async def _start_sending(self, gateway: Gateway) -> None:
        """Until the database lets it; a supervisor would start the process again."""
        while True:
            try:
                return await gateway.start()
            except SpoolUnavailable:
                await asyncio.sleep(1.0)

    async def _start_hearing(self, clock: WorldClock) -> None:
        """Take in what providers tell, and digest it, with a line to the database of its own."""
        journal = WorldJournal(self.host.name, self._setting.network.loop.trace, self._setting.referee, self._states)
        inbox = self._setting.database.line_for(self.host).inbox
        readers = {ProviderName(name): TidingsReader(ProviderName(name)) for name in self._setting.providers}
        digesting = Digesting(spool=inbox, readers=readers, clock=clock, offload=WorldOffload(), observer=journal)
        self._digesting = self.host.spawn(digesting.run)
        await serve_tidings(inbox, digesting.wake)

    async def _start_telling(self, clock: WorldClock, every_s: float) -> None:
        """Tell customers, with a line to the database of its own."""
        setting, loop = self._setting, self._setting.network.loop
        ways = {customer.name: WayToCustomer(loop, customer) for customer in setting.customers}
        self._outbox = Outbox(
            OutboxPorts(
                spool=setting.database.line_for(self.host).outbox,
                exchange_for=lambda endpoint: ways[endpoint.name],
                clock=WorldClock(loop),
                world_clock=clock,
                rng=WorldRng(loop.seed, f"{self.host.name} telling"),
                journal=WorldJournal(self.host.name, loop.trace, setting.referee, self._states),
                look_every_s=every_s,
            )
        )
        await self._outbox.follow([customer.endpoint for customer in setting.customers])

    def _parts(self, clock: WorldClock, rng: WorldRng, ids: WorldIds) -> Parts:
        setting, name = self._setting, self.host.name
        return Parts(
            node=NodeId(name),
            spool=setting.database.line_for(self.host),
            clock=clock,
            rng=rng,
            ids=ids,
            journal=WorldJournal(name, setting.network.loop.trace, setting.referee, self._states),
            outlets=[
                Outlet(provider=self._provider(name, wire, clock), slots=SLOTS)
                for name, wire in setting.providers.items()
            ],
            routes=self._routes(),
        )

    def _provider(self, name: str, wire: Wire, clock: WorldClock) -> Provider:
        dialer = WorldDialer(self._setting.network)
        match wire:
            case Wire.SMTP:
                return SmtpProvider(
                    name=ProviderName(name),
                    host=name,
                    port=PORT,
                    tls=TlsMode.NONE,
                    dialer=dialer,
                    helo=f"{self.host.name}.example",
                )
            case Wire.SES:
                return SesProvider(
                    name=ProviderName(name),
                    region=SES_REGION,
                    access_key_id=SES_KEY,
                    secret_access_key=SES_SECRET,
                    exchange=PooledHttpExchange(dialer=dialer),
                    clock=clock,
                    endpoint=f"http://{name}:{PORT}",
                )

    def _routes(self) -> tuple[Route, ...]:
        """Urgent mail prefers another provider than the rest, so that several are in use."""
        names = tuple(ProviderName(name) for name in self._setting.providers)
        return (Route(providers=(*names[1:], names[0]), stream=Stream.URGENT), Route(providers=names))

    def _states(self) -> list[StandingState]:
        assert self.gateway is not None
        return [picture.state for picture in self.gateway.watcher.picture().values()]
