"""Customers' endpoints: where they are told what became of their mail, and what must hold of those settings.

Left out: what is told (`posthorse.feedback`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from posthorse.config.pem import why_not_trusted, why_unreadable
from posthorse.config.problem import Problem
from posthorse.config.secret import Secret
from posthorse.config.setting import Setting
from posthorse.feedback.customer_event import CustomerEventKind
from posthorse.feedback.webhook_signature import read_secret
from posthorse.feedback.webhook_url import read_url
from posthorse.mail.ids import MAIN_TENANT, Tenant

RETRIED_S = 28 * 3_600.0
"""How long an event is tried again: history must be kept at least so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """An endpoint of a customer that is told of every end of duty and every fate, by signed HTTP requests."""

    name: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64),
        Setting(
            "What commands and metrics call it.",
            'name = "shop"',
            "Its place in the history goes by name and customer account: under another name it begins anew.",
        ),
    ]
    url: Annotated[
        str,
        Setting(
            "Where it is. https, and a public name, unless `allow_private` is set.",
            'url = "https://hooks.example.com/mail"',
            "Redirects are not followed. An endpoint that answered 410 is called again once this changes.",
        ),
    ]
    secret: Annotated[
        Secret,
        Setting(
            "What signs each request, as a reference: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks).",
            'secret = "env:SHOP_WEBHOOK_SECRET"',
            "The receiver checks the signature with it, and must check the time beside it.",
        ),
    ]
    old_secrets: Annotated[
        tuple[Secret, ...],
        Setting(
            "Secrets that sign beside the present one, while the receiver goes over to it.",
            'old_secrets = ["file:secrets/shop-webhook-2025"]',
        ),
    ] = ()
    tenant: Annotated[Tenant, Setting("The customer account whose mail it is told about.", 'tenant = "shop"')] = (
        MAIN_TENANT
    )
    events: Annotated[
        tuple[CustomerEventKind, ...],
        Setting(
            "What it is told of; all of it, unless some are named.",
            'events = ["message.delivered", "message.bounced", "message.complained"]',
        ),
    ] = tuple(CustomerEventKind)
    allow_private: Annotated[
        bool,
        Setting(
            "Whether it may be on this machine or in a network of one's own, and be called by plain http.",
            "allow_private = true",
            "Only for endpoints of your own: who chooses the address can then reach what is behind your firewall.",
        ),
    ] = False
    ca_file: Annotated[
        Path | None,
        Setting("Certificates to trust there, in PEM; not set: the system's.", 'ca_file = "tls/own-ca.pem"'),
    ] = None


def webhook_problems(settings: WebhookSettings, place: str) -> Iterator[Problem]:
    """What keeps an endpoint from being used."""
    try:
        read_url(settings.url, allow_private=settings.allow_private)
    except ValueError as error:
        yield Problem(path=f"{place}.url", what=str(error), remedy="give an address that anybody may call")
    keys = {"secret": settings.secret} | {f"old_secrets[{n}]": old for n, old in enumerate(settings.old_secrets)}
    for key, secret in keys.items():
        if why := _why_no_secret(secret):
            remedy = "make one with `openssl rand -base64 32` and put whsec_ in front"
            yield Problem(path=f"{place}.{key}", what=why, remedy=remedy)
    if not settings.events:
        yield Problem(path=f"{place}.events", what="is empty", remedy="leave it out for all of them")
    yield from _trusted(settings.ca_file, f"{place}.ca_file")


def webhook_warnings(settings: WebhookSettings, place: str) -> Iterator[Problem]:
    """What is allowed and may surprise."""
    if settings.url.startswith("http:"):
        yield Problem(
            path=f"{place}.url", what="is told in the clear who got mail", remedy="use https beyond this machine"
        )


def retention_warning(history_s: float, webhooks: tuple[WebhookSettings, ...]) -> Iterator[Problem]:
    """The history is the queue of what customers are told."""
    if webhooks and history_s < RETRIED_S:
        yield Problem(
            path="retention.history",
            what="is shorter than the 28 hours over which webhooks are tried again",
            remedy="keep it for two days at least, or some are never told",
        )


def _why_no_secret(secret: Secret) -> str:
    try:
        read_secret(secret.reveal())
    except ValueError as error:
        return str(error)
    return ""


def _trusted(file: Path | None, path: str) -> Iterator[Problem]:
    if file is not None and (why := why_unreadable(file) or why_not_trusted(file)):
        yield Problem(path=path, what=why, remedy="give certificates in PEM that can be read")
