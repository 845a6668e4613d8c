"""Every situation of situations.toml, on real sockets: the outcome, the gate, and what the server got."""

import asyncio
import contextlib
import socket
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.adapters.dialer import SystemDialer
from posthorse.lab.roster import ACCESS_KEY_ID, API_KEY, SECRET_ACCESS_KEY, SERVER_TOKEN
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import TlsMode
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.port import Provider
from posthorse.providers.postmark import postmark_provider
from posthorse.providers.sendgrid import sendgrid_provider
from posthorse.providers.ses import SesProvider
from tests.contract.provider_kit import (
    BODY,
    PATIENT,
    SHORT,
    Gate,
    dissector,
    for_ever,
    group,
    play,
    relay,
    way_back,
    words,
)
from tests.contract.scripted_http import PostmarkServer, SendGridServer, SesServer
from tests.contract.scripted_server import ScriptedServer
from tests.contract.scripted_smtp import SmtpServer

SITUATIONS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("situations.toml").read_text())
WIRES = ("smtp", "ses", "sendgrid", "postmark")
HTTP = WIRES[1:]
STRUCTURED = WIRES[2:]
SIGNED = (
    b"From: a@example.com\r\nTo: b@example.org, c@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r\n\r\n'
    b"--b\r\n\r\nHello.\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
)
SERVERS: dict[str, type[SmtpServer | SesServer | SendGridServer | PostmarkServer]] = {
    "smtp": SmtpServer,
    "ses": SesServer,
    "sendgrid": SendGridServer,
    "postmark": PostmarkServer,
}


def row_of(situation: dict[str, Any], wire: str) -> dict[str, Any] | None:
    """What a situation is on a wire; None: it does not exist there."""
    row = situation.get(wire, situation.get("http") if wire in HTTP else None)
    return row if row is None or wire == "smtp" else {"asked": True, "taken": True} | row


CASES = [
    pytest.param(wire, row, id=f"{wire}-{situation['id']}")
    for situation in SITUATIONS["situation"]
    for wire in WIRES
    if (row := row_of(situation, wire)) is not None
]


def way_out(wire: str, port: int, row: dict[str, Any]) -> Provider:
    """The way out under test."""
    host = row.get("host", "127.0.0.1")
    endpoint = f"http://{host}:{port}"
    exchange = PooledHttpExchange(dialer=SystemDialer())
    clock = SystemClock()
    name = ProviderName(wire)
    match wire:
        case "smtp":
            login = {"username": "user", "password": "pass"} if row.get("auth") else {}
            return relay(port, name=name, host=host, tls=TlsMode(row.get("tls", "none")), **login)
        case "ses":
            return SesProvider(
                name=name,
                region="us-east-1",
                access_key_id=ACCESS_KEY_ID,
                secret_access_key=SECRET_ACCESS_KEY,
                endpoint=endpoint,
                exchange=exchange,
                clock=clock,
            )
        case "sendgrid":
            return sendgrid_provider(
                name=name, api_key=API_KEY, endpoint=endpoint, dissector=dissector(), exchange=exchange, clock=clock
            )
        case _:
            return postmark_provider(
                name=name,
                server_token=SERVER_TOKEN,
                endpoint=endpoint,
                dissector=dissector(),
                exchange=exchange,
                clock=clock,
            )


@contextlib.asynccontextmanager
async def peer(wire: str, row: dict[str, Any]) -> AsyncIterator[ScriptedServer]:
    """The scripted server, or a port without one."""
    server: ScriptedServer = SERVERS[wire](script=row.get("script", {}))
    if isinstance(server, SmtpServer) and row.get("auth"):
        server.features = (*SmtpServer.features, "AUTH PLAIN LOGIN")
    match row.get("listen"):
        case "nobody":
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                server.port = unused.getsockname()[1]
                yield server
        case "full":
            with full_port() as port:
                server.port = port
                yield server
        case _:
            async with server.listening():
                yield server


@contextlib.contextmanager
def full_port() -> Any:
    """A port whose queue of connections is full, so that a SYN gets no answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def gate_of(row: dict[str, Any], server: ScriptedServer) -> Gate:
    """The gate this situation has."""

    async def until_lost() -> None:
        await server.until(lambda: server.deserted)
        await way_back(server.port)

    async def until_answered() -> None:
        await server.until(lambda: bool(server.lines))
        await way_back(server.port)

    match row.get("gate", "yes"):
        case "no":
            return Gate(answer=False)
        case "raises":
            return Gate(answer=RuntimeError("the spool is gone"))
        case "never":
            return Gate(until=for_ever)
        case "until-lost":
            return Gate(until=until_lost)
        case "until-answered":
            return Gate(until=until_answered)
        case _:
            return Gate()


def recipients_of(row: dict[str, Any]) -> list[str]:
    """To whom."""
    if "count" in row:
        return [f"r{n}@example.org" for n in range(row["count"])]
    return list(row.get("recipients", ["b@example.org"]))


def body_of(row: dict[str, Any]) -> bytes:
    """What is sent."""
    match row.get("body"):
        case None:
            return BODY
        case "signed":
            return SIGNED
        case name:
            return bytes(SITUATIONS["bodies"][name]["mail"].replace("\n", "\r\n"), "ascii")


def text_of(row: dict[str, Any]) -> bytes:
    """The text that a structured provider is given."""
    if row.get("body") in SITUATIONS["bodies"]:
        return bytes(SITUATIONS["bodies"][row["body"]]["text"], "ascii")
    return body_of(row).partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")


async def outcome_of(provider: Provider, row: dict[str, Any], gate: Gate, server: ScriptedServer) -> Any:
    """What the attempt came to, in words."""
    is_given_up = row.get("listen") == "full" or "hang" in row.get("script", {}).values()
    limits = SHORT if is_given_up else PATIENT
    handed = group(*recipients_of(row), body=body_of(row), limits=limits)
    task = asyncio.ensure_future(provider.attempt(handed, gate))
    if row["expect"] == "cancelled":
        await gate.reached.wait()
        task.cancel()
    elif row.get("parked"):
        await gate.reached.wait()
        await server.until(lambda: len(server.taken) == int(row.get("taken", False)))
        await asyncio.wait([task], timeout=row["patience_s"])
        assert not task.done(), "an attempt that was released waits for as long as it is left running"
        task.cancel()
    try:
        return words((await task).outcomes)
    except asyncio.CancelledError:
        return "cancelled"
    except RuntimeError:
        return "raises"


def expected(row: dict[str, Any], key: str = "expect") -> dict[int, str] | str:
    """What the row says, by recipient number."""
    expect = row[key]
    if row.get("parked"):
        return "cancelled"
    if expect in ("raises", "cancelled"):
        return str(expect)
    if isinstance(expect, str):
        return {n: expect for n, _ in enumerate(recipients_of(row), 3)}
    return dict(enumerate(expect, 3))


def assert_taken(wire: str, row: dict[str, Any], server: ScriptedServer) -> None:
    """What the server got is what was to be sent."""
    wanted = [address for address in recipients_of(row) if f"rcpt {address}" not in row.get("script", {})]
    for mail in server.taken:
        assert (mail.sender, mail.recipients) == ("a@example.com", wanted)
        if wire in STRUCTURED:
            assert mail.content.replace(b"\r\n", b"\n") == text_of(row)
        else:
            assert mail.content == body_of(row)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("wire", "row"), CASES)
def test_situation(wire: str, row: dict[str, Any], loop: str) -> None:
    """The outcome is the listed one, the gate was asked as listed, and the server got the last byte only if it may."""

    async def story() -> None:
        async with peer(wire, row) as server:
            provider = way_out(wire, server.port, row)
            gate = gate_of(row, server)
            came = await outcome_of(provider, row, gate, server)
            assert came == expected(row) or ("or" in row and came == expected(row, "or"))
            if "or" not in row:
                assert len(gate.asked) == int(row.get("asked", False))
            await provider.close()
            if row.get("listen") is None and "host" not in row and not row.get("parked"):
                await server.until(lambda: bool(server.taken) or server.deserted)
            assert len(server.taken) == int(row.get("taken", False))
            assert_taken(wire, row, server)

    play(story(), loop)


def test_every_situation_stands_for_each_wire() -> None:
    """At least sixty, each once, and none is forgotten on a wire: where it does not exist the reason stands there."""
    rows = SITUATIONS["situation"]
    kinds = [row["id"] for kind in ("situation", "lab", "notice") for row in SITUATIONS.get(kind, [])]
    assert len(set(kinds)) == len(kinds) >= 60
    for row in rows:
        missing = {wire for wire in WIRES if row_of(row, wire) is None}
        assert missing == set(row.get("never", {})), row["id"]
        assert set(row) <= {"id", "never", "http", *WIRES}, row["id"]
