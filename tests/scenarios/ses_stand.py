"""A live SES front to play hostile requests against: real HTTP, real signatures, a spool in memory, the real log.

The server runs in a thread of its own with an event loop that measures its longest piece of work; the client is a plain
socket, and signs by itself, apart from the gateway's two signers, so that a row can sign wrongly in one exact way.
"""

import base64
import hashlib
import hmac
import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from posthorse.accept.admission import Admission, AdmissionPolicy
from posthorse.accept.classify import Classifier, ClassifyRule
from posthorse.accept.credentials import Credential
from posthorse.accept.load import Load
from posthorse.adapters.chance import TimeOrderedIds
from posthorse.adapters.clock import SystemClock
from posthorse.config.entrance import AccessKeySettings, ClassifySettings, MatchSettings, TrustedSourceSettings
from posthorse.config.tree import Config
from posthorse.daemon.ses_entrance import SesEntrance
from posthorse.mail.ids import MAIN_TENANT, Tenant
from posthorse.mail.stream import Stream
from posthorse.spool.memory import MemorySpool
from posthorse.watch.log import Log
from posthorse.web.role import Role
from posthorse.web.router import Router
from posthorse.web.server import HttpServing, serve_http
from tests.scenarios.hostile import octets
from tests.scenarios.memory_site import HttpAnswered, Stored, log_into, stored_in, storing
from tests.scenarios.server_thread import PATIENCE_S, ServerThread

KEY, SECRET = "AKIASHOP000000000001", "shop/secret+key"
OTHER_KEY, OTHER_SECRET = "AKIAOTHER00000000001", "another secret"
SMTP_ONLY_KEY = "AKIASMTPONLY00000001"
DOMAIN = "example.com"

Row = dict[str, Any]


class Answered(HttpAnswered):
    """One answer of the server."""

    @property
    def code(self) -> str:
        """The error's code, as a client of that version finds it; empty: no error."""
        if self.headers.get("content-type") == "text/xml":
            text = self.body.decode()
            return text.partition("<Code>")[2].partition("</Code>")[0]
        return self.headers.get("x-amzn-errortype", "")


@dataclass
class SesSite:
    """One front with its spool and log."""

    port: int
    spool: MemorySpool
    entrance: SesEntrance
    serving: HttpServing
    admission: Admission
    clock: SystemClock
    load: list[Load]
    """The last one counts."""
    log: Log
    lines: list[bytes]
    unhandled: list[dict[str, Any]] = field(default_factory=list)


class SesStand(ServerThread):
    """The server's thread."""

    @contextmanager
    def site(self, *, trusted: str = "") -> Iterator[SesSite]:
        """A fresh front. `trusted`: the network let in without a signature."""
        site = self.result_of(self._open(trusted))
        try:
            yield site
        finally:
            self.result_of(site.serving.close())

    def stored(self, site: SesSite) -> list[Stored]:
        """Everything in the spool, oldest first."""
        return self.result_of(stored_in(site))

    async def _open(self, trusted: str) -> SesSite:
        clock, lines, load = SystemClock(), list[bytes](), [Load()]
        log, journal = log_into(lines, clock)
        ids = TimeOrderedIds(clock)
        admission = Admission(
            store=storing(lambda: site.spool),
            clock=clock,
            ids=ids,
            hostname="mx.posthorse.example",
            observer=journal,
            policy=AdmissionPolicy(domains={MAIN_TENANT: frozenset({DOMAIN})}),
            classifier=Classifier([ClassifyRule(stream=Stream.URGENT, configuration_set="codes")]),
            load=lambda: load[-1],
        )
        entrance = SesEntrance(
            _config(trusted),
            admission=admission,
            world_clock=clock,
            clock=clock,
            ids=ids,
            journal=journal,
            credentials=_credentials(),
        )
        serving = await serve_http(Router(entrance.mounts, [Role.API], journal.bug), "127.0.0.1", 0)
        site = SesSite(
            port=serving.port,
            spool=MemorySpool(clock=clock),
            entrance=entrance,
            serving=serving,
            admission=admission,
            clock=clock,
            load=load,
            log=log,
            lines=lines,
        )
        self.loop.set_exception_handler(lambda _, context: site.unhandled.append(context))
        self.loop.longest_s = 0.0
        return site

    def anew(self, site: SesSite) -> None:
        """Forget what was stored, written and measured."""

        async def forget() -> None:
            site.spool = MemorySpool(clock=SystemClock())
            site.lines.clear()
            self.loop.longest_s = 0.0

        self.result_of(forget())


def _config(trusted: str) -> Config:
    sources = (TrustedSourceSettings(cidr=trusted),) if trusted else ()
    rule = ClassifySettings(match=MatchSettings(configuration_set="codes"), stream=Stream.URGENT)
    return Config(trusted_sources=sources, classify=(rule,), access_keys=(AccessKeySettings(id=KEY),))


def _credentials() -> list[Credential]:
    return [
        Credential(id=KEY, tenant=MAIN_TENANT, secret=SECRET),
        Credential(id=OTHER_KEY, tenant=Tenant("other"), secret=OTHER_SECRET),
        Credential(id=SMTP_ONLY_KEY, tenant=MAIN_TENANT),
    ]


# --- the client's side -----------------------------------------------------------------------------------------------


def request_of(row: Row, port: int) -> bytes:
    """The bytes of a row's request, signed as the row says."""
    body = body_of(row)
    method, target = row.get("method", "POST"), row.get("target", "/v2/email/outbound-emails")
    host = f"127.0.0.1:{port}"
    kind = "application/x-www-form-urlencoded" if target.partition("?")[0] == "/" else "application/json"
    headers: list[tuple[str, str]] = [("host", host), ("content-type", row.get("type", kind))]
    headers += [(name, value) for name, value in row.get("headers", [])]
    if row.get("sign", {}) is not None:
        target, more = signed(method, target, headers, body, row.get("sign", {}))
        headers += more
    headers += [(name, octets(value).decode("latin-1")) for name, value in row.get("unsigned", [])]
    body = octets(row["body_sent"]) if "body_sent" in row else body
    headers.append(("content-length", str(len(body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    first = row.get("first", f"{method} {target} HTTP/1.1").replace("{host}", host)
    return f"{first}\r\n{lines}\r\n".encode("latin-1") + body


def body_of(row: Row) -> bytes:
    """What the row sends: given as it is, as JSON, as a form, or as an ordinary mail with the row's MIME."""
    if "content" in row:
        return bytes(row["content"])
    if "body" in row:
        return octets(row["body"])
    if "form" in row:
        return "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in row["form"]).encode()
    if "json" in row:
        return json.dumps(row["json"]).encode()
    if row.get("method") == "GET":
        return b""
    mime = octets(row.get("mime", "From: shop@example.com\r\nTo: ada@example.net\r\nSubject: Hi\r\n\r\nHello\r\n"))
    content = {"Raw": {"Data": base64.b64encode(mime).decode()}}
    return json.dumps({"Content": content} | row.get("more", {})).encode()


def signed(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes, how: Row
) -> tuple[str, list[tuple[str, str]]]:
    """The target and further headers that make the request signed. `how`: what is done otherwise than it should be."""
    at = datetime.now(UTC) + timedelta(seconds=how.get("skew_s", 0))
    stamp = how.get("stamp", at.strftime("%Y%m%dT%H%M%SZ"))
    day = how.get("day", stamp[:8])
    scope = (
        f"{day}/{how.get('region', 'us-east-1')}/{how.get('service', 'ses')}/{how.get('terminator', 'aws4_request')}"
    )
    key_id, secret = how.get("key", KEY), how.get("secret", SECRET)
    more = [] if how.get("query") else [("x-amz-date", stamp)]
    more += [("x-amz-security-token", how["token"])] if "token" in how else []
    more += [("x-amz-content-sha256", how["payload"])] if "payload" in how else []
    named = sorted({name.lower() for name, _ in headers + more} - set(how.get("leave_out", [])))
    if "names" in how:
        named = how["names"]
    path, _, query = target.partition("?")
    if how.get("query"):
        fields = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{key_id}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(how.get("expires", 300)),
            "X-Amz-SignedHeaders": ";".join(named),
        } | how.get("fields", {})
        query = "&".join(filter(None, [query, *(f"{name}={quote(value, safe='')}" for name, value in fields.items())]))
    values: dict[str, list[str]] = {name: [] for name in named}
    for name, value in headers + more:
        values.get(name.lower(), []).append(" ".join(value.split()))
    payload: str = how.get("payload") or hashlib.sha256(body).hexdigest()
    canonical = "\n".join(
        (
            method,
            how.get("path", quote(path, safe="/~-_.")),
            how.get("canonical_query", "&".join(sorted(query.split("&"))) if query else ""),
            *(f"{name}:{','.join(given)}" for name, given in values.items()),
            "",
            ";".join(named),
            str(how.get("payload_signed", payload)),
        )
    )
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    derived = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signature = how.get("signature", "{}").replace("{}", hmac.digest(derived, to_sign.encode(), "sha256").hex())
    if how.get("upper"):
        signature = signature.upper()
    if how.get("query"):
        return f"{path}?{query}&X-Amz-Signature={signature}", more
    algorithm = how.get("algorithm", "AWS4-HMAC-SHA256")
    told = f"{algorithm} Credential={key_id}/{scope}, SignedHeaders={';'.join(named)}, Signature={signature}"
    return target, [*more, ("authorization", octets(how.get("authorization", told)).decode("latin-1"))]


class Line:
    """One connection of a client, for the length of a `with` block."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._received = b""

    def say(self, data: bytes) -> None:
        """Send bytes; a server that has hung up meanwhile is no surprise."""
        with suppress(ConnectionError):
            self._socket.sendall(data)

    def answer(self, *, head: bool = False) -> Answered | None:
        """The next answer; None: the connection has ended."""
        while b"\r\n\r\n" not in self._received:
            if not self._read():
                assert self._received == b"", self._received
                return None
        text, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if first.startswith("HTTP/1.1 100"):
            return self.answer(head=head)
        size = 0 if head else int(headers.get("content-length", "0"))
        while len(self._received) < size and self._read():
            pass
        body, self._received = self._received[:size], self._received[size:]
        return Answered(int(first.split(" ")[1]), headers, body)

    def ready(self, within_s: float) -> bool:
        """Whether something comes in this time."""
        return bool(self._received or select.select([self._socket], [], [], within_s)[0])

    def _read(self) -> bool:
        try:
            data = self._socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        self._received += data
        return bool(data)

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def ask(site: SesSite, row: Row) -> Answered:
    """The answer to one row on a connection of its own."""
    with Line(site.port) as line:
        line.say(request_of(row, site.port))
        answered = line.answer(head=row.get("method") == "HEAD")
        assert answered is not None, "the connection ended without an answer"
        return answered


def wait_until(look: Any, within_s: float = PATIENCE_S) -> None:
    """Until `look` answers yes; the other thread tells nobody by itself."""
    ends_s = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < ends_s, "it did not come about"
        time.sleep(0.01)
