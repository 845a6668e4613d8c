"""What the servers that are played against have in common: a spool in memory, the real log, and looking into both.

Left out: which front they serve (`hostile`, `ses_stand`, `api_stand`), the thread they run in (`server_thread`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from posthorse.mail.message import Message
from posthorse.mail.ports import Clock
from posthorse.spool.desk_port import Selector
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import AdmitResult, NewMessage
from posthorse.watch.journal import Journal
from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures


class MemorySite(Protocol):
    """A server with its spool and log."""

    @property
    def spool(self) -> MemorySpool: ...

    @property
    def log(self) -> Log: ...


@dataclass
class HttpAnswered:
    """One answer of a server that speaks HTTP."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes


@dataclass
class Stored:
    """What the spool holds of one message."""

    message: Message
    body: bytes
    recipients: tuple[str, ...]


def log_into(lines: list[bytes], clock: Clock) -> tuple[Log, Journal]:
    """A log that writes there, and the journal over it."""
    log = Log(lines.append, clock)
    return log, Journal(Measures(), MailLog(log, b"key"))


def storing(spool: Callable[[], MemorySpool]) -> Callable[[NewMessage], Awaitable[AdmitResult]]:
    """What admission stores by: one message after the other, in the spool of that moment."""

    async def store(new: NewMessage) -> AdmitResult:
        (result,) = await spool().admit([new])
        return result

    return store


async def stored_in(site: MemorySite) -> list[Stored]:
    """Everything in the spool, oldest first; the log is written, too."""
    site.log.flush()
    found: dict[bytes, Stored] = {}
    for row in await site.spool.select(Selector(), 10_000):
        body = await site.spool.body(row.message.id)
        assert body is not None
        one = found.setdefault(row.message.id, Stored(row.message, body, ()))
        one.recipients = (*one.recipients, row.address)
    return [found[key] for key in sorted(found)]
