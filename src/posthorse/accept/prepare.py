"""From what the client sent to what we carry: control headers read and removed, our trace added, the rest untouched.

Promise (I5): the bytes handed over are the bytes accepted, save the fields removed (`headers.DUTIES`,
`headers.OPTION_PREFIXES`) and those added at the top: Received, X-Posthorse-Id, and Message-ID and Date if they were
missing. MIME structure is passed on unread, whatever is in it; only the header block is looked at.

Left out: who may send what to whom (`admission`), which stream it is (`classify`).
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from posthorse.accept.control import NO_CONTROLS, Controls, read_controls
from posthorse.accept.headers import HeaderBlock, cut
from posthorse.accept.refusal import LOOP, Refused, malformed
from posthorse.accept.trusted import TRUSTED_PREFIX
from posthorse.mail.large import poured, slices, vessel
from posthorse.mail.message import Front, Submission
from posthorse.mail.peer import parse_peer
from posthorse.mail.stream import SECOND

MAX_HOPS = 100
"""RFC 5321 section 6.3: a threshold of at least 100 Received fields tells a loop."""

_BY_HTTP = frozenset({Front.SES, Front.API})
_UNSAFE = re.compile(r"[^A-Za-z0-9.:_\[\]-]")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(slots=True, kw_only=True)
class Prepared:
    """A submission that may be carried as far as its bytes are concerned."""

    top: bytes
    """What goes out in front: the fields added and, if others were removed, those that stay."""
    rest_at: int
    """Where in the content the rest begins, which is carried untouched."""
    controls: Controls
    fields: Mapping[bytes, bytes]
    """Raw values (after the colon) of the fields that may stand once, by name in lower case."""

    def body(self, content: bytes) -> bytes:
        """The exact bytes to hand over."""
        return b"".join((self.top, memoryview(content)[self.rest_at :])) if self.rest_at else self.top + content

    async def body_in_turns(self, content: bytes) -> tuple[bytes, bool]:
        """The same, giving way after every slice; and whether the content is all ASCII."""
        body = vessel()
        body.write(self.top)
        is_ascii = content[: self.rest_at].isascii()
        for piece in slices(content, self.rest_at):
            body.write(piece)
            is_ascii = is_ascii and piece.isascii()
            await asyncio.sleep(0)
        return poured(body), is_ascii


class Preparer:
    """Prepares submissions on one gateway; keeps the text of the current second."""

    __slots__ = ("_by", "_date", "_hostname", "_second")

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname
        self._by = f" by {hostname} (Posthorse) with ".encode()
        self._second = -1
        self._date = ""

    def prepare(
        self, submission: Submission, id_hex: str, now: int, asked: Controls = NO_CONTROLS
    ) -> Prepared | Refused:
        """Read, check and stamp `submission` under the id it would get, at `now` (microseconds UTC). `asked`: what the
        front was told beside the message.
        """
        block = cut(submission.content)
        if isinstance(block, Refused):
            return block
        if b"from" not in block.once:
            return malformed("Missing required header 'From'.")
        if block.received and self._loops(block):
            return LOOP
        controls = read_controls(block.controls, now)
        if isinstance(controls, Refused):
            return controls
        controls = asked.over(controls)
        top = self._added(submission, block, id_hex, now)
        if not block.dropped:
            return Prepared(top=top, rest_at=0, controls=controls, fields=block.once)
        top += b"".join([field + b"\r\n" for field in block.kept])
        return Prepared(top=top, rest_at=block.end, controls=controls, fields=block.once)

    def _loops(self, block: HeaderBlock) -> bool:
        return len(block.received) >= MAX_HOPS or any(self._by in field for field in block.received)

    def _added(self, submission: Submission, block: HeaderBlock, id_hex: str, now: int) -> bytes:
        date = self._date_at(now)
        way = _way(submission.helo, submission.caller.peer, self._hostname, _protocol(submission))
        lines = f"{way} id {id_hex}; {date}\r\nX-Posthorse-Id: {id_hex}\r\n"
        if b"message-id" not in block.once:
            lines += f"Message-ID: <{id_hex}@{self._hostname}>\r\n"
        if b"date" not in block.once:
            lines += f"Date: {date}\r\n"
        return lines.encode("ascii")

    def _date_at(self, now: int) -> str:
        second = now // SECOND
        if second != self._second:
            self._second, self._date = second, rfc5322_date(second)
        return self._date


def rfc5322_date(second: int) -> str:
    """The date and time of RFC 5322 section 3.3, in UTC."""
    at = datetime.fromtimestamp(second, UTC)
    clock = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {clock} +0000"


def clean(text: str) -> str:
    """What a peer says of itself, fit for a header and a log line: at most 255 harmless characters."""
    return _UNSAFE.sub("?", text[:255])


@lru_cache(maxsize=1024)
def _way(helo: str, peer: str, hostname: str, protocol: str) -> str:
    """The first part of the Received field: the same for all messages of a client."""
    return f"Received: from {clean(helo) or 'unknown'} ([{_literal(peer)}]) by {hostname} (Posthorse) with {protocol}"


def _literal(peer: str) -> str:
    """An address literal's inside (RFC 5321 section 4.1.3). The name of the peer is never looked up."""
    address = parse_peer(peer)
    if address is None:
        return clean(peer) or "local"
    return f"IPv6:{address}" if address.version == 6 else str(address)


def _protocol(submission: Submission) -> str:
    """The `with` keyword of RFC 3848 and RFC 6531 section 4.3; what came by HTTP says so, as is the custom."""
    if submission.front in _BY_HTTP:
        return "HTTPS" if submission.tls else "HTTP"
    name = "UTF8SMTP" if submission.smtputf8 else "ESMTP"
    if submission.tls:
        name += "S"
    return name if submission.caller.credential.startswith(TRUSTED_PREFIX) else name + "A"
