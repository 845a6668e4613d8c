"""A live native API to play hostile requests against: real HTTP, a spool in memory, the real log.

The server runs in a thread of its own with an event loop that measures its longest piece of work.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import msgspec

from posthorse.accept.admission import Admission, AdmissionPolicy
from posthorse.accept.credentials import Credential, CredentialStore
from posthorse.accept.login_throttle import LoginThrottle
from posthorse.accept.reception import Reception
from posthorse.adapters.chance import TimeOrderedIds
from posthorse.adapters.clock import SystemClock
from posthorse.daemon.api_entrance import ApiEntrance
from posthorse.mail.ids import MAIN_TENANT
from posthorse.spool.memory import MemorySpool
from posthorse.watch.log import Log
from posthorse.web.role import Role
from posthorse.web.router import Router
from posthorse.web.server import HttpServing, serve_http
from tests.scenarios.memory_site import HttpAnswered, Stored, log_into, stored_in, storing
from tests.scenarios.server_thread import PATIENCE_S, ServerThread

KEY, SECRET = "AKIASHOP000000000001", "shop secret"
AUTHORIZATION = "Basic " + b64encode(f"{KEY}:{SECRET}".encode()).decode("ascii")
DOMAIN = "example.com"


class Answered(HttpAnswered):
    """One answer of the server."""

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


@dataclass
class ApiSite:
    """One API with its spool and log."""

    port: int
    spool: MemorySpool
    reception: Reception
    serving: HttpServing
    log: Log
    lines: list[bytes]
    unhandled: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answered:
        """One request on a connection of its own. `headers`: names with `_` for `-`."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        fields = {"authorization": AUTHORIZATION} | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, target, body, fields)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, names, response.read())
        finally:
            connection.close()


class ApiStand(ServerThread):
    """The server's thread."""

    @contextmanager
    def site(self) -> Iterator[ApiSite]:
        """A fresh API."""
        site = self.result_of(self._open())
        try:
            yield site
        finally:
            self.result_of(site.serving.close())

    def stored(self, site: ApiSite) -> list[Stored]:
        """Everything in the spool, oldest first."""
        return self.result_of(stored_in(site))

    def anew(self) -> None:
        """Forget what was measured."""
        self.loop.longest_s = 0.0

    async def _open(self) -> ApiSite:
        clock, lines = SystemClock(), list[bytes]()
        log, journal = log_into(lines, clock)
        spool = MemorySpool(clock=clock)

        admission = Admission(
            store=storing(lambda: spool),
            clock=clock,
            ids=TimeOrderedIds(clock),
            hostname="mx.posthorse.example",
            observer=journal,
            policy=AdmissionPolicy(domains={MAIN_TENANT: frozenset({DOMAIN})}, max_recipients=50),
        )
        reception = Reception(clock)
        entrance = ApiEntrance(
            admission=admission,
            reception=reception,
            throttle=LoginThrottle(clock),
            spool=spool,
            clock=clock,
            journal=journal,
            credentials=CredentialStore([Credential(id=KEY, tenant=MAIN_TENANT, secret=SECRET)]),
        )
        serving = await serve_http(Router(entrance.mounts, [Role.API], journal.bug), "127.0.0.1", 0)
        site = ApiSite(serving.port, spool, reception, serving, log, lines)
        self.loop.set_exception_handler(lambda _, context: site.unhandled.append(context))
        self.loop.longest_s = 0.0
        return site
