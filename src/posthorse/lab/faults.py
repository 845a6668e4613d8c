"""The faults a simulated provider can have: a closed set, and what each means on every wire.

Duty: give each fault one meaning in SMTP and one in an exchange with an HTTP API, say on which side of the release it
lies, and whether the mail reaches the mailbox all the same. Promise: the table covers every fault. Left out: the words
of those that are a complete no (`posthorse.lab.refusals`), performing them (the simulated providers) and what only a
listening socket can do (`posthorse.lab.door`).
"""

from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """How a provider misbehaves."""

    REFUSE = "refuse"
    """Nobody listens: connecting is refused, and what was open is reset."""
    NO_SYN_ACK = "no_syn_ack"
    """The network swallows everything: connecting never completes, and what was open falls silent."""
    NEVER_READ = "never_read"
    """Connections are accepted and never read. What the kernel took meanwhile is read when the fault ends."""
    NEVER_ANSWER = "never_answer"
    """Everything is read and nothing is ever answered."""
    RESET_AFTER_LAST_BYTE = "reset_after_last_byte"
    """The mail is taken, then the connection is reset instead of an answer."""
    HALF_ANSWER = "half_answer"
    """The mail is taken, and the connection ends in the middle of the answer."""
    SLOW = "slow"
    """Every answer comes late."""
    ANSWER_4XX = "answer_4xx"
    """A complete no, for now (SMTP) or for this sender (HTTP APIs)."""
    ANSWER_5XX = "answer_5xx"
    """A complete answer that the provider itself is broken."""
    ANSWER_429 = "answer_429"
    """A complete answer that asks for less."""
    AUTH_REVOKED = "auth_revoked"
    """Our credentials are no longer known."""
    ACCOUNT_PAUSED = "account_paused"
    """Our account may not send."""
    GARBAGE_200 = "garbage_200"
    """A page of some proxy instead of an answer; nothing was taken."""
    HANG_AFTER_DOT = "hang_after_dot"
    """The mail is taken and the answer withheld until the fault ends: then it comes late."""
    ACCEPT_AND_DROP = "accept_and_drop"
    """A perfect handover that never reaches the mailbox."""


class Side(Enum):
    """Where a fault lies, seen from the release of the last bytes."""

    BEFORE = "before"
    """The last bytes were never asked for: certainly no copy is out."""
    AFTER = "after"
    """The last bytes are out when it strikes."""


class Stage(Enum):
    """Where in an SMTP dialogue a refusal is given."""

    GREETING = "greeting"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DOT = "dot"


class Shape(Enum):
    """How the fault shows itself, which is what the simulated providers act on."""

    UNREACHABLE = "unreachable"
    """No connection; needs a door."""
    DEAF = "deaf"
    """Connected and not reading."""
    MUTE = "mute"
    """Reading and not answering."""
    BROKEN = "broken"
    """The exchange ends without a complete, readable answer."""
    LATE = "late"
    """A complete answer after a while."""
    REFUSAL = "refusal"
    """A complete no."""
    LIE = "lie"
    """A complete yes that is not true."""


class Wire(Enum):
    """How a simulated provider is spoken to; the values are the kinds of providers."""

    SMTP = "smtp"
    SES = "ses"
    SENDGRID = "sendgrid"
    POSTMARK = "postmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What one fault means."""

    fault: Fault
    shape: Shape
    smtp: str
    """In an SMTP dialogue."""
    http: str
    """In an exchange with an HTTP API, whichever; of a refusal the provider's own words stand in its table."""
    smtp_side: Side
    http_side: Side
    takes: bool
    """The mail reaches the mailbox although the client saw the fault."""

    def side(self, wire: Wire) -> Side:
        """Where it lies on this wire."""
        return self.smtp_side if wire is Wire.SMTP else self.http_side


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSetting:
    """A fault switched on, with its particulars."""

    fault: Fault
    stage: Stage | None = None
    """Where an SMTP refusal is given; None: where `posthorse.lab.refusals` says."""
    delay_s: float = 5.0
    """How late `SLOW` answers."""
    takes: bool | None = None
    """Whether the mail reaches the mailbox all the same; None: as the sheet says."""

    @property
    def sheet(self) -> Sheet:
        """The meaning of this fault."""
        return SHEETS[self.fault]

    @property
    def takes_mail(self) -> bool:
        """Whether mail struck by this fault reaches the mailbox."""
        return self.sheet.takes if self.takes is None else self.takes


GARBAGE = "<html><body><h1>200 OK</h1>It works!</body></html>"
"""What `GARBAGE_200` answers instead of a reply or of JSON."""

# fmt: off
_SHEETS: tuple[tuple[Fault, Shape, Side, Side, bool, str, str], ...] = (
    # fault, shape, its side in SMTP, its side in HTTP, taken all the same, in SMTP, in HTTP
    (
        Fault.REFUSE, Shape.UNREACHABLE, Side.BEFORE, Side.BEFORE, False,
        "connection refused; open connections reset",
        "connection refused; open connections reset",
    ),
    (
        Fault.NO_SYN_ACK, Shape.UNREACHABLE, Side.BEFORE, Side.BEFORE, False,
        "the listener's backlog is full, so SYNs are dropped; open connections are not read",
        "the listener's backlog is full, so SYNs are dropped; open connections are not read",
    ),
    (
        Fault.NEVER_READ, Shape.DEAF, Side.BEFORE, Side.AFTER, False,
        "connected, no greeting; nothing is read",
        "connected; the kernel takes a small request, nobody reads it",
    ),
    (
        Fault.NEVER_ANSWER, Shape.MUTE, Side.BEFORE, Side.AFTER, False,
        "no greeting; what comes is read, no command is answered",
        "the whole request is read, no answer comes",
    ),
    (
        Fault.RESET_AFTER_LAST_BYTE, Shape.BROKEN, Side.AFTER, Side.AFTER, True,
        "RST after the final dot",
        "RST after the last byte of the body",
    ),
    (
        Fault.HALF_ANSWER, Shape.BROKEN, Side.AFTER, Side.AFTER, True,
        "'250 2.0' without a line end, then FIN",
        "half of the answer (of its body, where it has one), then FIN",
    ),
    (
        Fault.SLOW, Shape.LATE, Side.BEFORE, Side.AFTER, True,
        "every reply comes delay_s late",
        "every answer comes delay_s late",
    ),
    (
        Fault.ANSWER_4XX, Shape.REFUSAL, Side.BEFORE, Side.AFTER, False,
        "451 4.3.0 to MAIL",
        "the sender is not verified",
    ),
    (
        Fault.ANSWER_5XX, Shape.REFUSAL, Side.AFTER, Side.AFTER, False,
        "554 5.3.0 to the final dot",
        "the provider says that it is broken",
    ),
    (
        Fault.ANSWER_429, Shape.REFUSAL, Side.BEFORE, Side.AFTER, False,
        "454 4.7.0 throttling to MAIL",
        "the provider asks for less",
    ),
    (
        Fault.AUTH_REVOKED, Shape.REFUSAL, Side.BEFORE, Side.AFTER, False,
        "535 5.7.8 to AUTH, 530 5.7.0 to MAIL",
        "the key is not known",
    ),
    (
        Fault.ACCOUNT_PAUSED, Shape.REFUSAL, Side.BEFORE, Side.AFTER, False,
        "554 5.7.1 sending paused, to MAIL",
        "the account may not send",
    ),
    (
        Fault.GARBAGE_200, Shape.BROKEN, Side.AFTER, Side.AFTER, False,
        "HTML instead of a reply to the final dot",
        "200 with HTML instead of JSON",
    ),
    (
        Fault.HANG_AFTER_DOT, Shape.MUTE, Side.AFTER, Side.AFTER, True,
        "silence after the final dot; 250 when the fault ends",
        "silence after the last byte of the body; the yes when the fault ends",
    ),
    (
        Fault.ACCEPT_AND_DROP, Shape.LIE, Side.AFTER, Side.AFTER, False,
        "250 to the final dot, nothing delivered",
        "a yes with an id, nothing delivered",
    ),
)
# fmt: on

SHEETS: dict[Fault, Sheet] = {
    fault: Sheet(fault=fault, shape=shape, smtp_side=smtp_side, http_side=http_side, takes=takes, smtp=smtp, http=http)
    for fault, shape, smtp_side, http_side, takes, smtp, http in _SHEETS
}
"""Every fault with its meaning."""
