"""What the front and the two versions of the API agree on: one call, and what a version makes of it."""

from dataclasses import dataclass
from typing import Protocol

from posthorse.accept.ses.answers import Answer
from posthorse.accept.ses.asked import Asked
from posthorse.accept.ses.errors import SesError
from posthorse.mail.ids import MessageId
from posthorse.mail.message import Caller


@dataclass(slots=True, kw_only=True)
class Call:
    """A whole request of a caller who was let in."""

    method: str
    path: str
    """Decoded."""
    query: bytes
    body: bytes
    caller: Caller
    request_id: str
    action: str = ""
    """What v1 was asked to do, once it was read."""


class Version(Protocol):
    """One version of the API: how its requests are read, and in which shape it answers."""

    @property
    def max_request_bytes(self) -> int:
        """The largest body that any of its operations takes."""
        ...

    async def perform(self, call: Call) -> Asked | Answer:
        """The answer, or the mail that is to be sent first. Raises `SesError`."""
        ...

    def receipt(self, call: Call, receipt: MessageId) -> Answer:
        """The answer to a call whose mail was accepted."""
        ...

    def error(self, error: SesError, request_id: str) -> Answer:
        """The answer to a call that failed."""
        ...
