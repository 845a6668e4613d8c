"""A running lab: its simulated providers, the mailbox behind them and the control over HTTP, in one process.

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
from posthorse.lab.mailbox import Mailbox
from posthorse.lab.roster import Entry, Roster, parse_address
from posthorse.lab.ses_provider import SesTerms, ses_factory
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.smtp_provider import smtp_factory
from posthorse.lab.smtp_terms import SmtpTerms


class Lab:
    """Everything a roster names, on real sockets."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.mailbox = Mailbox(Path(roster.mailbox_file) if roster.mailbox_file else None)
        self.providers: dict[str, SimulatedProvider] = {}
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
            self._control = await loop.create_server(lambda: ControlPeer(self.providers, self.mailbox), host, port)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Reset what is connected and give every port back."""
        if self._control is not None:
            self._control.close()
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

    def _describe(self, entry: Entry) -> dict[str, Any]:
        host, port = self._doors[entry.name].address
        where = {"kind": entry.kind, "host": host, "port": port, "tls": entry.tls}
        if entry.kind == "smtp":
            return where | {"username": entry.username, "password": entry.password}
        scheme = "http" if entry.tls == "none" else "https"
        return where | {
            "endpoint": f"{scheme}://{host}:{port}",
            "region": entry.region,
            "access_key_id": entry.access_key_id,
            "secret_access_key": entry.secret_access_key,
        }

    async def _open_provider(self, entry: Entry) -> None:
        provider = SimulatedProvider(
            name=entry.name,
            mailbox=self.mailbox,
            now=lambda: time.time_ns() // 1_000,
            dice=random.Random(),
            latency_s=entry.latency_s,
            scripts=entry.scripts,
            keep=entry.keep,
        )
        host, port = parse_address(entry.listen)
        tls = self._context(host) if entry.tls != "none" else None
        door = SocketDoor(host, port, _factory(entry, provider, tls), tls=tls if entry.tls == "implicit" else None)
        door.bind()
        self._doors[entry.name] = provider.door = door
        self.providers[entry.name] = provider
        await provider.set_fault(None)

    def _context(self, host: str) -> ssl.SSLContext:
        if self._certificate is None:
            if not self.roster.folder:
                self._folder = tempfile.TemporaryDirectory(prefix="posthorse-lab-")
            folder = Path(self._folder.name if self._folder else self.roster.folder)
            self._certificate = make_certificate(folder, host)
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


def _factory(entry: Entry, provider: SimulatedProvider, tls: ssl.SSLContext | None) -> Callable[[], asyncio.Protocol]:
    if entry.kind == "ses":
        keys = {entry.access_key_id: entry.secret_access_key} if entry.access_key_id else {}
        return ses_factory(provider, SesTerms(keys=keys, region=entry.region, verified=frozenset(entry.verified)))
    starttls = tls if entry.tls == "starttls" else None
    return smtp_factory(
        provider,
        SmtpTerms(username=entry.username, password=entry.password, tls=starttls, demands_tls=starttls is not None),
    )
