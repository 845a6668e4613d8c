"""The SMTP server of a node: all its connections over all its listeners, with their common limits.

Promise: numbers of connections, bytes being received and wrong logins are bounded, overall and per peer; `close` lets
messages under way end and tells the others to come back. Whoever listens (the daemon, the seeded world) makes each
listener's connections by `door`.

Left out: binding addresses, certificates, accept queues (the edge).
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from posthorse.accept.admission import Admission
from posthorse.accept.credentials import CredentialStore
from posthorse.accept.login_throttle import LoginThrottle
from posthorse.accept.prepare import clean
from posthorse.accept.refusal import TOO_MANY_CONNECTIONS, Refused
from posthorse.accept.smtp.connection import Connection
from posthorse.accept.smtp.terms import Peer, Terms
from posthorse.accept.trusted import TrustedSources
from posthorse.mail.peer import parse_peer
from posthorse.mail.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpLimits:
    """Bounds of the server. Defaults follow RFC 5321 section 4.5.3.2 where it says something."""

    connections: int = 2_000
    connections_per_peer: int = 500
    idle_s: float = 300.0
    data_s: float = 600.0
    """For one message, from DATA to its end."""
    handshake_s: float = 30.0
    receiving_bytes: int = 512 << 20
    """Hard bound on what is being received at once; messages that would go beyond are refused with 451."""
    sweep_s: float = 5.0
    """How often silent clients are looked for."""


MAX_KNOWN_PEERS = 4_096

DEFAULT_SMTP_LIMITS = SmtpLimits()


class SmtpObserver(Protocol):
    """Told of what happens besides mail; must not raise."""

    def connections(self, open_now: int) -> None:
        """The number of connections changed."""
        ...

    def turned_away(self, peer: str) -> None:
        """A connection was refused for want of a place."""
        ...

    def login_refused(self, peer: str, *, throttled: bool) -> None:
        """A wrong login, or one not checked because too many were wrong."""
        ...

    def answered(self, duration_s: float) -> None:
        """A message was answered, so long after its last byte."""
        ...

    def timed_out(self, peer: str) -> None:
        """A silent or endless client was given up."""
        ...


class SmtpServer:
    """All SMTP connections of a node. `credentials`, `trusted` and `limits` may be replaced at any time."""

    def __init__(
        self,
        *,
        admission: Admission,
        credentials: CredentialStore,
        clock: Clock,
        hostname: str,
        observer: SmtpObserver,
        trusted: TrustedSources | None = None,
        limits: SmtpLimits = DEFAULT_SMTP_LIMITS,
    ) -> None:
        self.admission = admission
        self.credentials = credentials
        self._trusted = trusted or TrustedSources()
        self._peers: dict[str, Peer] = {}
        """Addresses read before; bounded."""
        self.limits = limits
        self.observer = observer
        self.throttle = LoginThrottle(clock)
        self.receiving_bytes = 0
        """Bytes of messages being received or on their way into the spool."""
        self.pending_commits = 0
        self._hostname = hostname
        self._connections: set[Connection] = set()
        self._per_peer: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    def door(self, tls: ssl.SSLContext | None = None) -> Callable[[], asyncio.Protocol]:
        """What makes the connections of one listener. `tls`: its certificate, for STARTTLS; a listener with TLS from
        the first byte does that in its transports and gives none here.
        """
        return lambda: Connection(self, tls)

    async def close(self, grace_s: float) -> None:
        """Take no more; end idle connections with 421, the others after their message, all of them after `grace_s`."""
        self._closing = True
        for connection in list(self._connections):
            connection.stop()
        try:
            async with asyncio.timeout(grace_s):
                await self._empty.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await asyncio.sleep(0)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    @property
    def trusted(self) -> TrustedSources:
        """Who is let in without AUTH. When replaced, connections that are open keep what they have."""
        return self._trusted

    @trusted.setter
    def trusted(self, trusted: TrustedSources) -> None:
        self._trusted = trusted
        self._peers.clear()

    # --- called by connections --------------------------------------------------------------------------------------

    def terms(self, *, starttls: bool) -> Terms:
        """What is offered on a new connection."""
        return Terms(hostname=self._hostname, max_size_bytes=self.admission.policy.max_size_bytes, starttls=starttls)

    def peer_at(self, peername: object) -> Peer:
        """Who is at the other end of a transport (its `peername`)."""
        if not isinstance(peername, tuple):
            return Peer(address="local", loopback=True)
        host = str(peername[0])
        peer = self._peers.get(host)
        if peer is None:
            if len(self._peers) >= MAX_KNOWN_PEERS:
                self._peers.clear()
            peer = self._peers[host] = self._read_peer(host)
        return peer

    def _read_peer(self, host: str) -> Peer:
        address = parse_peer(host)
        if address is None:
            return Peer(address=clean(host))
        text = str(address)
        return Peer(address=text, loopback=address.is_loopback, caller=self._trusted.caller(text))

    def enter(self, connection: Connection, peer: Peer) -> Refused | None:
        """A place for the connection, or the reason why there is none."""
        limits = self.limits
        full = len(self._connections) >= limits.connections
        if self._closing or full or self._per_peer[peer.address] >= limits.connections_per_peer:
            self.observer.turned_away(peer.address)
            return TOO_MANY_CONNECTIONS
        self._connections.add(connection)
        self._per_peer[peer.address] += 1
        self._empty.clear()
        self.observer.connections(len(self._connections))
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(limits.sweep_s, self._look)
        return None

    def leave(self, connection: Connection, peer: Peer) -> None:
        """The connection is gone; one that never got a place changes nothing."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._per_peer[peer.address] -= 1
        if not self._per_peer[peer.address]:
            del self._per_peer[peer.address]
        self.observer.connections(len(self._connections))
        if not self._connections:
            self._empty.set()

    def over_room(self) -> bool:
        """Whether more is being received than memory may hold."""
        return self.receiving_bytes > self.limits.receiving_bytes

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to a task until it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _look(self) -> None:
        """Look for silent clients; one timer for all, and none when nobody is there."""
        self._sweep = None
        loop, limits = asyncio.get_running_loop(), self.limits
        now = loop.time()
        for connection in list(self._connections):
            connection.check(now, limits.idle_s, limits.data_s)
        if self._connections:
            self._sweep = loop.call_later(limits.sweep_s, self._look)
