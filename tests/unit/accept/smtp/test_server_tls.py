"""STARTTLS on real sockets."""

import asyncio
from typing import Any

from posthorse.accept.smtp.server import SmtpLimits
from tests.unit.accept.kit import MAIL, house, smtp_server
from tests.unit.accept.smtp.client import connected, until
from tests.unit.accept.smtp.scenes import LOGIN, Run, Tls, scene_of


def test_what_follows_starttls_in_plain_text_is_never_obeyed(run: Run[Any], contexts: Tls) -> None:
    """Neither in the same segment nor in the next one: the connection ends."""
    home = house()

    async def act(port: int) -> None:
        for pieces in ([b"STARTTLS\r\nNOOP\r\n"], [b"STARTTLS\r\n", b"NOOP\r\nMAIL FROM:<evil@example.com>\r\n"]):
            async with connected(port) as client:
                for piece in pieces:
                    client.say(piece)
                    await asyncio.sleep(0.01)
                said = await client.rest()
                assert b"250" not in said
                assert said.count(b"\n") <= 1

    scene_of(run, smtp_server(home), act, starttls=contexts[0])
    assert home.store.stored == []


def test_after_starttls_everything_begins_anew(run: Run[Any], contexts: Tls) -> None:
    """The envelope of before is forgotten; a message goes through."""
    home = house()

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.ask(b"EHLO x")
            await client.ask(b"MAIL FROM:<evil@example.com>")
            await client.start_tls(contexts[1])
            assert (await client.ask(b"RCPT TO:<ada@example.net>")).startswith(b"503")
            assert b"STARTTLS" not in await client.ask(b"EHLO x")
            assert (await client.ask(LOGIN)).startswith(b"235")
            assert (await client.ask(b"STARTTLS")).startswith(b"503")
            assert (await client.envelope()).startswith(b"354")
            assert (await client.ask(MAIL + b".")).startswith(b"250")

    scene_of(run, smtp_server(home), act, starttls=contexts[0])
    assert home.store.stored[0].sender == "shop@example.com"


def test_a_handshake_that_fails_or_never_comes_leaves_nothing(run: Run[Any], contexts: Tls) -> None:
    """The place is free again."""
    server = smtp_server(house(), limits=SmtpLimits(handshake_s=0.1, sweep_s=0.02))

    async def act(port: int) -> None:
        async with connected(port) as silent, connected(port) as leaving:
            await silent.ask(b"STARTTLS")
            await leaving.ask(b"STARTTLS")
            leaving.writer.close()
            assert await silent.rest() == b""
            await until(lambda: not server._connections)

    scene_of(run, server, act, starttls=contexts[0])
