"""One mailbox store for all simulated providers: what arrived, where, through whom, and how often.

Duty: remember each arrival (id, recipient, provider, digest, time) and answer questions about them. Promise: with a
file given, an arrival is in the hands of the kernel before the provider answers, so that a killed lab can be asked
afterwards. Left out: old mail itself (the latest contents are kept), and deciding what should have arrived.
"""

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ID_HEADER = b"x-posthorse-id"
"""Carries the receipt through every provider, since some of them rewrite Message-ID."""

KEPT = 500
"""Contents that are kept, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message reaching one mailbox once."""

    id: str
    """X-Posthorse-Id in lower case; without one, the Message-ID; without both, `digest:` and the digest."""
    recipient: str
    provider: str
    message_id: str
    """Message-ID as the recipient sees it; empty: there is none."""
    size_bytes: int
    digest: str
    """SHA-256 of the bytes as delivered, hexadecimal."""
    at: int
    """Microseconds UTC by the lab's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One message as a provider delivered it, to all its recipients at once."""

    id: str
    """As in `Arrival`."""
    provider: str
    recipients: tuple[str, ...]
    content: bytes
    at: int
    """Microseconds UTC by the lab's clock."""


class Mailbox:
    """All mailboxes behind all simulated providers. `file`: append each arrival as a line of JSON."""

    def __init__(self, file: Path | None = None) -> None:
        self._by_id: dict[str, list[Arrival]] = {}
        self._arrivals: list[Arrival] = []
        self.listeners: list[Callable[[], None]] = []
        """Called after each message delivered; for whoever waits."""
        self._contents: deque[Copy] = deque(maxlen=KEPT)
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if file else None

    def deliver(self, *, provider: str, recipients: Sequence[str], content: bytes, at: int) -> None:
        """Put one message into the mailboxes of its recipients."""
        digest = hashlib.sha256(content).hexdigest()
        headers = header_values(content, (ID_HEADER, b"message-id"))
        message_id = headers.get(b"message-id", "")
        identity = headers.get(ID_HEADER, "").lower() or message_id or f"digest:{digest}"
        self._contents.append(
            Copy(id=identity, provider=provider, recipients=tuple(recipients), content=content, at=at)
        )
        for recipient in recipients:
            self._add(
                Arrival(
                    id=identity,
                    recipient=recipient,
                    provider=provider,
                    message_id=message_id,
                    size_bytes=len(content),
                    digest=digest,
                    at=at,
                )
            )
        for listener in self.listeners:
            listener()

    def arrivals(self, message: str | None = None, since: int = 0) -> Sequence[Arrival]:
        """Arrivals in order, of one message if its id is given, from the position `since` on."""
        if message is None:
            return self._arrivals[since:]
        return self._by_id.get(message.lower(), self._by_id.get(message, []))[since:]

    def contents(self, message: str) -> Sequence[bytes]:
        """Each copy of one message as it was delivered, if it is among the latest `KEPT`."""
        return [copy.content for copy in self._contents if copy.id.lower() == message.lower()]

    def latest(self, message: str = "", recipient: str = "") -> Copy | None:
        """The latest copy among those kept whole: of one message, to one recipient; empty: of any, to anybody."""
        return next(
            (copy for copy in reversed(self._contents) if _fits(copy, message.lower(), recipient.lower())), None
        )

    def __len__(self) -> int:
        """How many arrivals."""
        return len(self._arrivals)

    @property
    def messages(self) -> int:
        """How many different messages."""
        return len(self._by_id)

    def by_provider(self) -> dict[str, int]:
        """Arrivals of each provider."""
        counts: dict[str, int] = {}
        for arrival in self._arrivals:
            counts[arrival.provider] = counts.get(arrival.provider, 0) + 1
        return counts

    def duplicates(self) -> dict[tuple[str, str], int]:
        """(id, recipient) of each message that reached one mailbox more than once, with the number of extra copies."""
        return duplicates_among(self._arrivals)

    def clear(self) -> None:
        """Forget everything; the file, which is for afterwards, is kept."""
        self._by_id.clear()
        self._arrivals.clear()
        self._contents.clear()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _add(self, arrival: Arrival) -> None:
        self._arrivals.append(arrival)
        self._by_id.setdefault(arrival.id, []).append(arrival)
        if self._file is not None:
            os.write(self._file, json.dumps(asdict(arrival)).encode() + b"\n")


def _fits(copy: Copy, message: str, recipient: str) -> bool:
    return message in ("", copy.id.lower()) and (not recipient or recipient in map(str.lower, copy.recipients))


def duplicates_among(arrivals: Iterable[Arrival]) -> dict[tuple[str, str], int]:
    """(id, recipient) of what arrived more than once, with the number of extra copies."""
    seen: dict[tuple[str, str], int] = {}
    for arrival in arrivals:
        key = (arrival.id, arrival.recipient.lower())
        seen[key] = seen.get(key, -1) + 1
    return {key: extra for key, extra in seen.items() if extra}


def read_arrivals(file: Path) -> list[Arrival]:
    """What a lab wrote to its file; a line cut short by a kill is left out."""
    return [Arrival(**json.loads(line)) for line in file.read_bytes().split(b"\n")[:-1]]


def header_values(content: bytes, names: Sequence[bytes]) -> dict[bytes, str]:
    """The first value of each named header (names in lower case), unfolded; missing names are left out."""
    end = content.find(b"\r\n\r\n")
    block = b"\r\n" + (content if end < 0 else content[:end])
    lowered = block.lower()
    found: dict[bytes, str] = {}
    for name in names:
        start = lowered.find(b"\r\n" + name + b":")
        if start >= 0:
            found[name] = _unfolded(block, start + 2 + len(name) + 1)
    return found


def _unfolded(block: bytes, start: int) -> str:
    end = block.find(b"\r\n", start)
    while end >= 0 and block[end + 2 : end + 3] in (b" ", b"\t"):
        end = block.find(b"\r\n", end + 2)
    value = block[start:] if end < 0 else block[start:end]
    return value.replace(b"\r\n", b"").strip().decode("utf-8", "replace")
