"""The native API without a network: an ASGI client over a spool in memory whose clock moves when told."""

import asyncio
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import msgspec

from posthorse.accept.admission import Admission, AdmissionPolicy
from posthorse.accept.api.app import Api
from posthorse.accept.api.caller import Callers
from posthorse.accept.api.looking import Looking
from posthorse.accept.credentials import Credential, CredentialStore
from posthorse.accept.load import Load
from posthorse.accept.login_throttle import LoginThrottle
from posthorse.accept.reception import Reception
from posthorse.accept.trusted import UNIX, TrustedSource, TrustedSources
from posthorse.control.explain import standing_since, words
from posthorse.mail.ids import MAIN_TENANT, Tenant
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import AdmitResult, NewMessage, SpoolUnavailable
from tests.unit.accept.kit import HOSTNAME, CountingIds, Observer, StillClock

KEY, SECRET = "AKIASHOP000000000001", "shop secret"
OTHER_KEY, OTHER_SECRET = "AKIAOTHER00000000001", "another secret"
OTHER_TENANT = Tenant("other")
TRUSTED_PEER = "192.0.2.66"
MESSAGE = {"from": "Shop <shop@example.com>", "to": ["ada@example.net"], "subject": "Hello", "text": "Hello Ada.\n"}


def basic(user: str = KEY, secret: str = SECRET) -> str:
    """An Authorization field."""
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode("ascii")


@dataclass
class Answered:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


@dataclass
class Told:
    """What the API told its observer."""

    bugs: list[Exception] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)
    timeouts: int = 0

    def answered(self, duration_s: float) -> None:
        """A message was answered."""

    def timed_out(self, peer: str) -> None:
        """A body did not come."""
        self.timeouts += 1

    def bug(self, error: Exception) -> None:
        """Something failed."""
        self.bugs.append(error)


class Desk:
    """An API and everything behind it."""

    def __init__(
        self, policy: AdmissionPolicy | None = None, *, more_trusted: tuple[str, ...] = (), **options: Any
    ) -> None:
        self.clock = StillClock()
        self.spool = MemorySpool(clock=self.clock)
        self.told = Told()
        self.load = Load()
        self.down: Exception | None = None
        self.lose_answer = False
        """The spool stores, and dies before it can say so."""
        self.gate: asyncio.Event | None = None
        """If set, storing waits for it."""
        self.waiting = 0
        """How many wait for it."""
        self.admission = Admission(
            store=self._store,
            clock=self.clock,
            ids=CountingIds(),
            hostname=HOSTNAME,
            observer=Observer(),
            policy=policy,
            load=lambda: self.load,
            **options,
        )
        keys = [
            Credential(id=KEY, tenant=MAIN_TENANT, secret=SECRET),
            Credential(id=OTHER_KEY, tenant=OTHER_TENANT, secret=OTHER_SECRET),
        ]
        self.callers = Callers(
            credentials=CredentialStore(keys),
            trusted=TrustedSources(
                [TrustedSource(cidr=cidr, tenant=MAIN_TENANT) for cidr in (f"{TRUSTED_PEER}/32", *more_trusted)]
            ),
            throttle=LoginThrottle(self.clock),
            refused=lambda peer, throttled: self.told.logins.append((peer, throttled)),
        )
        self.reception = Reception(self.clock)
        self.api = self.api_on(self.spool)

    def api_on(self, spool: MemorySpool) -> Api:
        """The same API, looking into another spool."""
        return Api(
            admission=self.admission,
            callers=self.callers,
            reception=self.reception,
            looking=Looking(spool, words, standing_since),
            clock=self.clock,
            observer=self.told,
        )

    async def _store(self, new: NewMessage) -> AdmitResult:
        if self.gate is not None:
            self.waiting += 1
            await self.gate.wait()
            self.waiting -= 1
        if self.down is not None:
            raise self.down
        (result,) = await self.spool.admit([new])
        if self.lose_answer:
            raise SpoolUnavailable("died after the commit")
        return result

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        peer: str = "127.0.0.1",
        tls: bool = False,
        authorization: str | None = "",
        **headers: str,
    ) -> Answered:
        """One request. `authorization`: empty: the usual key; None: none. `headers`: names with `_` for `-`."""
        fields = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        if authorization is not None:
            fields.append((b"authorization", (authorization or basic()).encode("latin-1")))
        fields.append((b"content-length", str(len(body)).encode()))
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": fields,
            "client": (peer, 1_234) if peer != UNIX else None,
            "scheme": "https" if tls else "http",
        }
        said: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        await self.api(scope, receive, send)
        start, content = said
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answered(start["status"], names, content["body"])

    async def send(self, message: Any = None, *, key: str = "", to: str = "messages", **options: Any) -> Answered:
        """POST a JSON message; None: the usual one."""
        more: dict[str, Any] = {"idempotency_key": key} if key else {}
        body = message if isinstance(message, bytes) else msgspec.json.encode(MESSAGE if message is None else message)
        return await self.ask("POST", f"/api/v1/{to}", body, content_type="application/json", **more, **options)

    async def send_mime(self, mail: bytes, query: str = "", **options: Any) -> Answered:
        """POST a message in MIME."""
        path = "/api/v1/messages" + (f"?{query}" if query else "")
        return await self.ask("POST", path, mail, content_type="message/rfc822", **options)

    async def look(self, answered: Answered, **options: Any) -> Answered:
        """GET the message that a receipt names."""
        return await self.ask("GET", answered.json["url"], **options)
