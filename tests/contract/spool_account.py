"""What the spool's model draws from, and the account its referee keeps of one recipient."""

from dataclasses import dataclass, field

from posthorse.mail.ids import Tenant
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.spool.desk_port import Decision

ADDRESSES = ("ann@example.com", "Bob@Example.com", "eve@other.example")
OUTCOMES: tuple[Outcome | None, ...] = (
    Handover(),
    Deferral(scope=Scope.RECIPIENT),
    Rejection(scope=Scope.RECIPIENT),
    Rejection(scope=Scope.ACCOUNT),
    Fault(scope=Scope.PROVIDER),
    Throttle(scope=Scope.ACCOUNT),
    Unclear(),
    None,
)
RAISING = (Decision.ANOTHER_COPY, Decision.WAS_NOT_SENT)
"""Decisions after which a person, not a rule, answers for further copies."""


@dataclass(slots=True)
class Account:
    """What the referee knows of one recipient from the answers alone."""

    allowed: int
    tenant: Tenant
    address: str
    expires_at: int
    fence: int = 0
    """The highest fence ever given out."""
    released: dict[int, str] = field(default_factory=dict)
    """Fences whose release was allowed, each `out` or `refused`."""
    decided: bool = False

    @property
    def out(self) -> int:
        """Copies that may be out."""
        return sum(1 for state in self.released.values() if state == "out")
