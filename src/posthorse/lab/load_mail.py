"""What the load client sends and what it writes down: offers, receipts and their file.

Duty: make unique messages of a given mix of streams, and keep receipts outside the gateway. Promise: a receipt is in
the hands of the kernel as soon as the client has it, so that neither the gateway's nor the client's death loses it.
Left out: the SMTP dialogue (`posthorse.lab.load`).
"""

import json
import os
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from posthorse.mail.stream import Stream

_RECEIPT = re.compile(r"250 2\.0\.0 Ok ([0-9a-f]{32})")

DEFAULT_MIX: Mapping[Stream, float] = {Stream.URGENT: 2, Stream.STANDARD: 5, Stream.ONCE: 1, Stream.BULK: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One message a client means to send."""

    load_id: str
    stream: Stream
    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a client holds in its hand after `250`. Times in microseconds UTC by the client's clock."""

    load_id: str
    receipt: str
    """32 hexadecimal digits; empty: the reply had none."""
    stream: str
    recipient: str
    offered_at: int
    """When the client first wanted to send it."""
    accepted_at: int
    tries: int
    repeated: bool
    """An earlier try ended after the final dot without a reply: the gateway may hold it twice by the client's doing."""


@dataclass(slots=True, kw_only=True)
class LoadReport:
    """How a load ended."""

    offered: int = 0
    accepted: int = 0
    refused: int = 0
    """A complete 5xx."""
    given_up: int = 0
    """Neither accepted nor refused when the load ended."""
    retries: int = 0
    repetitions: int = 0
    """Tries after one that ended behind the final dot without a reply: the client's own repetitions."""
    by_api: int = 0
    """How many were offered by the SES API; the rest by SMTP."""
    first_offer_at: int = 0
    last_receipt_at: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    """How often each final refusal was given."""


class ReceiptFile:
    """Appends receipts as lines of JSON. `file` None: they are only counted."""

    def __init__(self, file: Path | None) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if file else None

    def add(self, receipt: Receipt) -> None:
        """Write one down."""
        if self._file is not None:
            os.write(self._file, json.dumps(asdict(receipt)).encode() + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_receipts(file: Path) -> list[Receipt]:
    """The receipts in a file; a line cut short is left out."""
    return [Receipt(**json.loads(line)) for line in file.read_bytes().split(b"\n")[:-1]]


def receipt_in(reply: str) -> str:
    """The receipt in a reply to the final dot; empty: there is none."""
    found = _RECEIPT.match(reply)
    return found[1] if found else ""


def parse_mix(text: str) -> dict[Stream, float]:
    """Weights of streams from `urgent=2,standard=5`. Raises ValueError."""
    mix: dict[Stream, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        mix[Stream(name.strip())] = float(weight or 1)
    if min(mix.values()) < 0 or not sum(mix.values()):
        raise ValueError(f"{text!r}: weights are more than nothing, like urgent=2,standard=5")
    return mix


def offers(run: str, count: int, mix: Mapping[Stream, float], size_bytes: int, seed: int) -> Iterator[Offer]:
    """`count` unique messages; `run` sets them apart from those of other loads."""
    dice = random.Random(f"{run}/{seed}")
    streams, weights = list(mix), list(mix.values())
    line = "The quick brown fox jumps over the lazy dog and then, as it must, over it again.\r\n"
    for number, stream in enumerate(dice.choices(streams, weights, k=count)):
        load_id = f"{run}-{number}"
        recipient = f"r{number}@mailbox.example"
        head = (
            f"From: App <app@sender.example>\r\nTo: <{recipient}>\r\nSubject: load {load_id}\r\n"
            f"Message-ID: <{load_id}@load.example>\r\nX-Load-Id: {load_id}\r\n"
            f"X-Posthorse-Stream: {stream.value}\r\n\r\n"
        )
        body = line * max(1, (size_bytes - len(head)) // len(line))
        yield Offer(
            load_id=load_id,
            stream=stream,
            sender="app@sender.example",
            recipient=recipient,
            content=(head + body).encode(),
        )
