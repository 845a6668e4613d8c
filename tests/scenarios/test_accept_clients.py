"""Clients that nobody here wrote send through the SMTP server unchanged, and what they sent is what is stored."""

import asyncio
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiosmtplib
import pytest

from bench.postfix import SERVICES, Postfix, wait_for_port
from posthorse.lab.certificate import make_certificate
from tests.effort import unless_each_time
from tests.scenarios.hostile import Site, Stand
from tests.scenarios.memory_site import Stored
from tests.unit.accept.kit import PASSWORD, USER

TRICKY = (
    b"From: Shop <shop@example.com>\r\nTo: ada@example.net\r\nMessage-ID: <1@example.com>\r\n"
    b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\tfolded\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nX-Odd:\r\n\r\n"
    b".\r\n..\r\n.dot\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\nFrom here\r\n" + b"x" * 998 + b"\r\n \r\nend\r\n"
)
"""What mail likes to trip over: dots, folds, 8-bit text, an empty field, the longest line."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the server and for its clients."""
    made = make_certificate(tmp_path_factory.mktemp("tls"), "localhost")
    return made.server_context(), ssl.create_default_context(cafile=made.certificate)


@pytest.fixture
def stand(certificate: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Stand]:
    """The server's thread."""
    one = Stand(*certificate)
    yield one
    one.close()


def only(stand: Stand, site: Site) -> Stored:
    """The one message in the spool."""
    (stored,) = stand.stored(site)
    return stored


@pytest.mark.needs("swaks")
@pytest.mark.parametrize("options", [["--auth", "PLAIN"], ["--auth", "LOGIN"], ["--auth", "PLAIN", "--pipeline"]])
def test_swaks_logs_in_and_sends(stand: Stand, options: list[str]) -> None:
    """With PLAIN, with LOGIN, and with everything pipelined that may be."""
    with stand.site({}, "untrusted") as site:
        command = ["swaks", "--server", f"127.0.0.1:{site.port}", "--from", "shop@example.com", "--data", "-"]
        command += ["--to", "ada@example.net,bob@example.net", "--auth-user", USER, "--auth-password", PASSWORD]
        text = TRICKY.replace(b"\r\n", b"\n").removesuffix(b"\n")  # swaks ends the last line itself
        done = subprocess.run([*command, *options], input=text, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout.decode()
        stored = only(stand, site)
    assert stored.body.endswith(TRICKY)
    assert stored.recipients == ("ada@example.net", "bob@example.net")
    assert f"250 2.0.0 Ok {stored.message.id.hex()}" in done.stdout.decode()


@pytest.mark.needs("swaks")
def test_swaks_is_told_what_is_wrong(stand: Stand) -> None:
    """A wrong password ends with its authentication error, and nothing is stored."""
    with stand.site({}, "untrusted") as site:
        done = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{site.port}", "--from", "a@example.com", "--to", "b@example.net",
             "--auth", "PLAIN", "--auth-user", USER, "--auth-password", "wrong"],
            capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        assert stand.stored(site) == []
    assert done.returncode == 28, done.stdout.decode()
    assert b"535 5.7.8 Authentication Credentials Invalid" in done.stdout


@pytest.mark.needs("smtp-source")
@pytest.mark.parametrize("options", [[], ["-d"], ["-r", "5"]])
@unless_each_time
def test_smtp_source_loads_it(stand: Stand, options: list[str]) -> None:
    """Postfix's load generator: a connection per message and kept open, several sessions and recipients."""
    with stand.site({}, "plain") as site:
        command = [shutil.which("smtp-source", path="/usr/sbin:/usr/bin") or "smtp-source", "-s", "5", "-m", "50"]
        command += [
            "-l",
            "10240",
            "-f",
            "a@example.com",
            "-t",
            "b@example.net",
            *options,
            f"inet:127.0.0.1:{site.port}",
        ]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
        stored = stand.stored(site)
    assert len(stored) == 50
    assert {len(one.recipients) for one in stored} == {5 if "-r" in options else 1}
    stand.loop.check()


def test_smtplib_and_aiosmtplib_send(stand: Stand, certificate: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """The two clients of Python, over STARTTLS with a login, byte for byte."""
    with stand.site({}, "untrusted") as site:
        with smtplib.SMTP("localhost", site.port, timeout=10) as client:
            client.starttls(context=certificate[1])
            client.login(USER, PASSWORD)
            client.sendmail("shop@example.com", ["ada@example.net"], TRICKY, mail_options=["BODY=8BITMIME"])
        asyncio.run(
            aiosmtplib.send(
                TRICKY, sender="shop@example.com", recipients=["ada@example.net"], hostname="localhost",
                port=site.port, username=USER, password=PASSWORD, tls_context=certificate[1],
            )
        )  # fmt: skip
        stored = stand.stored(site)
    assert len(stored) == 2
    assert all(one.body.endswith(TRICKY) for one in stored)


@pytest.mark.needs("openssl")
def test_openssl_speaks_starttls(stand: Stand) -> None:
    """A TLS client with no idea of SMTP beyond STARTTLS."""
    with stand.site({}, "plain") as site:
        talk = "MAIL FROM:<a@example.com>\nRCPT TO:<b@example.net>\nDATA\n"
        command = ["openssl", "s_client", "-starttls", "smtp", "-crlf", "-quiet", "-connect", f"127.0.0.1:{site.port}"]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b"EHLO app.example.com\n")
        client.stdin.flush()
        while client.stdout.readline()[3:4] == b"-":
            pass
        client.stdin.write(talk.encode())
        client.stdin.flush()
        assert [client.stdout.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        client.stdin.write(b"From: a@example.com\n\nhello\n.\n")
        client.stdin.flush()
        assert client.stdout.readline().startswith(b"250 2.0.0 Ok ")
        client.terminate()
        client.communicate(timeout=10)
        stored = only(stand, site)
    assert b" with ESMTPS id " in stored.body
    assert stored.body.endswith(b"From: a@example.com\r\n\r\nhello\r\n")


class PostfixOverTls(Postfix):
    """Relays to the server over TLS."""

    @property
    def settings(self) -> str:
        """As ever, but for TLS."""
        return super().settings.replace("smtp_tls_security_level = none", "smtp_tls_security_level = encrypt")


@pytest.mark.needs("postfix")
@pytest.mark.parametrize("postfix", [Postfix, PostfixOverTls])
def test_postfix_relays_through_it(stand: Stand, postfix: type[Postfix], monkeypatch: pytest.MonkeyPatch) -> None:
    """What Postfix got is what is stored, under its own trace."""
    monkeypatch.setattr("bench.postfix.SERVICES", f"{SERVICES}tlsmgr unix - - n 1000? 1 tlsmgr\n")
    root = Path(tempfile.mkdtemp(prefix="posthorse-postfix-"))
    root.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with stand.site({}, "plain") as site:
        relay = postfix(root / "postfix", port, site.port)
        relay.start()
        try:
            wait_for_port(port)
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
                for _ in range(3):
                    client.sendmail("shop@example.com", ["ada@example.net"], TRICKY, mail_options=["BODY=8BITMIME"])
            stored = stand.wait_for(site, 3)
        finally:
            relay.stop()
            shutil.rmtree(root)
    protocol = b"ESMTP" if postfix is Postfix else b"ESMTPS"
    for one in stored:
        assert one.body.endswith(TRICKY)
        assert b"(Posthorse) with " + protocol + b" id " in one.body
        assert one.body.count(b"Received:") == 2
