"""Clients that nobody here wrote, on real sockets."""

import asyncio
import smtplib
from email.message import EmailMessage
from typing import Any

import aiosmtplib

from tests.unit.accept.kit import MAIL, PASSWORD, USER, house, listening, smtp_server
from tests.unit.accept.smtp.scenes import Run, Tls


def letter() -> EmailMessage:
    """An ordinary message with what mail likes to trip over."""
    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = "ada@example.net"
    message["Subject"] = "Grüße"
    message.set_content("Hello\n.\n..\n.dot\nEnd")
    return message


def test_smtplib_sends_with_starttls_and_login(run: Run[Any], contexts: Tls) -> None:
    """The standard library's client, unchanged: several messages on one connection."""
    home = house()

    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client._host = "localhost"  # type: ignore[attr-defined]
            client.starttls(context=contexts[1])
            client.login(USER, PASSWORD)
            for _ in range(3):
                assert client.send_message(letter()) == {}

    async def scene() -> None:
        async with listening(smtp_server(home, trusted=False), starttls=contexts[0]) as port:
            await asyncio.to_thread(send, port)

    run(scene())
    assert len(home.store.stored) == 3
    for new in home.store.stored:
        assert new.body.endswith(b"Hello\r\n.\r\n..\r\n.dot\r\nEnd\r\n")
        assert b" with ESMTPSA id " in new.body
        assert new.attributes["credential"] == USER


def test_smtplib_sends_over_implicit_tls(run: Run[Any], contexts: Tls) -> None:
    """TLS from the first byte."""
    home = house()

    def send(port: int) -> None:
        with smtplib.SMTP_SSL("localhost", port, context=contexts[1], timeout=10) as client:
            assert b"STARTTLS" not in client.ehlo()[1]
            client.login(USER, PASSWORD)
            client.sendmail("shop@example.com", ["ada@example.net", "bob@example.net"], MAIL)

    async def scene() -> None:
        async with listening(smtp_server(home, trusted=False), implicit=contexts[0]) as port:
            await asyncio.to_thread(send, port)

    run(scene())
    assert home.store.stored[0].recipients == ("ada@example.net", "bob@example.net")


def test_aiosmtplib_sends(run: Run[Any], contexts: Tls) -> None:
    """Another client, with STARTTLS by its own choice."""
    home = house()

    async def scene() -> None:
        async with listening(smtp_server(home, trusted=False), starttls=contexts[0]) as port:
            await aiosmtplib.send(
                letter(), hostname="localhost", port=port, tls_context=contexts[1], username=USER, password=PASSWORD
            )

    run(scene())
    assert len(home.store.stored) == 1
