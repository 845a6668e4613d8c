"""Plays the hostile notifications against the live hooks front: real sockets, a real spool, the real log.

The front runs in a thread of its own with its own event loop, which measures how much work the longest of its
iterations did; the client is a plain blocking one in the test's thread. In the spool stand four messages that three
providers were given; what is told of them, and of anything else, follows from the row.
"""

import http.client
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthorse.adapters.offload import ThreadOffload
from posthorse.feedback.digesting import Digesting
from posthorse.feedback.inbox import Inbox
from posthorse.mail.ids import MessageId, ProviderName, Tenant
from posthorse.mail.outcome import Handover
from posthorse.providers.notices import NotificationReader
from posthorse.spool.desk_port import Selector
from posthorse.spool.memory import MemorySpool
from posthorse.watch.journal import Journal
from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures
from posthorse.watch.metrics import NOTIFICATIONS
from posthorse.web.role import Role
from posthorse.web.router import Mount, Router
from posthorse.web.server import HttpServing, serve_http
from tests.contract.spool_kit import HandClock, World
from tests.scenarios.server_thread import PATIENCE_S, ServerThread
from tests.unit.providers.notice_kit import (
    NOW,
    PASSWORD,
    USER,
    FakeExchange,
    basic,
    confirmation,
    envelope,
    postmark,
    sendgrid,
    sendgrid_headers,
    serving,
    ses,
    signed,
    sns_headers,
)

CORPUS = Path(__file__).parent.parent / "corpus" / "notifications"
Row = dict[str, Any]

GIVEN = {
    "ses": ("ada@example.net", "bob@example.net"),
    "sendgrid": ("ada@example.org",),
    "postmark": ("ada@example.com",),
    "shop": ("eve@example.net",),
}
"""Recipients of each message that was handed over, by provider; `shop`: by SES, for another tenant."""


@dataclass
class Site:
    """One front with its spool and log, for one row."""

    serving: HttpServing
    world: World
    digesting: Digesting
    offload: ThreadOffload
    exchange: FakeExchange
    measures: Measures
    log: Log
    ours: dict[str, MessageId]
    lines: list[bytes] = field(default_factory=list)
    unhandled: list[dict[str, Any]] = field(default_factory=list)


class Stand(ServerThread):
    """The thread of the front."""

    @contextmanager
    def site(self) -> Iterator[Site]:
        """A fresh front."""
        site: Site = self.result_of(self._open())
        self.loop.longest_s = 0.0
        try:
            yield site
        finally:
            self.result_of(self._shut(site))

    def settled(self, site: Site) -> None:
        """Everything that was kept is read and applied, as far as it can be."""
        self.result_of(self._settle(site))

    def found(self, site: Site) -> Row:
        """What stands in the spool now."""
        found: Row = self.result_of(self._look(site))
        return found

    async def _open(self) -> Site:
        clock, lines = HandClock(), list[bytes]()
        clock.at = NOW
        world = World(spool=MemorySpool(clock=clock), clock=clock)
        ours = {name: await _handed_over(world, name) for name in GIVEN}
        log = Log(lines.append, clock)
        measures = Measures()
        journal = Journal(measures, MailLog(log, b"key"))
        exchange = serving()
        made: tuple[NotificationReader, ...] = (ses(exchange), sendgrid(), postmark())
        readers = {reader.provider: reader for reader in made}
        offload = ThreadOffload()
        digesting = Digesting(spool=world.spool.inbox, readers=readers, clock=clock, offload=offload, observer=journal)
        inbox = Inbox(spool=world.spool.inbox, readers=readers, clock=clock, observer=journal, arrived=digesting.wake)
        mount = Mount(role=Role.HOOKS, path="/hooks/", app=inbox, methods=())
        server = await serve_http(Router([mount], [Role.HOOKS], journal.bug), "127.0.0.1", 0)
        site = Site(server, world, digesting, offload, exchange, measures, log, ours, lines)
        self.loop.set_exception_handler(lambda _, context: site.unhandled.append(context))
        return site

    async def _shut(self, site: Site) -> None:
        await site.serving.close()
        site.offload.close()

    async def _settle(self, site: Site) -> None:
        for _ in range(20):
            await site.digesting.digest_some()
            site.world.clock.forward(1)
        site.log.flush()

    async def _look(self, site: Site) -> Row:
        spool = site.world.spool
        rows = await spool.select(Selector(), 100)
        listed = await spool.suppressions(None, "", 100)
        facts = [fact.kind for ours in site.ours.values() for fact in await spool.history(ours)]
        return {
            "fates": {row.address: row.fate.value for row in rows if row.fate.value != "unknown"},
            "suppressed": sorted(each.address for each in listed),
            "tenants": sorted({each.tenant for each in listed}),
            "facts": facts.count("event"),
            "stored": sum(
                int(count)
                for (_, verdict), count in site.measures.counters[NOTIFICATIONS].items()
                if verdict == "taken"
            ),
            "asked": sorted({request.target.host for request in site.exchange.asked}),
            "confirmed": sum("ConfirmSubscription" in request.path for request in site.exchange.asked),
            "verdicts": {verdict: int(count) for (_, verdict), count in site.measures.counters[NOTIFICATIONS].items()},
        }


async def _handed_over(world: World, name: str) -> MessageId:
    provider = ProviderName("ses" if name == "shop" else name)
    tenant = {"tenant": Tenant("shop")} if name == "shop" else {}
    group = await world.admit_leased(*GIVEN[name], **tenant)
    await world.release(group, provider=provider)
    for recipient in group.recipients:
        await world.settle(
            group, Handover(provider_message_id=f"theirs-{name}"), n=recipient.n, provider=provider, tried=(provider,)
        )
    return group.message.id


# --- a row's posts --------------------------------------------------------------------------------------------------


def posts_of(row: Row) -> list[Row]:
    """The posts of a row; one row may be one post."""
    posts: list[Row] = row.get("posts") or [row]
    return posts


def play(site: Site, post: Row, presets: Mapping[str, Any]) -> list[int]:
    """Send a post as often as it says, at once if it says so; the answers."""
    headers, body = written(post, presets, site)
    times = post.get("times", 1)
    with ThreadPoolExecutor(min(times, 50)) as pool:
        return list(pool.map(lambda _: send(site, post, headers, body), range(times)))


def send(site: Site, post: Row, headers: Mapping[str, str], body: bytes) -> int:
    """One request on a connection of its own; its status."""
    connection = http.client.HTTPConnection("127.0.0.1", site.serving.port, timeout=PATIENCE_S)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was whole
            connection.request(
                post.get("method", "POST"), post.get("path", f"/hooks/{post['to']}"), body=body, headers=dict(headers)
            )
        response = connection.getresponse()
        answer = response.read()
        assert USER.encode() not in answer
        return response.status
    finally:
        connection.close()


def written(post: Row, presets: Mapping[str, Any], site: Site) -> tuple[dict[str, str], bytes]:
    """Header fields and body of a post."""
    headers, body = {"ses": _ses, "sendgrid": _sendgrid, "postmark": _postmark}[post["to"]](post, presets, site)
    for name in post.get("without", []):
        headers.pop(name, None)
    return headers | post.get("headers", {}), body


def _ses(post: Row, presets: Mapping[str, Any], site: Site) -> tuple[dict[str, str], bytes]:
    if "raw" in post:
        return sns_headers(), raw(post["raw"])
    kind = post.get("kind", "Notification")
    if kind == "Notification":
        fields = envelope(text_of(post, presets, site), **post.get("fields", {}))
    else:
        fields = confirmation(kind, **post.get("fields", {}))
    names = tuple(post["signs"]) if "signs" in post else None
    if not post.get("unsigned"):
        fields = signed(fields, post.get("key", "sns"), names=names)
    fields |= post.get("changed", {})
    fields = {name: value for name, value in fields.items() if value is not None}
    headers = sns_headers(post.get("type_field", fields.get("Type", "")), fields.get("TopicArn", ""))
    return headers, json.dumps(fields).encode()


def _sendgrid(post: Row, presets: Mapping[str, Any], site: Site) -> tuple[dict[str, str], bytes]:
    body = raw(post["raw"]) if "raw" in post else text_of(post, presets, site).encode()
    stamp: int | str = post.get("timestamp", NOW // 1_000_000 + post.get("later_s", 0))
    headers = sendgrid_headers(body, stamp)
    good = headers["x-twilio-email-event-webhook-signature"]
    if "signature" in post:
        headers["x-twilio-email-event-webhook-signature"] = raw(post["signature"].replace("GOOD", good)).decode()
    if post.get("rewritten"):
        body = json.dumps(json.loads(body), indent=1).encode()
    return headers, body


def _postmark(post: Row, presets: Mapping[str, Any], site: Site) -> tuple[dict[str, str], bytes]:
    body = raw(post["raw"]) if "raw" in post else text_of(post, presets, site).encode()
    return basic(password=post.get("password", PASSWORD)), body


def text_of(post: Row, presets: Mapping[str, Any], site: Site) -> str:
    """What is told: the preset, as the post has it otherwise, about the message it names."""
    told = json.loads(json.dumps(presets[post["tells"]]))
    if "recipients" in post:
        told["bounce"]["bouncedRecipients"] = [{"emailAddress": f"{n}@x.net"} for n in range(post["recipients"])]
    if "elements" in post:
        told = told * post["elements"]
    text = json.dumps(told)
    for name in site.ours:
        about = post.get("id_of", name)
        text = text.replace(f"OURS-{name}", site.ours[about].hex() if about in site.ours else about)
    for old, new in post.get("but", {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def raw(text: str) -> bytes:
    """`{N:text}` stands for text N times; other characters are bytes."""
    if text.startswith("{") and text.endswith("}") and text[1:].partition(":")[0].isdigit():
        times, _, piece = text[1:-1].partition(":")
        return piece.encode("latin-1") * int(times)
    return text.encode("latin-1")
