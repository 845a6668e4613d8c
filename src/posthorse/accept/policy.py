"""What a gateway takes, as far as configuration and people decide it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from posthorse.accept.load import DEFAULT_LOAD_LIMITS, LoadLimits
from posthorse.mail.ids import Tenant
from posthorse.mail.stream import RULES, Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """Replaced as a whole when the configuration is reloaded."""

    domains: Mapping[Tenant, frozenset[str]] = field(default_factory=dict)
    """Sender domains (lower case) of each tenant; a tenant without an entry may send from any."""
    max_size_bytes: int = 40 << 20
    max_recipients: int = 1_000
    load: LoadLimits = DEFAULT_LOAD_LIMITS
    deadlines_s: Mapping[Stream, float] = field(
        default_factory=lambda: {stream: rule.deadline_s for stream, rule in RULES.items()}
    )

    def owns(self, tenant: Tenant, domain: str) -> bool:
        """Whether the tenant may send from the domain (lower case). As with SES, the names below it come with it."""
        domains = self.domains.get(tenant)
        if domains is None or domain in domains:
            return True
        labels = domain.split(".")
        return any(".".join(labels[start:]) in domains for start in range(1, len(labels)))
