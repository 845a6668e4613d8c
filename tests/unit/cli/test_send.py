"""`posthorse send` and `posthorse classify test`: a client like any other, and the gateway's own rules on a file."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from posthorse.accept.credentials import smtp_password
from tests.unit.cli.stage import Stage, on_a_loop_of_its_own

RECEIPT = "0123456789abcdef0123456789abcdef"


@dataclass
class Door:
    """A server that takes one transaction by the book and remembers it."""

    port: int = 0
    offers: tuple[str, ...] = ("AUTH PLAIN", "SIZE 1000000", "SMTPUTF8")
    refuse: dict[str, str] = field(default_factory=dict)
    """Reply by the beginning of a command in capitals; everything else is taken."""
    lines: list[str] = field(default_factory=list)
    content: bytes = b""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 door\r\n")
        while line := (await reader.readline()).decode():
            command = line.strip()
            self.lines.append(command)
            writer.write(self._reply(command).encode())
            if command.upper() == "DATA" and not self._refused(command):
                self.content = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                writer.write(f"{self._refused('.') or f'250 2.0.0 Ok {RECEIPT}'}\r\n".encode())
        writer.close()

    def _reply(self, command: str) -> str:
        refused = self._refused(command)
        if refused:
            return f"{refused}\r\n"
        if command.upper().startswith("EHLO"):
            return "250-door\r\n" + "".join(f"250-{offer}\r\n" for offer in self.offers) + "250 HELP\r\n"
        replies = {"DATA": "354 go on", "QUIT": "221 bye", "AUTH": "235 2.7.0 in"}
        return replies.get(command.split(" ", maxsplit=1)[0].upper(), "250 2.1.0 Ok") + "\r\n"

    def _refused(self, command: str) -> str:
        return next((reply for start, reply in self.refuse.items() if command.upper().startswith(start)), "")


@contextmanager
def standing(door: Door) -> Iterator[Door]:
    """The server listens in a thread of its own while the block runs."""
    servers: list[asyncio.Server] = []

    async def listen() -> None:
        servers.append(await asyncio.start_server(door.talk, "127.0.0.1", 0))
        door.port = servers[0].sockets[0].getsockname()[1]

    async def close() -> None:
        servers[0].close()

    with on_a_loop_of_its_own(listen, close):
        yield door


def told(door: Door, start: str) -> str:
    """The first command that begins so."""
    return next(line for line in door.lines if line.startswith(start))


def test_a_message_is_handed_in_and_its_receipt_printed(stage: Stage) -> None:
    """Envelope, header and stream arrive as said; the id of the reply is the receipt."""
    with standing(Door()) as door:
        found = stage.data(
            *("send", "--server", f"127.0.0.1:{door.port}", "--from", "a@a.example", "--to", "b@b.example"),
            *("--subject", "Grüße", "--stream", "urgent", "--deadline", "10m"),
        )
    assert found == {"id": RECEIPT, "reply": f"250 2.0.0 Ok {RECEIPT}", "refused": {}}
    assert told(door, "mail FROM").startswith("mail FROM:<a@a.example>")
    assert told(door, "rcpt TO") == "rcpt TO:<b@b.example>"
    assert door.content.startswith(b"X-Posthorse-Stream: urgent\r\nX-Posthorse-Deadline: 10m\r\n")
    assert b"Subject: =?utf-8?" in door.content
    assert not any(line.startswith("AUTH") for line in door.lines)


def test_a_file_goes_out_as_it_is(stage: Stage) -> None:
    """A whole message is passed on byte for byte."""
    message = b"Subject: x\r\n\r\nbody with \xe9 and .dots\r\n.\r\nend\r\n"
    path = stage.folder / "message.eml"
    path.write_bytes(message)
    with standing(Door()) as door:
        stage.data(
            *("send", "--server", f"127.0.0.1:{door.port}", "--from", "a@a.example", "--to", "b@b.example"),
            *("--file", str(path)),
        )
    assert door.content.replace(b"\r\n..", b"\r\n.") == message


def test_the_key_of_the_file_logs_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --user the first access key is used, with the password derived as SES derives it."""
    monkeypatch.setenv("NOT_IN_AN_OPERATORS_SHELL", "the secret")
    with standing(Door()) as door:
        stage.config.write_text(stage.config.read_text() + f'[[listen]]\nsmtp = "127.0.0.1:{door.port}"\n')
        stage.data("send", "--from", "a@a.example", "--to", "b@b.example")
    _, user, password = base64.b64decode(told(door, "AUTH PLAIN").split()[-1]).decode().split("\0")
    assert (user, password) == ("AKIATEST", smtp_password("the secret", "us-east-1"))


def test_a_password_may_come_from_the_environment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password need not stand on the command line, where every process sees it."""
    monkeypatch.setenv("POSTHORSE_SMTP_PASSWORD", "from outside")
    with standing(Door()) as door:
        server = ("--server", f"127.0.0.1:{door.port}", "--user", "somebody")
        stage.data("send", *server, "--from", "a@a.example", "--to", "b@b.example")
    assert base64.b64decode(told(door, "AUTH PLAIN").split()[-1]) == b"\0somebody\0from outside"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("MAIL", "552 5.3.4 Message is too long"),
        ("RCPT", "550 5.1.1 no such user"),
        ("DATA", "451 4.3.2 busy"),
        (".", "554 5.6.0 Transaction failed"),
        ("AUTH", "535 5.7.8 Authentication Credentials Invalid"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(
    command: str, reply: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is refused ends with exit status 1 and the server's reply."""
    monkeypatch.setenv("POSTHORSE_SMTP_PASSWORD", "p")
    with standing(Door(refuse={command: reply})) as door:
        server = ("--server", f"127.0.0.1:{door.port}", "--user", "somebody")
        status, out, err = stage.call("send", *server, "--from", "a@a.example", "--to", "b@b.example")
    assert (status, out) == (1, "")
    assert reply in err


def test_one_recipient_may_be_refused_and_another_taken(stage: Stage) -> None:
    """The message goes to whom it can; the exit status and the answer say to whom not."""
    with standing(Door(refuse={"RCPT TO:<BAD@": "550 5.1.1 no"})) as door:
        server = ("--server", f"127.0.0.1:{door.port}", "--from", "a@a.example")
        status, out, _ = stage.call("send", *server, "--to", "bad@b.example", "--to", "good@b.example")
    assert status == 1
    assert RECEIPT in out
    assert "not to bad@b.example: 550 5.1.1 no" in out


def test_nobody_there_is_one_line(stage: Stage) -> None:
    """A port where nothing listens is told with its address."""
    status, _, err = stage.call("send", "--server", "127.0.0.1:1", "--from", "a@a.example", "--to", "b@b.example")
    assert (status, err.startswith("127.0.0.1:1: ")) == (1, True)


RULES = """
[[classify]]
match = { subject = "*password*" }
stream = "urgent"
[[classify]]
match = { sender = "*@news.example" }
stream = "bulk"
"""


@pytest.mark.parametrize(
    ("message", "options", "stream", "because"),
    [
        (b"Subject: Your password\n\nx\n", (), "urgent", "rule 1"),
        (b"Subject: =?utf-8?q?Your_pass?= =?utf-8?q?word?=\n\nx\n", (), "urgent", "rule 1"),
        (b"Subject: hello\n\nx\n", ("--from", "a@news.example"), "bulk", "rule 2"),
        (b"Subject: hello\nX-Posthorse-Stream: once\n\nx\n", (), "once", "X-Posthorse-Stream"),
        (b"Subject: hello\n\nx\n", (), "standard", "default"),
    ],
)
def test_classify_tells_the_stream_and_what_decided(
    message: bytes, options: tuple[str, ...], stream: str, because: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rules as in the gateway, on a file from anywhere."""
    monkeypatch.setenv("NOT_IN_AN_OPERATORS_SHELL", "s")
    stage.config.write_text(stage.config.read_text() + RULES)
    path = Path(stage.folder / "message.eml")
    path.write_bytes(message)
    found = stage.data("classify", "test", str(path), *options)
    assert found["stream"] == stream
    assert because in found["because"]


def test_a_message_that_would_be_refused_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control header that cannot be meant is a no, with the reply a client would get."""
    monkeypatch.setenv("NOT_IN_AN_OPERATORS_SHELL", "s")
    path = stage.folder / "message.eml"
    path.write_bytes(b"Subject: x\nX-Posthorse-Stream: fast\n\nx\n")
    status, _, err = stage.call("classify", "test", str(path))
    assert (status, err.startswith("it would be refused: 554")) == (1, True)
