"""Message, envelope and what a client offers before we agree to carry it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from posthorse.mail.ids import MessageId, Tenant
from posthorse.mail.stream import Stream


class Front(Enum):
    """The door a submission came through."""

    SMTP = "smtp"
    SES = "ses"
    API = "api"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who offers mail: an authenticated credential or a trusted source. Never absent: there is no open relay."""

    tenant: Tenant
    credential: str
    """Access key id, or `trusted:` and the CIDR that let the caller in."""
    peer: str
    """Address of the client, for the Received header and the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a client offers us: an envelope and the bytes as they came, dot-unstuffed."""

    caller: Caller
    front: Front
    sender: str
    """Envelope sender without angle brackets; empty: the null sender."""
    recipients: tuple[str, ...]
    content: bytes
    smtputf8: bool = False
    helo: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The unchanging metadata of what we agreed to carry. The bytes are kept apart (`body`)."""

    id: MessageId
    tenant: Tenant
    stream: Stream
    sender: str
    """Envelope sender; empty: the null sender."""
    size_bytes: int
    accepted_at: int
    """Microseconds UTC by the spool's clock."""
    expires_at: int
    """Microseconds UTC; trying stops here."""
    smtputf8: bool = False
    """The envelope or the headers need SMTPUTF8 (RFC 6531) on the way out."""
    eight_bit: bool = False
    """The content has bytes above 127."""
    supersede_key: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Configuration set (`configuration_set`), tags (`tag:NAME`), credential and the like; never an address."""

    @property
    def sender_domain(self) -> str:
        """Domain of the envelope sender in lower case; empty for the null sender."""
        return self.sender.rpartition("@")[2].lower()
