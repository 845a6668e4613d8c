"""Ports: everything below the edge gets time, randomness, ids and the network handed in.

The same code then runs on real sockets and in the seeded world with virtual time. Sleeping and time limits use asyncio
on the running loop, whose clock is virtual in the seeded world; only *readings* of a clock need a port.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Wall and monotonic time, apart: the wall may jump, the monotonic never goes back."""

    def now(self) -> int:
        """Wall clock: integer microseconds since 1970 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin; only differences mean anything."""
        ...


class Rng(Protocol):
    """Randomness for jitter and choice; never for secrets."""

    def random(self) -> float:
        """A float in [0, 1)."""
        ...


class Ids(Protocol):
    """Maker of 128-bit time-ordered ids."""

    def new(self) -> bytes:
        """16 bytes, greater than every id this maker gave before."""
        ...


class Offload(Protocol):
    """Runs blocking work (files, parsing) away from the event loop."""

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`, which cannot be stopped once started; what it raises is raised here."""
        ...


class TlsMode(Enum):
    """How a connection out is protected."""

    NONE = "none"
    """Plain text; for loopback and private networks."""
    STARTTLS = "starttls"
    """Upgrade required (RFC 3207); no upgrade, no mail and no credentials."""
    IMPLICIT = "implicit"
    """TLS from the first byte (RFC 8314)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to connect."""

    host: str
    port: int
    tls: bool = False
    """TLS from the first byte, verified against `host`."""
    ca_file: str = ""
    """Trust only this file of certificates; empty: the system's."""


class DialFailed(Exception):
    """No usable connection: refused, unreachable, name not found, handshake failed. Nothing was sent on it."""

    def __init__(self, message: str = "", *, ours: bool = False) -> None:
        super().__init__(message)
        self.ours = ours
        """What we bring to every connection is wrong (the certificates to trust): it says nothing about the host."""


class Dialer(Protocol):
    """Opens byte streams to other hosts."""

    async def dial(self, factory: Callable[[], asyncio.Protocol], target: Target) -> asyncio.Transport:
        """Connect and hand the stream to a protocol made by `factory`. Raises `DialFailed`; sets no time limit."""
        ...

    async def start_tls(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, target: Target
    ) -> asyncio.Transport:
        """Upgrade a stream to TLS, verified against `target.host`. Raises `DialFailed`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One HTTP/1.1 request with a Content-Length body."""

    target: Target
    method: str
    path: str
    """Path and query, already encoded."""
    headers: tuple[tuple[str, str], ...]
    """Host, Content-Length and Connection are added by the exchange."""
    body: bytes = b""
    connect_s: float = 3.0
    """Longest wait for a connection."""
    stall_s: float = 10.0
    """Longest time in which nothing at all of the request leaves, before the last bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A complete response."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case; of a repeated field the last value."""
    body: bytes = b""


class ExchangeFailed(Exception):
    """No complete response. Whether anything left is known only by the caller's own release mark, never by this."""

    def __init__(self, message: str = "", *, ours: bool = False) -> None:
        super().__init__(message)
        self.ours = ours
        """As `DialFailed.ours`."""


class NotReleased(Exception):
    """`before_last_bytes` answered no: the last bytes were kept back and the connection closed."""


class HttpExchange(Protocol):
    """One request, one response: no retries, no redirects, no cookies."""

    async def exchange(self, request: HttpRequest, *, before_last_bytes: Callable[[], Awaitable[bool]]) -> HttpResponse:
        """Send all but the last bytes of the body, await `before_last_bytes`, send the rest, read the response.

        Raises `ExchangeFailed` (no complete response) and `NotReleased`.
        """
        ...

    async def prepare(self, target: Target, connections: int) -> None:
        """Have this many connections to `target` open and idle; failures are silent, the next exchange tells."""
        ...


class NoAnswer(Exception):
    """A bounded worker gave no answer; the text says why."""

    def __init__(self, message: str = "", *, ours: bool = False) -> None:
        super().__init__(message)
        self.ours = ours
        """No worker could be asked: it says nothing about the question. Else the question broke it, more than once."""


class BoundedWorker(Protocol):
    """Answers questions in another process, each within limits of time and memory."""

    async def ask(self, question: bytes) -> bytes:
        """The answer. Raises `NoAnswer`. A cancelled question harms nobody else's."""
        ...
