"""The server on real sockets: clients that nobody here wrote, limits, time, TLS and the end."""

import asyncio
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from email.message import EmailMessage
from typing import Any, TypeVar

import aiosmtplib
import pytest
import uvloop

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.credentials import Credential, CredentialStore, PasswordHash
from posthorse.accept.smtp.connection import MAX_UNREAD_BYTES
from posthorse.accept.smtp.server import SmtpLimits, SmtpServer
from posthorse.accept.trusted import TrustedSources
from posthorse.lab.certificate import make_certificate
from posthorse.mail.ids import MAIN_TENANT
from posthorse.spool.port import SpoolUnavailable
from tests.unit.accept.kit import MAIL, PASSWORD, USER, house, listening, smtp_server
from tests.unit.accept.smtp.client import connected, until

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

LOGIN = b"AUTH PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode())


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run[Any]]:
    """Run on each of the two event loops; unhandled exceptions fail the test."""
    unhandled: list[dict[str, Any]] = []

    def runner(coroutine: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
            async with asyncio.timeout(30):
                return await coroutine

        with asyncio.Runner(loop_factory=uvloop.new_event_loop if request.param == "uvloop" else None) as one:
            return one.run(limited())

    yield runner
    assert unhandled == []


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for the server and for a client that trusts it."""
    made = make_certificate(tmp_path_factory.mktemp("tls"), "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    return server, ssl.create_default_context(cafile=made.certificate)


def letter() -> EmailMessage:
    """An ordinary message with what mail likes to trip over."""
    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = "ada@example.net"
    message["Subject"] = "Grüße"
    message.set_content("Hello\n.\n..\n.dot\nEnd")
    return message


Tls = tuple[ssl.SSLContext, ssl.SSLContext]


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


def scene_of(run: Run[Any], server: SmtpServer, act: Callable[[int], Coroutine[Any, Any, T]], **tls: Any) -> T:
    """Run `act` against a listening server; afterwards nothing of it is left."""

    async def scene() -> T:
        async with listening(server, **tls) as port:
            done = await act(port)
        assert server.receiving_bytes == 0
        assert server.pending_commits == 0
        assert server._connections == set()
        assert not server._per_peer
        return done

    result: T = run(scene())
    return result


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


def test_connections_are_limited_per_peer_and_overall(run: Run[Any]) -> None:
    """In SES's words; a place that becomes free is given again."""
    server = smtp_server(house(), limits=SmtpLimits(connections=3, connections_per_peer=2, sweep_s=0.02))

    async def act(port: int) -> None:
        async with connected(port), connected(port), connected(port) as third:
            assert third.greeting == b"421 4.7.0 Too many concurrent SMTP connections\r\n"
            assert await third.rest() == b""
        await until(lambda: not server._connections)
        async with connected(port) as again:
            assert again.greeting.startswith(b"220")

    scene_of(run, server, act)


def test_a_silent_client_is_given_up(run: Run[Any]) -> None:
    """After the idle time, with SES's words for it."""
    home = house()
    server = smtp_server(home, limits=SmtpLimits(idle_s=0.1, sweep_s=0.02))

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            return await client.rest()

    assert scene_of(run, server, act) == b"451 4.4.2 Timeout waiting for data from client.\r\n"
    assert home.observer.told == ["timed out 127.0.0.1"]


def test_a_message_that_drips_for_ever_is_given_up(run: Run[Any]) -> None:
    """However busy the client looks."""
    server = smtp_server(house(), limits=SmtpLimits(data_s=0.15, sweep_s=0.02))

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            answer = asyncio.ensure_future(client.rest())
            while not answer.done():
                client.say(b"x\r\n")
                await asyncio.sleep(0.01)
            return await answer

    assert scene_of(run, server, act).startswith(b"451 4.4.2")


def test_idle_clients_get_421_and_busy_ones_their_receipt_at_the_end(run: Run[Any]) -> None:
    """The end of the server loses nothing and keeps nobody waiting."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> None:
        async with connected(port) as idle, connected(port) as busy, connected(port) as talking:
            await busy.envelope()
            busy.say(MAIL + b".\r\n")
            await talking.envelope()
            talking.say(MAIL)
            await until(lambda: server.pending_commits > 0)
            closing = asyncio.ensure_future(server.close(5.0))
            assert (await idle.reply()).startswith(b"421 4.3.2")
            talking.say(b".\r\n")
            await until(lambda: server.pending_commits == 2)
            assert not closing.done()
            assert home.store.gate is not None
            home.store.gate.set()
            for client in (busy, talking):
                assert [line[:3] for line in (await client.rest()).splitlines()] == [b"250", b"421"]
            await closing

    scene_of(run, server, act)
    assert len(home.store.stored) == 2


def test_after_the_grace_everybody_is_cut_off(run: Run[Any]) -> None:
    """A client that never ends its message does not keep the server alive."""
    server = smtp_server(house())

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            await server.close(0.05)
            return await client.rest()

    assert scene_of(run, server, act) == b""


def test_what_comes_ahead_of_an_open_decision_is_bounded(run: Run[Any]) -> None:
    """Reading stops; nothing is lost when the decision comes."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            client.say(b"NOOP " + b"x" * 1_000 + b"\r\n")
            for _ in range(900):
                client.say(b"NOOP " + b"x" * 2_000 + b"\r\n")
            (connection,) = server._connections
            await until(lambda: connection._flow.paused)
            assert connection._session.unread_bytes < MAX_UNREAD_BYTES + (1 << 19)
            assert home.store.gate is not None
            home.store.gate.set()
            assert (await client.reply()).startswith(b"250 2.0.0 Ok ")
            for _ in range(901):
                assert (await client.reply()).startswith(b"250")

    scene_of(run, server, act)


def test_a_client_that_does_not_read_is_not_listened_to(run: Run[Any]) -> None:
    """The transport says when its replies pile up, and when they are gone."""
    server = smtp_server(house())

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.ask(b"EHLO x")
            (connection,) = server._connections
            connection.pause_writing()
            client.say(b"NOOP\r\n")
            await asyncio.sleep(0.02)
            assert not connection._transport.is_reading()
            connection.resume_writing()
            assert (await client.reply()).startswith(b"250")

    scene_of(run, server, act)


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


def test_a_client_that_leaves_before_its_receipt_loses_the_receipt_only(run: Run[Any]) -> None:
    """The message is stored, the connection is gone."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            await until(lambda: server.pending_commits == 1)
        assert home.store.gate is not None
        home.store.gate.set()
        await until(lambda: not server._connections)

    scene_of(run, server, act)
    assert len(home.store.stored) == 1


def test_a_client_that_ends_its_side_still_gets_its_receipt(run: Run[Any]) -> None:
    """Half-closed after the dot."""
    home = house()
    home.store.gate = asyncio.Event()
    server = smtp_server(home)

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            client.writer.write_eof()
            await until(lambda: server.pending_commits == 1)
            await asyncio.sleep(0.02)
            assert home.store.gate is not None
            home.store.gate.set()
            return await client.rest()

    assert scene_of(run, server, act).startswith(b"250 2.0.0 Ok ")


def test_a_decision_that_never_comes_keeps_no_connection(run: Run[Any]) -> None:
    """After twice the idle time the client has given up long ago; the place is free again."""
    home = house()
    home.store.gate = gate = asyncio.Event()
    server = smtp_server(home, limits=SmtpLimits(idle_s=0.05, sweep_s=0.02))

    async def act(port: int) -> None:
        async with connected(port) as client:
            await client.envelope()
            client.say(MAIL + b".\r\n")
            await until(lambda: server.pending_commits == 1)
            assert await client.rest() == b""
            gate.set()
            await until(lambda: server.pending_commits == 0)

    scene_of(run, server, act)
    assert len(home.store.stored) == 1


def test_the_last_words_are_read_though_more_was_sent(run: Run[Any]) -> None:
    """A client in the middle of a large broken message learns why it was broken off."""
    server = smtp_server(house())

    async def act(port: int) -> bytes:
        async with connected(port) as client:
            await client.envelope()
            client.say(b"bare\nline" + b"x" * (4 << 20))
            return await client.rest()

    assert scene_of(run, server, act).startswith(b"550 5.5.2 Bare CR")


def test_no_receipt_without_the_spool(run: Run[Any]) -> None:
    """Its refusals are temporary, and the session goes on; a bug is told and answered with 451."""
    home = house()
    told: list[dict[str, Any]] = []

    async def act(port: int) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with connected(port) as client:
            home.store.failure = SpoolUnavailable("no space", disk_full=True)
            await client.envelope()
            assert (await client.ask(MAIL + b".")).startswith(b"452 4.3.1")
            home.store.failure = RuntimeError("a bug")
            await client.envelope()
            assert (await client.ask(MAIL + b".")).startswith(b"451 4.3.0")
            home.store.failure = None
            await client.envelope()
            assert (await client.ask(MAIL + b".")).startswith(b"250")

    scene_of(run, smtp_server(home), act)
    assert [str(context["exception"]) for context in told] == ["a bug"]


def test_large_messages_go_through(run: Run[Any]) -> None:
    """Stored unchanged; a bug on their way is answered with 451 too."""
    home = house()
    content = MAIL + (b"x" * 76 + b"\r\n") * 40_000
    told: list[dict[str, Any]] = []

    async def act(port: int) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with connected(port) as client:
            await client.envelope()
            assert (await client.ask(content + b".")).startswith(b"250")
            home.store.failure = RuntimeError("a bug")
            await client.envelope()
            assert (await client.ask(content + b".")).startswith(b"451 4.3.0")

    scene_of(run, smtp_server(home), act)
    assert home.store.stored[0].body.endswith(content)
    assert [str(context["exception"]) for context in told] == ["a bug"]


def test_room_is_bounded_over_all_connections(run: Run[Any]) -> None:
    """The message that would go beyond is refused for now and not kept; the counter follows what is held."""
    server = smtp_server(house(), limits=SmtpLimits(receiving_bytes=100_000, sweep_s=0.02))

    async def act(port: int) -> None:
        async with connected(port) as one, connected(port) as two:
            await one.envelope()
            await two.envelope()
            one.say(b"From: a@example.com\r\n\r\n" + b"x" * 70 + b"\r\n" * 30_000)
            await until(lambda: server.receiving_bytes > 50_000)
            two.say(b"y\r\n" * 30_000)
            await until(lambda: server.receiving_bytes < 70_000)
            assert (await two.ask(b".")).startswith(b"451 4.3.2")
            assert (await one.ask(b".")).startswith(b"250")

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
