"""What the simulated applications send: submissions of all streams, and the receipts they were given.

The receipts are kept outside everything that can crash: they are what the gateway answers for. Contents vary in what a
gateway might get wrong: dots at line starts, long lines of headers, control headers, repeated recipients.
"""

import random
from dataclasses import dataclass, field

from posthorse.mail.stream import Stream

NUMBER_HEADER = b"X-Sim-Number"
"""Tells which submission some bytes come from."""

SHARES: tuple[tuple[Stream, float], ...] = (
    (Stream.URGENT, 0.3),
    (Stream.STANDARD, 0.3),
    (Stream.ONCE, 0.25),
    (Stream.BULK, 0.15),
)
"""How the streams share the mail."""


@dataclass(slots=True, kw_only=True)
class Submission:
    """One message an application wants to send, and what it knows of it."""

    number: int
    stream: Stream
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    supersede_key: str = ""
    idempotency_key: str = ""
    receipts: list[str] = field(default_factory=list)
    """Message ids in hexadecimal, one for each 250."""
    doubts: int = 0
    """How often the connection was lost after the final dot."""


class Mailbag:
    """All submissions of a world."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(f"mail/{seed}")
        self.submissions: list[Submission] = []

    def write(self) -> Submission:
        """One more submission."""
        dice = self._dice
        number = len(self.submissions)
        stream = self._stream()
        sender = f"app{dice.randrange(3)}@sender.example"
        recipients = tuple(f"person{n}@mail{n % 3}.example" for n in dice.sample(range(200), 1 + self._more()))
        supersede = f"code-{dice.randrange(4)}" if stream is Stream.URGENT and dice.random() < 0.3 else ""
        idempotency = f"key-{number}" if dice.random() < 0.4 else ""
        submission = Submission(
            number=number,
            stream=stream,
            sender=sender,
            recipients=recipients,
            content=self._content(number, stream, sender, recipients, supersede, idempotency),
            supersede_key=supersede,
            idempotency_key=idempotency,
        )
        self.submissions.append(submission)
        return submission

    def _stream(self) -> Stream:
        roll = self._dice.random()
        for stream, share in SHARES:
            if roll < share:
                return stream
            roll -= share
        return Stream.STANDARD

    def _more(self) -> int:
        return self._dice.choice((0, 0, 0, 0, 1, 3))

    def _content(
        self, number: int, stream: Stream, sender: str, recipients: tuple[str, ...], supersede: str, idempotency: str
    ) -> bytes:
        dice = self._dice
        optional = [
            "Date: Fri, 15 Jan 2027 08:00:00 +0000",
            f"Message-ID: <{number}.{dice.randrange(1 << 30):x}@sender.example>",
            "Received: from somewhere by elsewhere; Fri, 15 Jan 2027 07:00:00 +0000",
            "Bcc: <hidden@sender.example>",
        ]
        lines = [
            *(line for line in optional if dice.random() < 0.7),
            f"From: <{sender}>",
            "To: " + ",\r\n ".join(f"<{recipient}>" for recipient in recipients),
            f"Subject: message {number}",
            f"{NUMBER_HEADER.decode()}: {number}",
            f"X-Posthorse-Stream: {stream.value}",
        ]
        if supersede:
            lines.append(f"X-Posthorse-Supersede: {supersede}")
        if idempotency:
            lines.append(f"X-Posthorse-Idempotency-Key: {idempotency}")
        lines.append("")
        lines += [
            dice.choice(("plain text", ".", "..", ".leading dot", "", "x" * 300)) for _ in range(dice.randrange(20))
        ]
        return "\r\n".join([*lines, ""]).encode()


def fields_of(content: bytes) -> tuple[list[bytes], bytes]:
    """Raw header fields, folds included, and everything from the blank line on."""
    head, blank, body = content.partition(b"\r\n\r\n")
    fields: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields, blank + body


def name_of(raw: bytes) -> bytes:
    """Name of a raw field in lower case."""
    return raw.partition(b":")[0].strip().lower()


def number_of(content: bytes) -> int | None:
    """The submission these bytes come from; None: they do not say."""
    for raw in fields_of(content)[0]:
        if name_of(raw) == NUMBER_HEADER.lower():
            return int(raw.partition(b":")[2])
    return None
