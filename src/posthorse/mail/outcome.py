"""Outcome of an attempt: exactly one of handover, deferral, rejection, fault, throttle, unclear, with a scope.

Results of sending are values, not exceptions. Each provider has one translation table from foreign replies to these;
what is not in the table is unclear if the release mark is set, else a fault.
"""

from dataclasses import dataclass
from enum import Enum


class Scope(Enum):
    """What an outcome speaks about; health is kept per scope, so one bad recipient never closes a provider."""

    MESSAGE = "message"
    """These bytes (content, size)."""
    RECIPIENT = "recipient"
    """This address."""
    SENDER_DOMAIN = "sender_domain"
    """This sending domain at this provider (identity not verified)."""
    OPERATOR = "operator"
    """The mailbox operator behind the recipient."""
    ACCOUNT = "account"
    """Our account at the provider (credentials, suspension, daily quota)."""
    CHANNEL = "channel"
    """This way into the provider (this host, port or connection)."""
    PROVIDER = "provider"
    """The provider as a whole."""
    US = "us"
    """Ourselves: our clock, network, disk or a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the other side said, kept raw for the history. `code` 0: it said nothing."""

    code: int = 0
    enhanced: str = ""
    """Enhanced status code (RFC 3463) or the provider's error name; empty: none given."""
    text: str = ""


NO_REPLY = Reply()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The provider took responsibility. Not yet delivery."""

    reply: Reply = NO_REPLY
    provider_message_id: str = ""
    """The provider's own id, for matching its events; empty: it gave none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """Not now; nothing final."""

    scope: Scope
    reply: Reply = NO_REPLY
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """No, and trying again elsewhere would not help within the scope."""

    scope: Scope
    reply: Reply = NO_REPLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The provider itself failed, certainly without taking the mail; leads to failover."""

    scope: Scope
    reply: Reply = NO_REPLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """The provider asks for less; it certainly did not take this mail."""

    scope: Scope
    reply: Reply = NO_REPLY
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """Released, and no complete answer proves handover or refusal."""

    scope: Scope = Scope.PROVIDER
    reply: Reply = NO_REPLY


Outcome = Handover | Deferral | Rejection | Fault | Throttle | Unclear

CertainNo = Deferral | Rejection | Fault | Throttle
"""Outcomes that prove that no copy is out: a complete negative answer, or nothing was released."""

KINDS: dict[type[Outcome], str] = {
    Handover: "handover",
    Deferral: "deferral",
    Rejection: "rejection",
    Fault: "fault",
    Throttle: "throttle",
    Unclear: "unclear",
}
"""The name of each kind in history, logs and metrics."""


def kind_of(outcome: Outcome) -> str:
    """The word for this kind of outcome, as stored in history."""
    return KINDS[type(outcome)]


def scope_of(outcome: Outcome) -> Scope:
    """The scope of an outcome; a handover speaks for the provider."""
    return Scope.PROVIDER if isinstance(outcome, Handover) else outcome.scope
