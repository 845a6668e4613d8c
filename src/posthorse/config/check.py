"""What must make sense together, and what is allowed but unwise.

`problems_of` gives what stops the gateway from starting; `warnings_of` what `config check` mentions and lets pass. Both
look at values already read one by one (`reader`).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from posthorse.config.domains import DomainSettings
from posthorse.config.entrance import (
    AccessKeySettings,
    ClassifySettings,
    ListenerSettings,
    MatchSettings,
)
from posthorse.config.hooks import hook_problems, hook_warnings
from posthorse.config.pem import why_not_served, why_not_trusted, why_unreadable
from posthorse.config.problem import Problem
from posthorse.config.providers import HttpProvider, ProviderSettings, SesSettings, SmtpSettings
from posthorse.config.room import free_space_bytes
from posthorse.config.setting import Address
from posthorse.config.sizes import size_warnings
from posthorse.config.structured import structured_warnings
from posthorse.config.tree import Config, RouteSettings
from posthorse.config.trusted import trusted_problems, trusted_warning
from posthorse.config.webhooks import retention_warning, webhook_problems, webhook_warnings
from posthorse.mail.ports import TlsMode
from posthorse.mail.stream import RULES, Stream

T = TypeVar("T")

Place = Callable[[object], str]
"""Where in the file a section stands."""


def problems_of(config: Config, place: Place, provider_names: Iterable[str]) -> Iterator[Problem]:
    """Everything that does not make sense together; `provider_names` as in the file, readable sections or not."""
    names = set(provider_names)
    for listener in config.listen:
        yield from _listener(listener, place(listener))
    for key in config.access_keys:
        yield from _access_key(key, place(key))
    for source in config.trusted_sources:
        yield from trusted_problems(source, place(source))
    for rule in config.classify:
        yield from rule_problems(rule, place(rule))
    if not names:
        yield Problem(path="providers", what="are missing", remedy="add at least one [[providers]]")
    for domain in config.domains:
        if domain.dkim:
            yield from _signing(domain, place(domain))
    yield from _relays(config, place)
    for provider in config.providers:
        yield from hook_problems(provider, place(provider))
    for webhook in config.webhooks:
        yield from webhook_problems(webhook, place(webhook))
    yield from _routes(config, place, names)
    yield from _streams(config, place)
    yield from _repeated(config, place)


def rule_problems(rule: ClassifySettings, path: str) -> Iterator[Problem]:
    """What keeps a rule from being asked."""
    if rule.match == MatchSettings():
        yield Problem(path=f"{path}.match", what="matches everything", remedy="give at least one key")
    elif rule.match.tag and "=" not in rule.match.tag:
        yield Problem(path=f"{path}.match.tag", what="has no value", remedy='write it as "name=value"')


def warnings_of(config: Config) -> Iterator[Problem]:
    """What is allowed and may surprise: each with what follows from it."""
    folder = config.spool.url.file.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Problem(path="spool.url", what=f"{folder} is no folder we may write to", remedy="make it, or allow it")
    elif (free := free_space_bytes(config)) < config.limits.free_space_bytes:
        what = f"has {free >> 20} MiB free on its disk, and must keep {config.limits.free_space_bytes >> 20} MiB"
        remedy = "all mail would be refused; make room, or lower limits.free_space"
        yield Problem(path="spool.url", what=what, remedy=remedy)
    if config.log.file is not None and not _may_be_made(config.log.file):
        yield Problem(
            path="log.file", what=f"{config.log.file} cannot be written", remedy="make its folder, or allow it"
        )
    if not config.domains:
        remedy = "name the domains you send from in [[domains]]"
        yield Problem(path="domains", what="are not named: whoever logs in may send from any", remedy=remedy)
    for number, domain in enumerate(config.domains):
        yield from _short_keys(domain, f"domains[{number}]")
    if len(config.providers) == 1:
        yield Problem(
            path="providers", what="there is only one", remedy="mail waits while it is down; add a second one"
        )
    for number, source in enumerate(config.trusted_sources):
        yield trusted_warning(source, f"trusted_sources[{number}]")
    for number, listener in enumerate(config.listen):
        yield from _exposed(listener, f"listen[{number}]")
    for number, provider in enumerate(config.providers):
        if _in_the_clear(provider):
            yield Problem(path=f"providers[{number}]", what="gets mail and credentials in the clear", remedy="use TLS")
    yield from hook_warnings(config)
    yield from structured_warnings(config)
    yield from size_warnings(config)
    for number, webhook in enumerate(config.webhooks):
        yield from webhook_warnings(webhook, f"webhooks[{number}]")
    yield from retention_warning(config.retention.history_s, config.webhooks)
    if not config.access_keys and not config.trusted_sources:
        yield Problem(
            path="access_keys",
            what="there are none, and no trusted sources",
            remedy="add [[access_keys]] or run `posthorse keys create`",
        )


def _listener(listener: ListenerSettings, path: str) -> Iterator[Problem]:
    spoken = [name for name in ("http", "smtp", "smtps") if getattr(listener, name)]
    if len(spoken) != 1:
        what = f"has {' and '.join(spoken) or 'no address'}"
        yield Problem(path=path, what=what, remedy="give exactly one of http, smtp, smtps")
    if spoken and listener.address.path and (not listener.http or listener.tls_certificate):
        yield Problem(path=path, what="is a unix socket", remedy="only http without TLS is served there")
    if bool(listener.tls_certificate) != bool(listener.tls_key):
        missing = "tls_key" if listener.tls_certificate else "tls_certificate"
        yield Problem(path=f"{path}.{missing}", what="is missing", remedy="certificate and key belong together")
    elif listener.smtps and not listener.tls_certificate:
        yield Problem(
            path=f"{path}.tls_certificate", what="is missing", remedy="smtps needs tls_certificate and tls_key"
        )
    if listener.http and not listener.roles:
        yield Problem(path=f"{path}.roles", what="is empty", remedy="leave it out for all roles")
    yield from _identity(listener, path)


def _identity(listener: ListenerSettings, path: str) -> Iterator[Problem]:
    """What a listener proves itself with."""
    files = {"tls_certificate": listener.tls_certificate, "tls_key": listener.tls_key}
    unreadable = {name: why for name, file in files.items() if file is not None and (why := why_unreadable(file))}
    for name, why in unreadable.items():
        yield Problem(path=f"{path}.{name}", what=why, remedy="check path and rights")
    if unreadable or listener.tls_certificate is None or listener.tls_key is None:
        return
    if why := why_not_served(listener.tls_certificate, listener.tls_key):
        remedy = "give the certificate chain and its own key, both in PEM, the key without a passphrase"
        yield Problem(path=f"{path}.tls_key", what=why, remedy=remedy)


def _access_key(key: AccessKeySettings, path: str) -> Iterator[Problem]:
    if (key.secret is None) == (key.smtp_password is None):
        what = "has neither secret nor smtp_password" if key.secret is None else "has both secret and smtp_password"
        yield Problem(path=path, what=what, remedy="give one of them")


def _signing(domain: DomainSettings, path: str) -> Iterator[Problem]:
    from posthorse.providers.dkim.signature import read_key  # a slow import, and most have no keys

    for number, dkim in enumerate(domain.dkim):
        try:
            read_key(dkim.key.reveal())
        except ValueError as error:
            remedy = "make one with `openssl genrsa 2048`, and name its file"
            yield Problem(path=f"{path}.dkim[{number}].key", what=str(error), remedy=remedy)
        if dkim.selector.lower() in (each.selector.lower() for each in domain.dkim[:number]):
            what = f'"{dkim.selector}" stands there twice'
            yield Problem(path=f"{path}.dkim[{number}].selector", what=what, remedy="a selector names one key")


def _short_keys(domain: DomainSettings, path: str) -> Iterator[Problem]:
    if not domain.dkim:
        return
    from posthorse.providers.dkim.signature import LEAST_SAFE_RSA_BITS, read_key  # a slow import

    for number, dkim in enumerate(domain.dkim):
        bits = getattr(read_key(dkim.key.reveal()), "key_size", LEAST_SAFE_RSA_BITS)  # Ed25519 has but one size
        if bits < LEAST_SAFE_RSA_BITS:
            remedy = f"forgers may afford to find it; make one of {LEAST_SAFE_RSA_BITS}"
            yield Problem(path=f"{path}.dkim[{number}].key", what=f"has {bits} bits", remedy=remedy)


def _relays(config: Config, place: Place) -> Iterator[Problem]:
    for provider in config.providers:
        if isinstance(provider, SmtpSettings) and bool(provider.username) != bool(provider.password):
            missing = "password" if provider.username else "username"
            yield Problem(path=f"{place(provider)}.{missing}", what="is missing", remedy="AUTH needs both")
        if isinstance(provider, SesSettings | SmtpSettings | HttpProvider):
            yield from _trust(provider.ca_file, f"{place(provider)}.ca_file")


def _routes(config: Config, place: Place, names: set[str]) -> Iterator[Problem]:
    for route in config.routes:
        if not route.providers:
            yield Problem(path=f"{place(route)}.providers", what="is empty", remedy="name at least one provider")
        for number, name in enumerate(route.providers):
            path = f"{place(route)}.providers[{number}]"
            if name not in names:
                known = ", ".join(sorted(names)) or "none"
                yield Problem(path=path, what=f'"{name}" is not a provider here', remedy=f"known: {known}")
            elif name in route.providers[:number]:
                yield Problem(path=path, what=f'"{name}" stands there twice', remedy="name it once")


def _streams(config: Config, place: Place) -> Iterator[Problem]:
    for stream, settings in config.streams.items():
        if settings.elsewhere_after_s is not None and RULES[stream].elsewhere_after_s is None:
            yield Problem(
                path=f"{place(settings)}.elsewhere_after",
                what=f"`{stream.value}` mail is never sent twice without a person's decision",
                remedy=f"leave it out; only {_doubling()} may have it",
            )


def _doubling() -> str:
    return " and ".join(stream.value for stream in Stream if RULES[stream].elsewhere_after_s is not None)


def _repeated(config: Config, place: Place) -> Iterator[Problem]:
    yield from _twice(config.providers, lambda each: each.name, place, "name")
    yield from _twice(config.webhooks, lambda each: each.name, place, "name")
    yield from _twice(config.access_keys, lambda each: each.id, place, "id")
    yield from _twice(config.domains, lambda each: f"{each.name.lower()} of {each.tenant}", place, "name")
    yield from _twice(config.routes, _condition, place, "stream")
    yield from _twice(config.trusted_sources, lambda each: each.cidr, place, "cidr")
    bound = [
        each
        for each in config.listen
        if (each.http or each.smtp or each.smtps) and (each.address.port or each.address.path)
    ]
    yield from _twice(bound, lambda each: str(each.address), place, "address")


def _condition(route: RouteSettings) -> str:
    stream = route.stream.value if route.stream else "every stream"
    return ", ".join(filter(None, (stream, route.tenant, route.sender_domain.lower())))


def _twice(sections: Iterable[T], name_of: Callable[[T], str], place: Place, key: str) -> Iterator[Problem]:
    counted: Counter[str] = Counter()
    for section in sections:
        name = name_of(section)
        if counted[name]:
            yield Problem(
                path=f"{place(section)}.{key}", what=f'"{name}" stands there twice', remedy="remove or rename one"
            )
        counted[name] += 1


def _trust(file: Path | None, where: str) -> Iterator[Problem]:
    """Whom a connection to a provider trusts."""
    if file is None:
        return
    if why := why_unreadable(file):
        yield Problem(path=where, what=why, remedy="check path and rights")
    elif why := why_not_trusted(file):
        yield Problem(path=where, what=why, remedy="give certificates in PEM; without it the system's are trusted")


def _in_the_clear(provider: ProviderSettings) -> bool:
    """Whether credentials leave this machine as plain text."""
    match provider:
        case SmtpSettings(tls=TlsMode.NONE, password=password, host=host):
            return password is not None and not Address(host=host, port=0).loopback
        case SesSettings(endpoint=endpoint) | HttpProvider(endpoint=endpoint):
            where = urlsplit(endpoint)
            return where.scheme == "http" and not Address(host=where.hostname or "", port=0).loopback
        case _:
            return False


def _may_be_made(file: Path) -> bool:
    return os.access(file, os.W_OK) if file.exists() else os.access(file.parent, os.W_OK | os.X_OK)


def _exposed(listener: ListenerSettings, path: str) -> Iterator[Problem]:
    if listener.address.loopback:
        return
    if listener.smtp and not listener.tls_certificate:
        yield Problem(
            path=path, what="has no certificate and is not on loopback", remedy="nobody can log in there; add TLS"
        )
    if listener.http and not listener.tls_certificate and any(role.value == "api" for role in listener.roles):
        what = "has the role api without TLS and is not on loopback"
        remedy = "the native API takes no credentials there (tls_required); add TLS"
        yield Problem(path=path, what=what, remedy=remedy)
    inward = [role.value for role in listener.roles if role.value in {"admin", "metrics"}]
    if listener.http and inward:
        yield Problem(
            path=f"{path}.roles",
            what=f"{' and '.join(inward)} can be reached from other machines",
            remedy="keep them on loopback",
        )
