"""What the parts of the SMTP server agree on: terms of a listener, the peer, requests to the shell, bounds."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from posthorse.accept.refusal import Refused
from posthorse.accept.smtp.auth import Login
from posthorse.mail.message import Caller, Submission

MAX_COMMAND_BYTES = 2_048
"""RFC 5321 section 4.5.3.1.4 asks for 512 and what extensions add."""
MAX_ERRORS = 20
"""Commands refused as errors before the connection is closed."""
MAX_IDLE_COMMANDS = 1_000
"""Commands that bring no mail nearer (NOOP, RSET, EHLO, refused MAIL...) between two messages."""
MAX_AUTH_FAILURES = 3


class Gate(Protocol):
    """What is asked of admission before a message is sent."""

    def sender(self, caller: Caller, sender: str, declared_size_bytes: int) -> Refused | None:
        """Whether mail from `sender` is taken. Size 0: not declared."""
        ...

    def recipient(self, caller: Caller, already: int) -> Refused | None:
        """Whether one more recipient is taken after `already` ones."""
        ...

    def count(self, refused: Refused, caller: Caller | None) -> Refused:
        """Note a refusal that the protocol gave by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a listener offers."""

    hostname: str
    max_size_bytes: int
    starttls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The other end of the connection."""

    address: str
    loopback: bool = False
    caller: Caller | None = None
    """Who it is without AUTH (a trusted source)."""


class Wish(Enum):
    """What a session wants of its shell besides decisions."""

    START_TLS = "start_tls"
    """Write the output, then begin the handshake as the server; then call `tls_started`."""
    CLOSE = "close"
    """Write the output, then close."""
    BREAK_OFF = "break_off"
    """The same while the client may still be sending: let it read the last words."""


Request = Submission | Login | Wish
"""Answer a submission by `answer`, a login by `authenticated` or `not_authenticated`."""
