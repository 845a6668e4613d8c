"""Plays the hostile corpus against the real server: real sockets, a real spool, the real log.

The server runs in a thread of its own with its own event loop, which measures how much work the longest of its
iterations did; the client is a plain blocking socket in the test's thread.
"""

import asyncio
import json
import re
import socket
import ssl
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthorse.accept.admission import Admission, AdmissionPolicy
from posthorse.accept.classify import Classifier, ClassifyRule
from posthorse.accept.smtp.server import SmtpServer
from posthorse.accept.smtp.terms import Peer
from posthorse.accept.trusted import TrustedSource, TrustedSources
from posthorse.adapters.chance import TimeOrderedIds
from posthorse.adapters.clock import SystemClock
from posthorse.daemon.doorkeeper import Doorkeeper
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.stream import Stream
from posthorse.spool.memory import MemorySpool
from posthorse.watch.log import Log
from tests.scenarios.memory_site import Stored, log_into, stored_in, storing
from tests.scenarios.server_thread import PATIENCE_S, ServerThread
from tests.unit.accept.kit import HOSTNAME, PASSWORD, USER, credentials

CORPUS = Path(__file__).parent.parent / "corpus"
CHANNELS = ("plain", "tls", "auth")
"""Trusted without TLS, trusted with TLS from the first byte, STARTTLS and a login. Others: `untrusted` (loopback that
must log in), `remote` (another machine, without TLS)."""

Item = dict[str, Any]


def items() -> list[Item]:
    """Every row of the corpus that this server is to stand."""
    rows: list[Item] = []
    for file in sorted((CORPUS / "smtp").glob("*.json")):
        if file.name != "open.json":
            rows += json.loads(file.read_text())
    return rows


def octets(text: str) -> bytes:
    """The bytes a text of the corpus stands for: `{N:text}` is text N times, characters are bytes."""
    while True:
        shorter = re.sub(r"\{(\d+):([^{}]*)\}", lambda match: match[2] * int(match[1]), text)
        if shorter == text:
            return text.encode("latin-1")
        text = shorter


class RemoteServer(SmtpServer):
    """Takes every client for one on another machine."""

    def _read_peer(self, host: str) -> Peer:
        return Peer(address="192.0.2.9")


@dataclass
class Site:
    """One server with its spool and log, for one row on one channel."""

    port: int
    spool: MemorySpool
    server: SmtpServer
    listener: asyncio.Server
    log: Log
    lines: list[bytes] = field(default_factory=list)
    unhandled: list[dict[str, Any]] = field(default_factory=list)


class Stand(ServerThread):
    """The server's thread."""

    def __init__(self, certificate: ssl.SSLContext, trust: ssl.SSLContext) -> None:
        self.certificate = certificate
        self.trust = trust
        super().__init__()

    @contextmanager
    def site(self, item: Item, channel: str) -> Iterator[Site]:
        """A fresh server for this row."""
        site = self.result_of(self._open(item, channel))
        try:
            yield site
        finally:
            self.result_of(self._close(site))

    def stored(self, site: Site) -> list[Stored]:
        """Everything in the spool, oldest first."""
        return self.result_of(stored_in(site))

    def wait_for(self, site: Site, count: int) -> list[Stored]:
        """The messages in the spool, once there are so many."""
        limit = time.monotonic() + PATIENCE_S
        while len(stored := self.stored(site)) < count and time.monotonic() < limit:
            time.sleep(0.02)
        return stored

    async def _open(self, item: Item, channel: str) -> Site:
        clock, lines = SystemClock(), list[bytes]()
        log, journal = log_into(lines, clock)
        spool = MemorySpool(clock=clock)

        domains = {MAIN_TENANT: frozenset(item["domains"])} if "domains" in item else {}
        admission = Admission(
            store=storing(lambda: spool),
            clock=clock,
            ids=TimeOrderedIds(clock),
            hostname=HOSTNAME,
            observer=journal,
            policy=AdmissionPolicy(domains=domains),
            classifier=Classifier([ClassifyRule(stream=Stream.URGENT, subject="*password*")]),
        )
        trusted = [TrustedSource(cidr="127.0.0.0/8", tenant=MAIN_TENANT)] if channel in ("plain", "tls") else []
        make = RemoteServer if channel == "remote" else SmtpServer
        server = make(
            admission=admission,
            credentials=credentials(),
            clock=clock,
            hostname=HOSTNAME,
            observer=Doorkeeper(journal),
            trusted=TrustedSources(trusted),
        )
        door = server.door(None if channel == "tls" else self.certificate)
        implicit = self.certificate if channel == "tls" else None
        listener = await self.loop.create_server(door, "127.0.0.1", 0, ssl=implicit)
        site = Site(listener.sockets[0].getsockname()[1], spool, server, listener, log, lines)
        self.loop.set_exception_handler(lambda _, context: site.unhandled.append(context))
        self.loop.longest_s = 0.0
        return site

    async def _close(self, site: Site) -> None:
        site.listener.close()
        await site.server.close(0.0)
        await site.listener.wait_closed()


class Hostile:
    """The client's side of one connection."""

    def __init__(self, stand: Stand, site: Site, channel: str) -> None:
        self._stand = stand
        self._plain = channel != "tls"
        raw = socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket: socket.socket = raw
        if not self._plain:
            self.start_tls()
        self._received = b""
        self.codes: Counter[str] = Counter()
        assert self.reply().startswith("220")

    def start_tls(self) -> None:
        """The handshake."""
        self._socket = self._stand.trust.wrap_socket(self._socket, server_hostname="localhost")

    def say(self, data: bytes, *, split: bool = False) -> None:
        """Send bytes; a server that has hung up meanwhile is no surprise."""
        try:
            if not split:
                self._socket.sendall(data)
                return
            for byte in data:
                self._socket.sendall(bytes([byte]))
        except (ConnectionError, ssl.SSLError):
            pass

    def reply(self) -> str:
        """The code of the next reply; `closed` at the end of the connection."""
        while True:
            line, end, rest = self._received.partition(b"\n")
            if end:
                self._received = rest
                assert line.endswith(b"\r"), line
                assert line[:-1].decode("ascii").isprintable(), line
                if line[3:4] == b"-":
                    continue
                self.codes[line[:3].decode()] += 1
                return line[:3].decode()
            try:
                data = self._socket.recv(1 << 16)
            except (ConnectionError, ssl.SSLError):
                data = b""
            if not data:
                assert self._received == b"", self._received
                return "closed"
            self._received += data

    def ask(self, line: bytes) -> str:
        """Send a line, wait for the code."""
        self.say(line + b"\r\n")
        return self.reply()

    def close(self) -> None:
        """Go."""
        self._socket.close()


def login(password: str) -> bytes:
    """An AUTH PLAIN line."""
    return b"AUTH PLAIN " + b64encode(f"\0{USER}\0{password}".encode())


def prepare(client: Hostile, channel: str, setup: str) -> None:
    """Bring the session to where the row begins."""
    if channel == "auth":
        assert client.ask(b"EHLO app.example.com") == "250"
        assert client.ask(b"STARTTLS") == "220"
        client.start_tls()
        assert client.ask(b"EHLO app.example.com") == "250"
        assert client.ask(login(PASSWORD)) == "235"
    elif setup != "greeted":
        assert client.ask(b"EHLO app.example.com") == "250"
    if setup == "envelope":
        assert client.ask(b"MAIL FROM:<a@example.com> BODY=8BITMIME") == "250"
        assert client.ask(b"RCPT TO:<b@example.net>") == "250"
        assert client.ask(b"DATA") == "354"


def expected(wanted: str) -> list[str]:
    """The codes of a row's shorthand: `250*3 421 closed`."""
    codes: list[str] = []
    for token in wanted.split():
        code, _, times = token.partition("*")
        codes += [code] * int(times or 1)
    return codes


def play(client: Hostile, item: Item) -> bool:
    """Hold the row's talk; whether the connection is still open."""
    for said, wanted in item["talk"]:
        match said:
            case "@tls":
                client.start_tls()
            case "@auth":
                client.say(login(PASSWORD) + b"\r\n")
            case "@auth-wrong":
                client.say(login("wrong") + b"\r\n")
            case _:
                client.say(octets(said), split=item.get("split", False))
        if wanted == "hang-up":
            client.close()
            return False
        for code in expected(wanted):
            got = client.reply()
            assert got in code.split("|"), f"{got} instead of {code} after {said[:200]!r}"
            if got == "closed":
                return False
        if not wanted:
            time.sleep(0.002)  # let the segment arrive alone
    return True


def content_of(item: Item) -> bytes:
    """What the stored message must end with: given, or what the last part of the talk carried."""
    if "content" in item:
        return octets(item["content"])
    wire = octets(item["talk"][-1][0])
    assert wire.endswith(b".\r\n")
    return (b"\r\n" + wire[:-3]).replace(b"\r\n.", b"\r\n")[2:]
