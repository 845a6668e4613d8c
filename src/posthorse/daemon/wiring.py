"""Wiring: what the configuration says, as the values that the rooms understand."""

from collections.abc import Iterable, Iterator, Mapping

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.classify import Classifier, ClassifyRule
from posthorse.accept.load import LoadLimits
from posthorse.accept.smtp.server import SmtpLimits
from posthorse.accept.trusted import TrustedSource, TrustedSources
from posthorse.config.domains import DomainSettings
from posthorse.config.entrance import ClassifySettings
from posthorse.config.sizes import largest_message_bytes
from posthorse.config.tree import Config, RouteSettings
from posthorse.dispatch.dispatcher import Settings
from posthorse.dispatch.route import Route
from posthorse.mail.ids import ProviderName, Tenant
from posthorse.providers.dkim.signature import SigningKey, read_key
from posthorse.watch.recovery import Recovery


def signing_keys_of(domains: Iterable[DomainSettings]) -> Iterator[tuple[Tenant, SigningKey]]:
    """Every key that signs mail, with the tenant whose mail it signs."""
    for domain in domains:
        for dkim in domain.dkim:
            key = read_key(dkim.key.reveal())
            yield domain.tenant, SigningKey(domain=domain.name.lower(), selector=dkim.selector, key=key)


def routes_of(config: Config) -> tuple[Route, ...]:
    """The routes as written; whatever none of them fits goes through all providers in the order of the file."""
    weights = {provider.name: float(provider.weight) for provider in config.providers}
    written = tuple(_route(route, weights) for route in config.routes)
    return (*written, Route(providers=tuple(weights)))


def _route(settings: RouteSettings, weights: Mapping[ProviderName, float]) -> Route:
    return Route(
        providers=settings.providers,
        stream=settings.stream,
        tenant=settings.tenant,
        sender_domain=settings.sender_domain.lower(),
        strategy=settings.strategy,
        weights=tuple(weights[name] for name in settings.providers),
    )


def policy_of(config: Config) -> AdmissionPolicy:
    """What is taken."""
    limits = config.limits
    domains: dict[Tenant, frozenset[str]] = {}
    for domain in config.domains:
        domains[domain.tenant] = domains.get(domain.tenant, frozenset()) | {domain.name.lower()}
    return AdmissionPolicy(
        domains=domains,
        max_size_bytes=largest_message_bytes(config),
        max_recipients=limits.recipients,
        load=LoadLimits(
            queued=limits.queued, receiving_bytes=limits.memory_bytes, free_space_bytes=limits.free_space_bytes
        ),
        deadlines_s={stream: rule.deadline_s for stream, rule in config.rules().items()},
    )


def classifier_of(config: Config) -> Classifier:
    """The rules that give an unchanged application's mail its stream."""
    return Classifier(classify_rule(rule) for rule in config.classify)


def classify_rule(settings: ClassifySettings) -> ClassifyRule:
    """One rule, for the gateway as for whoever tries it out."""
    match = settings.match
    return ClassifyRule(
        stream=settings.stream,
        access_key=match.access_key,
        configuration_set=match.configuration_set,
        tag=match.tag,
        template=match.template,
        sender=match.sender,
        subject=match.subject,
    )


def trusted_of(config: Config) -> TrustedSources:
    """The networks let in without AUTH."""
    return TrustedSources(TrustedSource(cidr=source.cidr, tenant=source.tenant) for source in config.trusted_sources)


def smtp_limits_of(config: Config) -> SmtpLimits:
    """Bounds of the SMTP server."""
    limits = config.limits
    return SmtpLimits(
        connections=limits.connections,
        connections_per_peer=limits.connections_per_peer,
        idle_s=limits.idle_timeout_s,
        receiving_bytes=2 * limits.memory_bytes,
    )


def recovery_of(config: Config) -> Recovery:
    """How a provider comes back."""
    return Recovery(pause_s=config.dispatch.eject_for_s, ramp_s=config.dispatch.ramp_over_s)


def dispatch_settings_of(config: Config) -> Settings:
    """How mail leaves."""
    return Settings(rules=config.rules(), parked=config.dispatch.parked)
