"""How the ways out protect a connection: verified TLS or nothing, on both event loops."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.adapters.dialer import SystemDialer
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import TlsMode
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.ses import SesProvider
from posthorse.providers.smtp import SmtpProvider
from tests.contract.certificates import Authority
from tests.contract.provider_kit import BODY, PATIENT, SHORT, Gate, group, play, words
from tests.contract.scripted_http import SesServer
from tests.contract.scripted_smtp import FEATURES, SmtpServer

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
INJECTIONS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "corpus" / "provider" / "starttls.json").read_text()
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One authority for all of these tests."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority nobody trusts."""
    return Authority(tmp_path_factory.mktemp("other"))


def provider(port: int, tls: TlsMode, ca_file: str, **more: Any) -> SmtpProvider:
    """The way out under test, with credentials."""
    return SmtpProvider(
        name=ProviderName("relay"),
        host="127.0.0.1",
        port=port,
        tls=tls,
        ca_file=ca_file,
        dialer=SystemDialer(),
        helo="gateway.example",
        username="user",
        password="pass",
        **more,
    )


@LOOPS
@pytest.mark.parametrize("mechanisms", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=LOGIN"])
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_mail_and_credentials_go_out_over_verified_tls(
    authority: Authority, tls: TlsMode, mechanisms: str, loop: str
) -> None:
    """With STARTTLS or TLS from the first byte, AUTH follows TLS and the mail arrives, twice on one connection."""

    async def story() -> None:
        server = SmtpServer(tls=authority.context(), implicit=tls is TlsMode.IMPLICIT, features=(*FEATURES, mechanisms))
        async with server.listening():
            way = provider(server.port, tls, authority.ca_file)
            for _ in range(2):
                report = await way.attempt(group(), Gate())
                assert words(report.outcomes) == {3: "handover provider"}
            await way.close()
            await server.until(lambda: server.deserted)
        assert [mail.content for mail in server.taken] == [BODY, BODY]
        assert server.connections == 1
        verbs = [line.split()[0] for line in server.lines]
        assert verbs[: verbs.index("MAIL")] == (
            ["EHLO", "STARTTLS", "EHLO", "AUTH"] if tls is TlsMode.STARTTLS else ["EHLO", "AUTH"]
        )

    play(story(), loop)


def verbs_of(lines: Sequence[str]) -> set[str]:
    """The commands a server heard."""
    return {line.split()[0] for line in lines}


@LOOPS
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
@pytest.mark.parametrize("flaw", ["another name", "expired", "unknown authority"])
def test_a_certificate_that_does_not_hold_ends_it(
    authority: Authority, other: Authority, flaw: str, tls: TlsMode, loop: str
) -> None:
    """B21: a wrong name, an expired date or an unknown authority: no credentials, no mail, no plain text instead."""
    match flaw:
        case "another name":
            context = authority.context("mail.example.org")
        case "expired":
            context = authority.context(days=-1)
        case _:
            context = other.context()

    async def story() -> None:
        server = SmtpServer(tls=context, implicit=tls is TlsMode.IMPLICIT, features=(*FEATURES, "AUTH PLAIN"))
        async with server.listening():
            gate = Gate()
            report = await provider(server.port, tls, authority.ca_file).attempt(group(), gate)
            assert words(report.outcomes) == {3: "fault channel"}
            assert gate.asked == []
            await server.until(lambda: server.deserted)
        assert verbs_of(server.lines) <= {"EHLO", "STARTTLS"}

    play(story(), loop)


@LOOPS
@pytest.mark.parametrize("row", INJECTIONS, ids=[row["id"] for row in INJECTIONS])
def test_what_comes_in_plain_text_around_starttls_never_counts(
    authority: Authority, row: dict[str, Any], loop: str
) -> None:
    """B20, B21: bytes before TLS, a refusal, or no offer at all end it before credentials or mail are sent."""

    async def story() -> None:
        server = SmtpServer(
            script=row["script"],
            tls=authority.context() if row["offers"] else None,
            features=(*FEATURES, "AUTH PLAIN", *row.get("features", ())),
        )
        async with server.listening():
            gate = Gate()
            limits = SHORT if row.get("is_given_up") else PATIENT
            report = await provider(server.port, TlsMode.STARTTLS, authority.ca_file).attempt(
                group(limits=limits), gate
            )
            assert words(report.outcomes) == {3: row["expect"]}
            assert gate.asked == []
            await server.until(lambda: server.deserted)
        assert verbs_of(server.lines) <= {"EHLO", "STARTTLS"}

    play(story(), loop)


def test_features_offered_before_tls_are_forgotten(authority: Authority) -> None:
    """RFC 3207 section 4.2: what EHLO said in plain text is no reason to use PIPELINING or SIZE afterwards."""

    async def story() -> None:
        script = {
            "ehlo": ["250-scripted\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 STARTTLS", "250-a\r\n250 AUTH PLAIN"]
        }
        server = SmtpServer(script=script, tls=authority.context())
        async with server.listening():
            await provider(server.port, TlsMode.STARTTLS, authority.ca_file).attempt(group(), Gate())
        assert "MAIL FROM:<a@example.com>" in server.lines

    play(story())


@pytest.mark.parametrize("host", ["relay.example.net", "10.1.2.3", "localhost.example.net", "192.0.2.1"])
def test_credentials_without_tls_are_refused_when_the_provider_is_made(host: str) -> None:
    """Only loopback may be given a password in plain text."""
    with pytest.raises(ValueError, match="need TLS"):
        SmtpProvider(
            name=ProviderName("relay"),
            host=host,
            port=25,
            tls=TlsMode.NONE,
            dialer=SystemDialer(),
            helo="gateway.example",
            username="user",
            password="pass",
        )


@LOOPS
def test_ses_is_reached_over_verified_tls(authority: Authority, other: Authority, loop: str) -> None:
    """HTTPS works with the trusted authority; with another one nothing is sent and the gate is never asked."""

    async def story() -> None:
        for trusted, expect in ((authority, "handover provider"), (other, "fault channel")):
            server = SesServer(tls=authority.context(), implicit=True)
            async with server.listening():
                way = SesProvider(
                    name=ProviderName("ses"),
                    region="eu-west-1",
                    access_key_id="AKIDEXAMPLE",
                    secret_access_key="secret",
                    endpoint=f"https://127.0.0.1:{server.port}",
                    ca_file=trusted.ca_file,
                    exchange=PooledHttpExchange(dialer=SystemDialer()),
                    clock=SystemClock(),
                )
                gate = Gate()
                assert words((await way.attempt(group(), gate)).outcomes) == {3: expect}
                assert len(gate.asked) == len(server.taken) == (trusted is authority)

    play(story(), loop)


@LOOPS
@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_certificates_that_cannot_be_read_are_our_own_fault(
    authority: Authority, tls: TlsMode, content: str | None, tmp_path: Path, loop: str
) -> None:
    """A CA file that is gone, empty or broken says nothing about the provider; nothing is released."""
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)

    async def story() -> None:
        server = SmtpServer(tls=authority.context(), implicit=tls is TlsMode.IMPLICIT)
        async with server.listening():
            gate = Gate()
            report = await provider(server.port, tls, str(ca_file)).attempt(group(), gate)
            assert words(report.outcomes) == {3: "deferral us"}
            assert str(ca_file) in report.outcomes[3].reply.text
            assert not gate.asked
        ses = SesProvider(
            name=ProviderName("ses"),
            region="eu-west-1",
            access_key_id="AKIDEXAMPLE",
            secret_access_key="secret",
            endpoint="https://127.0.0.1:9",
            ca_file=str(ca_file),
            exchange=PooledHttpExchange(dialer=SystemDialer()),
            clock=SystemClock(),
        )
        assert words((await ses.attempt(group(), gate)).outcomes) == {3: "deferral us"}
        assert not gate.asked

    play(story(), loop)
