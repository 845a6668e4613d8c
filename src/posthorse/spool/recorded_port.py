"""The spool's side for whoever studies the traffic that was recorded: messages as they were accepted, newest first.

Promise: bounded: so many messages, and of each stored body at most its first bytes, so that header fields can be read,
and never the content of large mail. Left out: what is made of it (`posthorse.control`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from posthorse.mail.ids import MessageId
from posthorse.mail.message import Message

MOST_MESSAGES = 500
"""In one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMessage:
    """One message as it was accepted."""

    message: Message
    recipients: int
    head: bytes | None
    """The first bytes of the stored body; None: it was dropped by retention, or cannot be read."""


class SpoolRecorded(Protocol):
    """What is asked of the spool; each call is one question, beside the mail."""

    async def newest(self, before: MessageId | None, limit: int, head_bytes: int) -> Sequence[RecordedMessage]:
        """At most `limit` messages (`MOST_MESSAGES` at most) older than this id, newest first."""
        ...
