"""The corpus of real-shaped mail through each kind of provider: what arrives is what was sent, as far as is promised.

*Exact*: the same bytes. *Wrapped*: the same, save the fields the provider rewrites. *Recomposed*: everything a reader
sees is equal, or the message is no candidate there, for the reason the corpus expects.
"""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from posthorse.accept.api.decoding import decoded
from posthorse.accept.api.intake import taken
from posthorse.adapters.bounded_worker import ChildWorkers
from posthorse.adapters.clock import SystemClock
from posthorse.adapters.dialer import SystemDialer
from posthorse.adapters.offload import ThreadOffload
from posthorse.config import Config, read_config
from posthorse.daemon.node import MIME_WORKER
from posthorse.daemon.outlets import Edge, outlets_of
from posthorse.lab.mailbox import Mailbox
from posthorse.lab.roster import Entry, Roster
from posthorse.lab.serve import Lab
from posthorse.mail.ids import MAIN_TENANT, MessageId
from posthorse.mail.message import Message
from posthorse.mail.outcome import Handover
from posthorse.mail.stream import Stream
from posthorse.providers.dkim.signing import Keyring
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.port import HandoverGroup, Provider, Surveying
from tests.contract.composed_mail import every_shape
from tests.contract.mail_compare import misplaced, seen

FOLDER = Path(__file__).parents[1] / "corpus" / "mime"
CORPUS = tomllib.loads((FOLDER / "index.toml").read_text(encoding="utf-8"))["mail"]
REWRITTEN = {"message-id", "date", "return-path"}


class Catcher(Mailbox):
    """A mailbox that keeps the mail."""

    def __init__(self) -> None:
        super().__init__()
        self.caught: list[tuple[tuple[str, ...], bytes]] = []

    def deliver(self, *, provider: str, recipients: Sequence[str], content: bytes, at: int) -> None:
        """Keep it, and count it as ever."""
        super().deliver(provider=provider, recipients=recipients, content=content, at=at)
        self.caught.append((tuple(recipients), content))


@dataclass(slots=True, kw_only=True)
class Road:
    """The way out to one simulated provider, and the mailbox behind it."""

    provider: Provider
    mailbox: Catcher
    arrived: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)

    async def carry(self, name: str, recipients: Sequence[str]) -> tuple[bytes, bytes]:
        """(what was sent, what arrived) of one message of the corpus, handed over to everybody at once."""
        return await self.carry_group(group_of(name, recipients), name)

    async def carry_group(self, group: HandoverGroup, name: str) -> tuple[bytes, bytes]:
        """The same of any message."""
        report = await self.provider.attempt(group, _yes)
        for n, address in group.recipients:
            assert isinstance(report.outcomes.get(n), Handover), (name, address, report.outcomes.get(n))
        ((to, content),) = self.mailbox.caught
        self.mailbox.caught.clear()
        assert sorted(map(str.lower, to)) == sorted(address.lower() for _, address in group.recipients), name
        return group.body, content


async def _yes(_: Sequence[int]) -> bool:
    return True


def group_of(name: str, recipients: Sequence[str]) -> HandoverGroup:
    """A message of the corpus as it stands in the spool."""
    number = next(n for n, mail in enumerate(CORPUS) if mail["file"] == name)
    return group_for(number, (FOLDER / name).read_bytes(), recipients)


def group_for(number: int, content: bytes, recipients: Sequence[str]) -> HandoverGroup:
    """Any message, the same."""
    message_id = MessageId(number.to_bytes(16, "big"))
    body = f"X-Posthorse-Id: {message_id.hex()}\r\n".encode() + content
    message = Message(
        id=message_id,
        tenant=MAIN_TENANT,
        stream=Stream.STANDARD,
        sender="bounces@example.com",
        size_bytes=len(body),
        accepted_at=1,
        expires_at=2,
        eight_bit=not body.isascii(),
    )
    return HandoverGroup(message=message, body=body, recipients=tuple(enumerate(recipients)))


@asynccontextmanager
async def road(kind: str) -> AsyncIterator[Road]:
    """A simulated provider on a real socket, and the adapter for it as the daemon makes it."""
    lab = Lab(Roster(providers=(Entry(name="there", kind=kind),), control="127.0.0.1:0"))  # type: ignore[arg-type]
    lab.mailbox = mailbox = Catcher()
    dialer, offload = SystemDialer(), ThreadOffload()
    exchange = PooledHttpExchange(dialer=dialer)
    workers = ChildWorkers(MIME_WORKER)
    await lab.open()
    try:
        edge = Edge(
            clock=SystemClock(),
            dialer=dialer,
            exchange=exchange,
            offload=offload,
            dissector=Dissector(workers),
            hostname="mx.example.com",
            keyring=Keyring(),
        )
        (outlet,) = outlets_of(_config(kind, lab), edge)
        yield Road(provider=outlet.provider, mailbox=mailbox)
        await outlet.provider.close()
    finally:
        await workers.close()
        await exchange.close()
        await lab.close()
        offload.close()


SECRETS = {"SES": "secret_access_key", "SENDGRID": "api_key", "POSTMARK": "server_token"}


def _config(kind: str, lab: Lab) -> Config:
    """A configuration with this provider alone."""
    said = lab.describe()["providers"]["there"]
    wanted = {
        "smtp": ("host", "port", "tls"),
        "ses": ("region", "endpoint", "access_key_id"),
        "sendgrid": ("endpoint",),
        "postmark": ("endpoint",),
    }[kind]
    lines = [f"{key} = {json.dumps(said[key])}" for key in wanted]
    environ = {}
    if secret := SECRETS.get(kind.upper()):
        lines.append(f'{secret} = "env:THE_SECRET"')
        environ["THE_SECRET"] = said[secret]
    text = "\n".join(['[[providers]]\nname = "there"', f'kind = "{kind}"', *lines])
    return read_config(text, folder=Path("/nowhere"), environ=environ)


def test_there_are_enough_messages() -> None:
    """At least two hundred, each with its file, no file without its entry."""
    files = {mail["file"] for mail in CORPUS}
    assert len(files) == len(CORPUS) >= 200
    assert files == {path.name for path in FOLDER.glob("*.eml")}


def test_an_exact_way_carries_the_bytes() -> None:
    """SMTP: byte for byte, save the line end that a message without one gets."""

    async def story() -> None:
        async with road("smtp") as way:
            for mail in CORPUS:
                sent, arrived = await way.carry(mail["file"], mail["recipients"])
                assert arrived == sent, mail["file"]

    asyncio.run(story())


def test_a_wrapped_way_changes_what_it_says_it_changes() -> None:
    """SES: every byte of the body and every field, save Message-ID, Date and Return-Path."""

    async def story() -> None:
        async with road("ses") as way:
            assert {name.lower() for name in way.provider.capability.rewrites} == REWRITTEN
            for mail in CORPUS:
                sent, arrived = await way.carry(mail["file"], mail["recipients"])
                assert arrived.partition(b"\r\n\r\n")[2] == sent.partition(b"\r\n\r\n")[2], mail["file"]
                assert seen(arrived, REWRITTEN) == seen(sent, REWRITTEN), mail["file"]

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["sendgrid", "postmark"])
def test_a_recomposed_way_carries_everything_or_nothing(kind: str) -> None:
    """SendGrid, Postmark: a reader sees in what arrives exactly what was sent; what cannot be said in the provider's
    fields makes it no candidate, for the reason that the corpus expects.
    """

    async def story() -> None:
        async with road(kind) as way:
            assert isinstance(way.provider, Surveying)
            rewritten = {name.lower() for name in way.provider.capability.rewrites}
            wrong: list[tuple[object, ...]] = []
            for mail in CORPUS:
                name, reason = mail["file"], mail.get(kind, mail["recompose"])
                obstacle = await way.provider.survey(group_of(name, mail["recipients"]))
                why = "" if obstacle is None else obstacle.why
                if reason != "yes" or why:
                    if reason == "yes" or reason.lower() not in why.lower():
                        wrong.append((name, reason, why))
                    continue
                sent, arrived = await way.carry(name, mail["recipients"])
                if seen(arrived, rewritten) != seen(sent, rewritten) or misplaced(arrived):
                    wrong.append((name, seen(sent, rewritten), seen(arrived, rewritten)))
            assert not wrong

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["sendgrid", "postmark"])
def test_a_recomposed_way_carries_all_that_we_compose(kind: str) -> None:
    """Mail given to us in fields, in every shape: texts, pages, images, files; each arrives whole where providers take
    fields.
    """

    async def story() -> None:
        async with road(kind) as way:
            assert isinstance(way.provider, Surveying)
            rewritten = {name.lower() for name in way.provider.capability.rewrites}
            for number, (shape, content) in enumerate(every_shape()):
                group = group_for(number, content, ("anna@example.org", "bob@example.net"))
                assert await way.provider.survey(group) is None, shape
                sent, arrived = await way.carry_group(group, shape)
                assert seen(arrived, rewritten) == seen(sent, rewritten), shape
                assert not misplaced(arrived), shape

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["sendgrid", "postmark"])
def test_the_requests_of_the_manual_are_carried(kind: str) -> None:
    """The examples that users of the native API begin with, one message and many, go out by any provider."""

    async def story() -> None:
        page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
        one, many = (rest.partition("'\n```")[0] for rest in page.split(" -d '")[1:])
        examples = (one.encode(), json.dumps(json.loads(many)["messages"][0]).encode())
        async with road(kind) as way:
            for example in examples:
                mail = await taken(await decoded(example), 100)
                content = b"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@example.com>\r\n" + mail.content
                sent, arrived = await way.carry_group(group_for(1, content, mail.recipients), "the example")
                rewritten = {name.lower() for name in way.provider.capability.rewrites}
                assert seen(arrived, rewritten) == seen(sent, rewritten)
                assert not misplaced(arrived)

    asyncio.run(story())
