"""Outlets: each configured provider as an adapter on real clocks and networks, with its slots and time limits.

Left out: which mail takes which (routes are values of `wiring`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from posthorse.config.providers import (
    MailboxSettings,
    PostmarkSettings,
    ProviderSettings,
    SendGridSettings,
    SesSettings,
    SmtpSettings,
)
from posthorse.config.tree import Config
from posthorse.gateway import Outlet
from posthorse.mail.ports import Clock, Dialer, HttpExchange, Offload
from posthorse.providers.dkim.signing import Keyring, SigningProvider
from posthorse.providers.mailbox import MailboxProvider
from posthorse.providers.mime.dissector import Dissector
from posthorse.providers.port import Fidelity, Limits, Provider
from posthorse.providers.postmark import postmark_provider
from posthorse.providers.sendgrid import sendgrid_provider
from posthorse.providers.ses import SesProvider
from posthorse.providers.smtp import SmtpProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The adapters that providers stand on."""

    clock: Clock
    dialer: Dialer
    exchange: HttpExchange
    offload: Offload
    dissector: Dissector
    hostname: str
    keyring: Keyring
    """What signs mail on its way out."""


def outlets_of(config: Config, edge: Edge) -> tuple[Outlet, ...]:
    """Every configured provider with its slots and time limits."""
    return tuple(_outlet(config, settings, edge) for settings in config.providers)


def _outlet(config: Config, settings: ProviderSettings, edge: Edge) -> Outlet:
    dispatch = config.dispatch
    slots = settings.slots or dispatch.slots
    limits = Limits(
        connect_s=settings.connect_timeout_s or dispatch.connect_timeout_s,
        answer_s=settings.answer_timeout_s or dispatch.answer_timeout_s,
    )
    provider = _provider(settings, edge, slots)
    if provider.capability.fidelity is not Fidelity.RECOMPOSED:
        provider = SigningProvider(provider, edge.keyring, edge.clock)
    return Outlet(provider=provider, slots=slots, limits=limits)


def _provider(settings: ProviderSettings, edge: Edge, slots: int) -> Provider:
    match settings:
        case SesSettings():
            return SesProvider(
                name=settings.name,
                region=settings.region,
                access_key_id=settings.access_key_id,
                secret_access_key=settings.secret_access_key.reveal(),
                session_token=settings.session_token.reveal() if settings.session_token else "",
                endpoint=settings.endpoint,
                configuration_set=settings.configuration_set,
                ca_file=_file(settings.ca_file),
                exchange=edge.exchange,
                clock=edge.clock,
            )
        case SmtpSettings():
            return SmtpProvider(
                name=settings.name,
                host=settings.host,
                port=settings.port,
                tls=settings.tls,
                username=settings.username,
                password=settings.password.reveal() if settings.password else "",
                ca_file=_file(settings.ca_file),
                dialer=edge.dialer,
                helo=edge.hostname,
                max_idle=slots,
            )
        case SendGridSettings():
            return sendgrid_provider(
                name=settings.name,
                api_key=settings.api_key.reveal(),
                endpoint=settings.endpoint,
                ip_pool=settings.ip_pool,
                ca_file=_file(settings.ca_file),
                dissector=edge.dissector,
                exchange=edge.exchange,
                clock=edge.clock,
            )
        case PostmarkSettings():
            return postmark_provider(
                name=settings.name,
                server_token=settings.server_token.reveal(),
                endpoint=settings.endpoint,
                message_stream=settings.message_stream,
                ca_file=_file(settings.ca_file),
                dissector=edge.dissector,
                exchange=edge.exchange,
                clock=edge.clock,
            )
        case MailboxSettings():
            return MailboxProvider(name=settings.name, path=settings.folder, offload=edge.offload)
        case _:
            assert_never(settings)


def _file(path: Path | None) -> str:
    return str(path) if path else ""
