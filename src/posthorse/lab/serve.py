"""A running lab: its simulated providers, what they tell, the mailbox and the control over HTTP, in one process.

Duty: build what the roster names on real sockets, announce the addresses, and stop cleanly on SIGINT or SIGTERM.
Promise: when `open` returns, every address in `describe` takes connections. Left out: what a provider does with them.
"""

import asyncio
import random
import signal
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posthorse.lab.certificate import Certificate, make_certificate
from posthorse.lab.control import ControlPeer
from posthorse.lab.door import SocketDoor
from posthorse.lab.fates import LabFate
from posthorse.lab.hooks import HookSender, HookSetting
from posthorse.lab.kinds import described, described_hook, factory, hook_shape
from posthorse.lab.mailbox import Mailbox
from posthorse.lab.roster import Entry, Roster, parse_address
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.sns import SnsPeer, SnsTopic


class Lab:
    """Everything a roster names, on real sockets."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.mailbox = Mailbox(Path(roster.mailbox_file) if roster.mailbox_file else None)
        self.providers: dict[str, SimulatedProvider] = {}
        self.hooks: dict[str, HookSender] = {}
        """Of each provider that can tell what became of mail."""
        self._topics: dict[str, SnsTopic] = {}
        self._sns: asyncio.Server | None = None
        self._greeting: list[asyncio.Task[bool]] = []
        self._doors: dict[str, SocketDoor] = {}
        self._control: asyncio.Server | None = None
        self._certificate: Certificate | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def open(self) -> None:
        """Take connections everywhere. Raises OSError when an address is taken; nothing stays open then."""
        try:
            for entry in self.roster.providers:
                await self._open_provider(entry)
            host, port = parse_address(self.roster.control)
            loop = asyncio.get_running_loop()
            if self._topics:
                self._sns = await loop.create_server(lambda: SnsPeer(self._topics), *parse_address(self.roster.sns))
            self._control = await loop.create_server(
                lambda: ControlPeer(self.providers, self.mailbox, self.hooks), host, port
            )
            self._greet()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Reset what is connected and give every port back."""
        for server in (self._control, self._sns):
            if server is not None:
                server.close()
        for greeting in self._greeting:
            greeting.cancel()
        for hook in self.hooks.values():
            await hook.close()
        for provider in self.providers.values():
            provider.close()
        for door in self._doors.values():
            await door.close()
        self.mailbox.close()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def control_url(self) -> str:
        """Where the control answers."""
        assert self._control is not None, "open first"
        host, port = self._control.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def describe(self) -> dict[str, Any]:
        """Addresses and credentials of everything, as the ready line gives them."""
        return {
            "ready": True,
            "control": self.control_url,
            "mailbox_file": self.roster.mailbox_file,
            "ca_file": str(self._certificate.certificate) if self._certificate else "",
            "providers": {entry.name: self._describe(entry) for entry in self.roster.providers},
        }

    @property
    def sns_endpoint(self) -> str:
        """Where subscriptions are confirmed; empty: no provider needs it."""
        if self._sns is None:
            return ""
        host, port = self._sns.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def _describe(self, entry: Entry) -> dict[str, Any]:
        host, port = self._doors[entry.name].address
        hook = self.hooks.get(entry.name)
        proof = described_hook(hook.shape if hook else None, self.sns_endpoint)
        return described(entry, host, port) | ({"hooks": proof} if proof else {})

    async def _open_provider(self, entry: Entry) -> None:
        provider = SimulatedProvider(
            name=entry.name,
            mailbox=self.mailbox,
            now=_now,
            dice=random.Random(),
            latency_s=entry.latency_s,
            scripts=entry.scripts,
            fates={address.lower(): LabFate(fate) for address, fate in entry.fates.items()},
            suppressed=frozenset(address.lower() for address in entry.suppressed),
            keep=entry.keep,
        )
        host, port = parse_address(entry.listen)
        tls = self._context(host) if entry.tls != "none" else None
        door = SocketDoor(host, port, factory(entry, provider, tls), tls=tls if entry.tls == "implicit" else None)
        door.bind()
        self._doors[entry.name] = provider.door = door
        self.providers[entry.name] = provider
        self._add_hook(entry, provider)
        await provider.set_fault(None)

    def _add_hook(self, entry: Entry, provider: SimulatedProvider) -> None:
        shape = hook_shape(entry, self._place, _now)
        if shape is None:
            return
        if isinstance(shape, SnsTopic):
            self._topics[shape.arn] = shape
        hook = self.hooks[entry.name] = HookSender(shape, random.Random())
        provider.tell = hook.tell

    def _greet(self) -> None:
        """Begin to tell where the roster says so; who is told may not listen yet."""
        for entry in self.roster.providers:
            if entry.hooks and entry.name in self.hooks:
                hook = self.hooks[entry.name]
                self._greeting.append(asyncio.create_task(hook.use(HookSetting(url=entry.hooks))))

    def _place(self) -> Path:
        """Where certificates lie."""
        if not self.roster.folder and self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="posthorse-lab-")
        place = Path(self._folder.name if self._folder else self.roster.folder).absolute()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place

    def _context(self, host: str) -> ssl.SSLContext:
        if self._certificate is None:
            self._certificate = make_certificate(self._place(), host)
        return self._certificate.server_context()


async def serve(roster: Roster, announce: Callable[[Lab], None]) -> None:
    """Run a lab until SIGINT or SIGTERM; `announce` is called once everything takes connections."""
    lab = Lab(roster)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await lab.open()
    try:
        announce(lab)
        await stop.wait()
    finally:
        await lab.close()


def _now() -> int:
    return time.time_ns() // 1_000
