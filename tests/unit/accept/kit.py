"""What the tests of accept share: a clock that stands still, ids in order, a store that remembers, a running server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from posthorse.accept.admission import LOAD_EVERY_S, Admission, AdmissionPolicy
from posthorse.accept.classify import Classifier
from posthorse.accept.credentials import Credential, CredentialStore, smtp_password
from posthorse.accept.load import Load
from posthorse.accept.refusal import Accepted, Refused
from posthorse.accept.smtp.server import SmtpLimits, SmtpServer
from posthorse.accept.trusted import TrustedSource, TrustedSources
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.message import Caller, Front, Submission
from posthorse.spool.port import AdmitResult, Admitted, NewMessage

NOON = 1_800_000_000_000_000
"""A moment, microseconds UTC."""
HOSTNAME = "mx.posthorse.example"
USER, SECRET = "AKIAPOSTHORSE0000001", "a secret key of forty characters or so"
PASSWORD = smtp_password(SECRET, "us-east-1")
HEADERS = b"From: Shop <shop@example.com>\r\nTo: ada@example.net\r\nSubject: Hello\r\n"
MAIL = HEADERS + b"\r\nHello Ada.\r\n"
ALICE = Caller(tenant=MAIN_TENANT, credential=USER, peer="192.0.2.7")


class StillClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now_us = NOON
        self.monotonic_s = 1_000.0

    def now(self) -> int:
        """Wall clock."""
        return self.now_us

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return self.monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass on both."""
        self.now_us += int(seconds * 1_000_000)
        self.monotonic_s += seconds


class CountingIds:
    """Ids 1, 2, 3..."""

    def __init__(self) -> None:
        self.last = 0

    def new(self) -> bytes:
        """The next one."""
        self.last += 1
        return self.last.to_bytes(16, "big")


@dataclass
class Observer:
    """Remembers every decision and everything else it is told."""

    accepted_all: list[tuple[NewMessage, Accepted, str]] = field(default_factory=list)
    refused_all: list[Refused] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def accepted(self, new: NewMessage, accepted: Accepted, because: str) -> None:
        """A receipt."""
        self.accepted_all.append((new, accepted, because))

    def refused(self, refused: Refused, caller: Caller | None) -> None:
        """A refusal."""
        self.refused_all.append(refused)

    def connections(self, open_now: int) -> None:
        """A count."""

    def turned_away(self, peer: str) -> None:
        """No place."""
        self.told.append(f"turned away {peer}")

    def login_refused(self, peer: str, *, throttled: bool) -> None:
        """Wrong login."""
        self.told.append(f"login refused {peer} {throttled}")

    def answered(self, duration_s: float) -> None:
        """A message was answered."""

    def timed_out(self, peer: str) -> None:
        """Silence."""
        self.told.append(f"timed out {peer}")


class Store:
    """Takes what it is given and remembers it; answers what it is told to answer."""

    def __init__(self) -> None:
        self.stored: list[NewMessage] = []
        self.failure: Exception | None = None
        self.result: Callable[[NewMessage], AdmitResult] = lambda new: Admitted(id=new.id)
        self.gate: asyncio.Event | None = None
        """If set, storing waits for it."""

    async def __call__(self, new: NewMessage) -> AdmitResult:
        """Store one message."""
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.stored.append(new)
        return self.result(new)


@dataclass
class House:
    """An admission with everything around it."""

    admission: Admission
    store: Store
    clock: StillClock
    observer: Observer
    load: list[Load]
    """The last one counts."""

    def busy(self, load: Load) -> None:
        """From now on this is measured."""
        self.load.append(load)
        self.clock.advance(LOAD_EVERY_S)


def house(policy: AdmissionPolicy | None = None, **options: Any) -> House:
    """Admission over a recording store."""
    store, clock, observer, load = Store(), StillClock(), Observer(), [Load()]
    admission = Admission(
        store=store,
        clock=clock,
        ids=CountingIds(),
        hostname=HOSTNAME,
        observer=observer,
        policy=policy,
        load=lambda: load[-1],
        **options,
    )
    return House(admission, store, clock, observer, load)


def submission(content: bytes = MAIL, **changes: Any) -> Submission:
    """An ordinary submission, with changes."""
    given: dict[str, Any] = {
        "caller": ALICE,
        "front": Front.SMTP,
        "sender": "shop@example.com",
        "recipients": ("ada@example.net",),
        "content": content,
        "helo": "app.example.com",
    }
    return Submission(**(given | changes))


def credentials() -> CredentialStore:
    """One user with a derived password."""
    return CredentialStore([Credential(id=USER, tenant=MAIN_TENANT, secret=SECRET)])


def smtp_server(home: House, *, trusted: bool = True, limits: SmtpLimits | None = None) -> SmtpServer:
    """A server in front of `home`. `trusted`: loopback may send without AUTH."""
    sources = [TrustedSource(cidr="127.0.0.0/8", tenant=MAIN_TENANT)] if trusted else []
    return SmtpServer(
        admission=home.admission,
        credentials=credentials(),
        clock=home.clock,
        hostname=HOSTNAME,
        observer=home.observer,
        trusted=TrustedSources(sources),
        limits=limits or SmtpLimits(sweep_s=0.02),
    )


@asynccontextmanager
async def listening(
    server: SmtpServer, *, starttls: SSLContext | None = None, implicit: SSLContext | None = None
) -> AsyncIterator[int]:
    """Listen on a free port of loopback; yields the port. Closes the server at the end."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(server.door(starttls), "127.0.0.1", 0, ssl=implicit)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await server.close(0.1)
        await listener.wait_closed()


__all__ = ["ALICE", "Classifier", "House", "Observer", "Store", "house", "listening", "smtp_server", "submission"]
