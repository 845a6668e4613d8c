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
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import TlsMode
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.port import Provider
from posthorse.providers.ses import SesProvider
from posthorse.providers.smtp import SmtpProvider
from tests.contract.provider_kit import (
    BODY,
    PATIENT,
    SHORT,
    Gate,
    SesServer,
    SmtpServer,
    for_ever,
    group,
    play,
    way_back,
    words,
)

SITUATIONS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("situations.toml").read_text())
CASES = [(wire, row) for wire in ("smtp", "ses") for row in SITUATIONS[wire]]


def smtp(port: int, row: dict[str, Any]) -> SmtpProvider:
    """The way out under test."""
    login: dict[str, Any] = {"username": "user", "password": "pass"} if row.get("auth") else {}
    return SmtpProvider(
        name=ProviderName("relay"),
        host=row.get("host", "127.0.0.1"),
        port=port,
        tls=TlsMode(row.get("tls", "none")),
        dialer=SystemDialer(),
        helo="gateway.example",
        **login,
    )


def ses(port: int, row: dict[str, Any]) -> SesProvider:
    """The way out under test."""
    return SesProvider(
        name=ProviderName("ses"),
        region="eu-west-1",
        access_key_id="AKIDEXAMPLE",
        secret_access_key="secret",
        endpoint=f"http://{row.get('host', '127.0.0.1')}:{port}",
        exchange=PooledHttpExchange(dialer=SystemDialer()),
        clock=SystemClock(),
    )


@contextlib.asynccontextmanager
async def peer(wire: str, row: dict[str, Any]) -> AsyncIterator[SmtpServer | SesServer]:
    """The scripted server, or a port without one."""
    script = row.get("script", {})
    features = SmtpServer.features if not row.get("auth") else (*SmtpServer.features, "AUTH PLAIN LOGIN")
    server = SmtpServer(script=script, features=features) if wire == "smtp" else SesServer(script=script)
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


def gate_of(row: dict[str, Any], server: SmtpServer | SesServer) -> Gate:
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


async def outcome_of(
    provider: Provider, row: dict[str, Any], gate: Gate, server: SmtpServer | SesServer
) -> dict[int, str] | str:
    """What the attempt came to, in words."""
    recipients = row.get("recipients", ["b@example.org"])
    is_given_up = row.get("listen") == "full" or "hang" in row.get("script", {}).values()
    limits = SHORT if is_given_up else PATIENT
    task = asyncio.ensure_future(provider.attempt(group(*recipients, limits=limits), gate))
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
    recipients = row.get("recipients", ["b@example.org"])
    expect = row[key]
    if row.get("parked"):
        return "cancelled"
    if expect in ("raises", "cancelled"):
        return str(expect)
    if isinstance(expect, str):
        return {n: expect for n, _ in enumerate(recipients, 3)}
    return dict(enumerate(expect, 3))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("wire", "row"), CASES, ids=[f"{wire}-{row['id']}" for wire, row in CASES])
def test_situation(wire: str, row: dict[str, Any], loop: str) -> None:
    """The outcome is the listed one, the gate was asked as listed, and the server got the last byte only if it may."""

    async def story() -> None:
        async with peer(wire, row) as server:
            provider: Provider = (smtp if wire == "smtp" else ses)(server.port, row)
            gate = gate_of(row, server)
            came = await outcome_of(provider, row, gate, server)
            assert came == expected(row) or ("or" in row and came == expected(row, "or"))
            if "or" not in row:
                assert len(gate.asked) == int(row.get("asked", False))
            await provider.close()
            if row.get("listen") is None and "host" not in row and not row.get("parked"):
                await server.until(lambda: bool(server.taken) or server.deserted)
            assert len(server.taken) == int(row.get("taken", False))
            for mail in server.taken:
                assert (mail.sender, mail.content) == ("a@example.com", BODY)
                assert mail.recipients == [
                    a for a in row.get("recipients", ["b@example.org"]) if f"rcpt {a}" not in row.get("script", {})
                ]

    play(story(), loop)


def test_every_situation_stands_for_each_wire() -> None:
    """No situation is forgotten on one wire, save those that only exist on the other."""
    ids = {wire: [row["id"] for row in SITUATIONS[wire]] for wire in ("smtp", "ses")}
    assert all(len(set(names)) == len(names) for names in ids.values())
    for wire, other in (("smtp", "ses"), ("ses", "smtp")):
        assert set(ids[wire]) - set(ids[other]) == set(SITUATIONS["only"][wire])
