"""Logins and trust on real sockets."""

from base64 import b64encode
from typing import Any

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.credentials import Credential, CredentialStore, PasswordHash
from posthorse.accept.smtp.server import SmtpServer
from posthorse.accept.trusted import TrustedSources
from posthorse.mail.ids import MAIN_TENANT
from tests.unit.accept.kit import USER, house, smtp_server
from tests.unit.accept.smtp.client import connected
from tests.unit.accept.smtp.scenes import Run, scene_of


def test_a_wrong_login_is_refused_and_throttled(run: Run[Any]) -> None:
    """535 three times, then the connection ends; after ten the answer is 454 even for new connections."""
    home = house()
    wrong = b"AUTH PLAIN " + b64encode(b"\0" + USER.encode() + b"\0wrong")

    async def act(port: int) -> list[bytes]:
        replies = []
        for _ in range(5):
            async with connected(port) as client:
                await client.ask(b"EHLO x")
                replies += [await client.ask(wrong) for _ in range(3)]
                assert (await client.rest()).startswith(b"421")
        return replies

    replies = scene_of(run, smtp_server(home, trusted=False), act)
    assert [reply[:3] for reply in replies] == [b"535"] * 10 + [b"454"] * 5
    assert home.observer.told.count("login refused 127.0.0.1 False") == 10
    assert home.observer.told.count("login refused 127.0.0.1 True") == 5


def test_a_chosen_password_logs_in(run: Run[Any]) -> None:
    """Proved aside, then the session goes on, with what the client sent meanwhile."""
    server = smtp_server(house(), trusted=False)
    server.credentials = CredentialStore(
        [Credential(id="shop", tenant=MAIN_TENANT, password=PasswordHash.of("chosen", b"s" * 16))]
    )

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.ask(b"EHLO x")
            assert (await client.ask(b"AUTH PLAIN " + b64encode(b"\0shop\0wrong"))).startswith(b"535")
            assert (await client.ask(b"AUTH PLAIN " + b64encode(b"\0shop\0chosen"))).startswith(b"235")
            assert (await client.ask(b"MAIL FROM:<a@b.com>")).startswith(b"250")

    scene_of(run, server, act)


def test_trust_is_replaced_while_running(run: Run[Any]) -> None:
    """The next connection from the same address is nobody."""
    server = smtp_server(house(AdmissionPolicy()))

    async def act(port: int) -> None:
        for answer in (b"250", b"530"):
            async with connected(port) as client:
                await client.ask(b"EHLO x")
                assert (await client.ask(b"MAIL FROM:<a@b.com>")).startswith(answer)
            server.trusted = TrustedSources()

    scene_of(run, server, act)


def test_peers_are_read_from_what_transports_say() -> None:
    """IPv4 in IPv6 is IPv4, a local socket is loopback, what cannot be read is nobody's address."""
    server = SmtpServer.__new__(SmtpServer)
    server._trusted, server._peers = TrustedSources(), {}
    cases: dict[object, tuple[str, bool]] = {
        ("127.0.0.1", 1): ("127.0.0.1", True),
        ("::1", 1, 0, 0): ("::1", True),
        ("::ffff:192.0.2.1", 1, 0, 0): ("192.0.2.1", False),
        ("host\r\nname", 1): ("host??name", False),
        "": ("local", True),
        None: ("local", True),
    }
    assert {key: (peer.address, peer.loopback) for key in cases for peer in [server.peer_at(key)]} == cases
