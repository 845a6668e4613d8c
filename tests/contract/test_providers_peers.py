"""Peers nobody here wrote take the mail: aiosmtpd, and Postfix's smtp-sink."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from posthorse.adapters.dialer import SystemDialer
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import TlsMode
from posthorse.providers.smtp import SmtpProvider
from tests.conftest import SYSTEM_PATH
from tests.contract.certificates import Authority
from tests.contract.provider_kit import BODY, Gate, group, play, words

HANDED_OVER = {3: "handover provider"}


def provider(port: int, **more: Any) -> SmtpProvider:
    """The way out under test."""
    known: dict[str, Any] = {
        "name": ProviderName("relay"),
        "host": "127.0.0.1",
        "port": port,
        "tls": TlsMode.NONE,
        "dialer": SystemDialer(),
        "helo": "gateway.example",
    }
    return SmtpProvider(**(known | more))


class Keeper:
    """What aiosmtpd calls; keeps what it was given."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 5.1.1 User unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 OK"


@asynccontextmanager
async def aiosmtpd(keeper: Keeper, **options: Any) -> AsyncIterator[int]:
    """An aiosmtpd server in this loop."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keeper, loop=loop, **options), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def test_aiosmtpd_takes_mail_byte_for_byte() -> None:
    """Without PIPELINING, with SMTPUTF8 and 8-bit content, and with one recipient refused; three on one connection."""

    async def story() -> None:
        keeper = Keeper()
        async with aiosmtpd(keeper, enable_SMTPUTF8=True) as port:
            way = provider(port)
            for _ in range(2):
                report = await way.attempt(group("b@example.org", "gone@example.org"), Gate())
                assert words(report.outcomes) == {3: "handover provider", 4: "rejection recipient"}
            eight_bit = "Subject: \u00e9\r\n\r\n.\u00fc\r\n".encode()
            utf8 = group("\u00e9@example.org", body=eight_bit, smtputf8=True, eight_bit=True)
            assert words((await way.attempt(utf8, Gate())).outcomes) == HANDED_OVER
            await way.close()
        assert keeper.mails == [
            ("a@example.com", ["b@example.org"], BODY),
            ("a@example.com", ["b@example.org"], BODY),
            ("a@example.com", ["\u00e9@example.org"], eight_bit),
        ]

    play(story())


def test_aiosmtpd_takes_mail_over_starttls_with_auth(tmp_path: Path) -> None:
    """STARTTLS required and a login: PLAIN and LOGIN are understood by another implementation, wrong ones refused."""
    authority = Authority(tmp_path)

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"user", b"pass"), handled=False)

    async def story(mechanism: str, password: str, expect: str) -> None:
        keeper = Keeper()
        options = {
            "tls_context": authority.context(),
            "require_starttls": True,
            "auth_required": True,
            "authenticator": check,
            "auth_exclude_mechanism": {"PLAIN", "LOGIN"} - {mechanism},
        }
        async with aiosmtpd(keeper, **options) as port:
            login = {"username": "user", "password": password}
            way = provider(port, tls=TlsMode.STARTTLS, ca_file=authority.ca_file, **login)
            assert words((await way.attempt(group(), Gate())).outcomes) == {3: expect}
            await way.close()
        assert len(keeper.mails) == (expect == "handover provider")

    for mechanism in ("PLAIN", "LOGIN"):
        play(story(mechanism, "pass", "handover provider"))
        play(story(mechanism, "wrong", "rejection account"))


@asynccontextmanager
async def smtp_sink(*options: str) -> AsyncIterator[int]:
    """Postfix's smtp-sink as a process of its own."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    program = shutil.which("smtp-sink", path=SYSTEM_PATH)
    assert program
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(program, *user, *options, f"127.0.0.1:{port}", "100")
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                assert process.returncode is None
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                break
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.needs("smtp-sink")
@pytest.mark.parametrize(
    ("options", "expect"),
    [
        ((), "handover provider"),
        (("-p",), "handover provider"),  # no PIPELINING
        (("-e",), "fault channel"),  # no ESMTP
        (("-r", "RCPT"), "deferral provider"),  # 450 4.3.0: the enhanced code speaks of the server
        (("-f", "RCPT"), "fault provider"),  # 500 5.3.0
        (("-r", "."), "deferral provider"),
        (("-f", "."), "fault provider"),
        (("-q", "DATA"), "fault channel"),  # disconnects
        (("-q", "."), "unclear provider"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_smtp_sink_takes_mail_or_fails_as_told(options: tuple[str, ...], expect: str) -> None:
    """Postfix's own test server, pipelined, plain, refusing softly or hard, hanging up: each has its outcome, twice."""

    async def story() -> None:
        async with smtp_sink(*options) as port:
            way = provider(port)
            for _ in range(2):
                assert words((await way.attempt(group(), Gate())).outcomes) == {3: expect}
            await way.close()

    play(story())
