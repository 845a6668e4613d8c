"""Mail through providers that take fields: a whole gateway, its worker process, simulated providers on real sockets."""

import asyncio
import os
import signal
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from posthorse.config.load import load_config
from posthorse.control import explain
from posthorse.control.client import ask
from posthorse.control.protocol import socket_path
from posthorse.control.requests import Providers
from posthorse.daemon.node import Daemon
from posthorse.lab.roster import API_KEY, SERVER_TOKEN, Entry, Roster
from posthorse.lab.serve import Lab
from posthorse.mail.carriage import Carriage
from posthorse.spool.desk_port import Hold, RecipientView, Selector, Suppression
from posthorse.watch.metrics import WORKER_FAILURES
from tests.scenarios.catcher import SECRET, Catcher

Run = Callable[[Coroutine[Any, Any, Any]], Any]

CONFIG = """
[spool]
url = "sqlite:posthorse.db"
[[listen]]
smtp = "127.0.0.1:0"
[log]
file = "posthorse.log"
[[trusted_sources]]
cidr = "127.0.0.1/32"
[[domains]]
name = "example.com"
[[providers]]
name = "grid"
kind = "sendgrid"
api_key = "env:API_KEY"
endpoint = "{grid}"
[[providers]]
name = "mark"
kind = "postmark"
server_token = "env:SERVER_TOKEN"
endpoint = "{mark}"
{more}
"""
RELAY = """
[[providers]]
name = "relay"
kind = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
"""
SIGNED = (
    "Content-Type: multipart/signed; boundary=b; protocol=application/pgp-signature\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
    "Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
)


@dataclass(slots=True)
class Site:
    """A gateway with the lab in front of it."""

    node: Daemon
    lab: Lab

    async def send(self, recipients: Sequence[str], rest: str, to: str) -> None:
        """One message by SMTP."""
        head = f"From: ann@example.com\r\nTo: {to}\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
        await self.send_whole(recipients, head + rest)

    async def send_whole(self, recipients: Sequence[str], content: str) -> None:
        """The same, with a header of its own."""
        host, _, port = next(at for name, at in self.node.addresses.items() if "smtp" in name).rpartition(":")
        reader, writer = await asyncio.open_connection(host.rpartition("/")[2] or host, int(port))
        talk = [
            "EHLO client.example",
            "MAIL FROM:<ann@example.com>",
            *(f"RCPT TO:<{each}>" for each in recipients),
            "DATA",
        ]
        await reader.readuntil(b"\r\n")
        for line in talk:
            writer.write(line.encode() + b"\r\n")
            while (reply := await reader.readuntil(b"\r\n"))[3:4] == b"-":
                pass
            assert reply[:1] in b"23", (line, reply)
        writer.write(f"{content}.\r\n".encode())
        assert (await reader.readuntil(b"\r\n")).startswith(b"250")
        writer.close()
        await writer.wait_closed()

    async def at_rest(self, count: int) -> list[RecipientView]:
        """Every recipient, once so many are at an end of duty."""
        while True:
            views = list(await self.node._spool.select(Selector(), 100))
            if (
                sum(view.carriage not in (Carriage.QUEUED, Carriage.LEASED, Carriage.RELEASED) for view in views)
                == count
            ):
                return sorted(views, key=lambda view: (view.message.id, view.n))
            await asyncio.sleep(0.02)

    async def explained(self) -> str:
        """The history as `posthorse explain` tells it."""
        return "\n".join(explain.words(row) for row in await self.node._spool.events_since(0, 1_000))


@asynccontextmanager
async def site(folder: Path, *, relay: bool, told: Catcher | None = None) -> AsyncIterator[Site]:
    """Both structured providers, behind them an SMTP relay if there is to be one; `told`: the customer's endpoint."""
    entries = [Entry(name="grid", kind="sendgrid"), Entry(name="mark", kind="postmark")]
    lab = Lab(
        Roster(providers=(*entries, *([Entry(name="relay", kind="smtp")] if relay else [])), control="127.0.0.1:0")
    )
    await lab.open()
    said = lab.describe()["providers"]
    more = RELAY.format(port=said["relay"]["port"]) if relay else ""
    if told is not None:
        (folder / "shop-secret").write_text(SECRET)
        more += told.config()
    file = folder / "posthorse.toml"
    file.write_text(CONFIG.format(grid=said["grid"]["endpoint"], mark=said["mark"]["endpoint"], more=more))
    environ = {"API_KEY": API_KEY, "SERVER_TOKEN": SERVER_TOKEN}
    node = Daemon(load_config(file, environ), file, environ)
    await node.start()
    try:
        yield Site(node, lab)
    finally:
        pids = node._workers.pids
        await node.stop("the test is over")
        await lab.close()
        assert not any(_lives(pid) for pid in pids)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_can_be_carried_goes_there_and_the_rest_by_the_relay(run: Run, tmp_path: Path) -> None:
    """Plain mail by the first; signed mail, and mail to a part of its To, by SMTP with the reason in its history."""

    async def story() -> None:
        async with site(tmp_path, relay=True) as it:
            await it.send(["b@example.org", "blind@example.org"], "\r\nplain\r\n", "b@example.org")
            await it.send(["b@example.org"], SIGNED, "b@example.org")
            await it.send(["c@example.org"], "\r\nfor one\r\n", "b@example.org, c@example.org")
            views = await it.at_rest(4)
            assert [view.carriage for view in views] == [Carriage.HANDED_OVER] * 4
            assert [view.tried[0] for view in views] == ["grid", "grid", "relay", "relay"]
            signed = "signed or encrypted mail (multipart/signed)"
            other = "an address in To or Cc that is not among these recipients and would get it, too"
            told = await it.explained()
            for why in (signed, other):
                assert f"relay was chosen: next in order (grid: cannot carry: {why}; mark: cannot carry: {why})" in told

    run(story())


def test_what_nobody_can_carry_is_rejected_at_once_with_the_reasons(run: Run, tmp_path: Path) -> None:
    """A route of structured providers only: signed mail ends there, and says why."""

    async def story() -> None:
        async with site(tmp_path, relay=False) as it:
            await it.send(["b@example.org"], SIGNED, "b@example.org")
            (view,) = await it.at_rest(1)
            assert (view.carriage, view.attempts) == (Carriage.REJECTED, 0)
            why = "cannot carry: signed or encrypted mail (multipart/signed)"
            told = await it.explained()
            assert told.count(f"no provider can carry it (grid: {why}; mark: {why})") == 1
            assert "answered" not in told, "nobody was asked"

    run(story())


EVERYDAY = tomllib.loads((Path(__file__).parents[1] / "contract" / "situations.toml").read_text())
NOWHERE = {"cancellation", "message", "empty-file", "climbing-name"}
"""What neither of the two takes."""


def test_mail_of_every_day_needs_no_relay(run: Run, tmp_path: Path) -> None:
    """No subject, no text, files alone or without a name, calendars, flowing text: handed over, as one of the two
    takes it; the others are rejected, and a reason stands for each provider.
    """
    bodies = {name: body["mail"].replace("\n", "\r\n") for name, body in EVERYDAY["bodies"].items()}
    assert set(bodies) > NOWHERE

    async def story() -> None:
        async with site(tmp_path, relay=False) as it:
            for body in bodies.values():
                await it.send_whole(["b@example.org"], body)
            views = await it.at_rest(len(bodies))
            ends = dict(zip(bodies, (view.carriage for view in views), strict=True))
            assert {name for name, end in ends.items() if end is Carriage.REJECTED} == NOWHERE
            assert {end for name, end in ends.items() if name not in NOWHERE} == {Carriage.HANDED_OVER}

    run(story())


def test_who_sent_what_nobody_can_carry_is_told_at_once(run: Run, tmp_path: Path) -> None:
    """Within seconds of the receipt the endpoint of the customer knows that the mail is rejected, which part of it is
    to blame, and what each provider said against it.
    """

    async def story() -> None:
        shop = Catcher()
        await shop.open()
        try:
            async with site(tmp_path, relay=False, told=shop) as it:
                body = EVERYDAY["bodies"]["empty-file"]["mail"].replace("\n", "\r\n")
                await it.send_whole(["b@example.org"], body)
                await shop.until(lambda: bool(shop.events), within_s=10)
                (event,) = shop.events
                assert event["type"] == "message.rejected"
                why = "cannot carry: an empty file (part 2)"
                assert event["data"]["reason"] == f"no provider can carry it (grid: {why}; mark: {why})"
        finally:
            shop.close()

    run(story())


def test_a_part_waits_while_the_rest_may_come_and_ends_with_its_reason(run: Run, tmp_path: Path) -> None:
    """One held: the other waits, and both go when the hold is lifted. One suppressed: the other cannot go there."""

    async def story() -> None:
        async with site(tmp_path, relay=False) as it:
            spool = it.node._spool
            hold = await spool.hold(Hold(selector=Selector(recipient_domain="held.example"), reason="x", by="ann"))
            await it.send(["b@example.org", "c@held.example"], "\r\nplain\r\n", "b@example.org, c@held.example")
            while "have not come to their end" not in await it.explained():  # noqa: ASYNC110 - nothing tells us
                await asyncio.sleep(0.02)
            assert {view.carriage for view in await spool.select(Selector(), 10)} == {Carriage.QUEUED}
            await spool.unhold(hold.id)
            views = await it.at_rest(2)
            assert [(view.carriage, view.provider) for view in views] == [(Carriage.HANDED_OVER, "grid")] * 2
            gone = Suppression(
                tenant=views[0].message.tenant, address="e@example.org", reason="x", source="operator:ann", created_at=0
            )
            await spool.suppress(gone)
            await it.send(["d@example.org", "e@example.org"], "\r\nplain\r\n", "d@example.org, e@example.org")
            ends = {view.address: view.carriage for view in await it.at_rest(4)}
            assert (ends["d@example.org"], ends["e@example.org"]) == (Carriage.REJECTED, Carriage.SUPPRESSED)
            assert "not among these recipients and would get it, too" in await it.explained()

    run(story())


def test_a_worker_that_is_killed_costs_no_mail(run: Run, tmp_path: Path) -> None:
    """It is started again, and the next message is taken apart as before."""

    async def story() -> None:
        async with site(tmp_path, relay=False) as it:
            (pid,) = it.node._workers.pids
            os.kill(pid, signal.SIGKILL)
            await it.send(["b@example.org"], "\r\nplain\r\n", "b@example.org")
            (view,) = await it.at_rest(1)
            assert view.carriage is Carriage.HANDED_OVER
            assert it.node._workers.pids != [pid]

    run(story())


def test_a_worker_that_cannot_start_is_told_and_the_mail_waits(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log, metric, `/readyz` and the list of providers say why nothing goes; when it can start, everything does."""

    async def story() -> None:
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
        async with site(tmp_path, relay=False) as it:
            await it.send(["b@example.org"], "\r\nplain\r\n", "b@example.org")
            why = "no worker could be started"
            while f"cannot look into the message now: {why}" not in await it.explained():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
            assert it.node._workers.trouble.startswith(why)
            listed = (await ask(socket_path(tmp_path / "posthorse.db"), Providers(), "ann")).providers
            assert [(one.name, f"cannot look into mail: {why}" in one.why) for one in listed] == [
                ("grid", True),
                ("mark", True),
            ]
            log = (tmp_path / "posthorse.log").read_text()
            assert all(f'"event":"{event}"' in log for event in ("worker_failed", "not_surveyed"))
            assert it.node._measures.counters[WORKER_FAILURES].value("start") >= 1
            monkeypatch.undo()
            (view,) = await it.at_rest(1)
            assert view.carriage is Carriage.HANDED_OVER
            assert not it.node._workers.trouble

    run(story())
