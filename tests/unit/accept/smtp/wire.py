"""A session without I/O for tests: a client's habits, and a gate that takes what it is not told to refuse."""

from posthorse.accept.refusal import TOO_MANY_RECIPIENTS, Accepted, RefusalKind, Refused
from posthorse.accept.smtp.core import SmtpSession
from posthorse.accept.smtp.terms import Peer, Request, Terms
from posthorse.mail.ids import MessageId
from posthorse.mail.message import Caller
from posthorse.mail.stream import Stream
from tests.unit.accept.kit import ALICE, HOSTNAME

RECEIPT = Accepted(id=MessageId(bytes(range(16))), stream=Stream.STANDARD)

TERMS = Terms(hostname=HOSTNAME, max_size_bytes=2_000, starttls=True)


class OpenGate:
    """Takes everything but what it is told to refuse."""

    def __init__(self) -> None:
        self.refuse_sender: Refused | None = None
        self.max_recipients = 1_000
        self.counted: list[RefusalKind] = []

    def sender(self, caller: Caller, sender: str, declared_size_bytes: int) -> Refused | None:
        """Told."""
        return self.refuse_sender

    def recipient(self, caller: Caller, already: int) -> Refused | None:
        """Counted."""
        return TOO_MANY_RECIPIENTS if already >= self.max_recipients else None

    def count(self, refused: Refused, caller: Caller | None) -> Refused:
        """Noted."""
        self.counted.append(refused.kind)
        return refused


class Wire:
    """A session with its client's habits."""

    def __init__(self, *, caller: Caller | None = ALICE, loopback: bool = False, tls: bool = False) -> None:
        self.gate = OpenGate()
        self.session = SmtpSession(
            TERMS, self.gate, Peer(address="192.0.2.7", loopback=loopback, caller=caller), tls=tls
        )
        self.greeting = self.session.take_output()
        self.request: Request | None = None

    def say(self, data: bytes) -> bytes:
        """Send bytes; the output."""
        self.request = self.session.receive(data)
        return self.session.take_output()

    def line(self, text: bytes) -> bytes:
        """Send a line; the output."""
        return self.say(text + b"\r\n")

    def ready(self) -> "Wire":
        """EHLO, MAIL, RCPT, DATA."""
        self.line(b"EHLO app.example.com")
        self.line(b"MAIL FROM:<shop@example.com>")
        self.line(b"RCPT TO:<ada@example.net>")
        assert self.line(b"DATA").startswith(b"354")
        return self
