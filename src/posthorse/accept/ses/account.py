"""The account as the SES API tells it: identities, quota and statistics of a tenant, from what is configured here.

Promise: an identity is verified exactly if mail from it is taken; lists come in pages, in one order, and a page's token
goes on where the last one ended, whatever changed meanwhile.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from posthorse.accept.admission import Admission
from posthorse.accept.ses.counts import Counts, Point
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.mail.ids import Tenant
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND

MOST_ITEMS = 1_000
NO_LIMIT_PER_S = 1_000_000.0
"""What is told as the rate where there is no limit."""
UNLIMITED = -1.0
"""How SES says that a day has no limit."""
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a tenant may send, and sent."""

    max_24_hour: float
    max_per_s: float
    sent_24_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What the configuration says beside domains. Replaced as a whole when it is read again."""

    messages_per_s: float | None = None
    configuration_sets: tuple[str, ...] = ()
    """Those that rules name; any other name is taken, too."""


@dataclass(slots=True, kw_only=True)
class Account:
    """Every tenant's account. `offered` may be replaced at any time."""

    admission: Admission
    clock: Clock
    counts: Counts = field(default_factory=Counts)
    offered: Offered = field(default_factory=Offered)

    def identities(self, tenant: Tenant) -> list[str]:
        """Domains the tenant sends from; none if it may send from any."""
        return sorted(self.admission.policy.domains.get(tenant, ()))

    def verified(self, tenant: Tenant, identity: str) -> bool:
        """Whether mail from this domain or address is taken."""
        return self.admission.policy.owns(tenant, identity.rpartition("@")[2].lower())

    def quota(self, tenant: Tenant) -> Quota:
        """Rate and day, in recipients as SES counts them."""
        rate = self.offered.messages_per_s
        return Quota(
            max_24_hour=UNLIMITED if rate is None else rate * _DAY_S,
            max_per_s=NO_LIMIT_PER_S if rate is None else rate,
            sent_24_hours=float(self.counts.sent_in_a_day(tenant, self.clock.now())),
        )

    def statistics(self, tenant: Tenant) -> Sequence[Point]:
        """Points of a quarter of an hour."""
        return self.counts.points(tenant)


def page(names: Iterable[str], most: int | None, token: str) -> tuple[list[str], str]:
    """At most `most` names after the token's, and the next page's token, if there is one. Raises `SesError`."""
    most = MOST_ITEMS if most is None else most
    if not 0 < most <= MOST_ITEMS:
        raise SesError(Kind.INVALID, f"A page has 1 to {MOST_ITEMS} items.")
    after = _name_of(token) if token else ""
    rest = [name for name in sorted(names) if name > after]
    more = urlsafe_b64encode(rest[most - 1].encode()).decode("ascii") if len(rest) > most else ""
    return rest[:most], more


def _name_of(token: str) -> str:
    try:
        return b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode("utf-8")
    except ValueError:
        raise SesError(Kind.INVALID, "NextToken is none that was given here.") from None


def seconds(at: int) -> float:
    """A time as seconds since 1970."""
    return at / SECOND
