"""The domains that applications send from, and what their mail is signed with."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from posthorse.config.secret import Secret
from posthorse.config.setting import Setting
from posthorse.mail.ids import MAIN_TENANT, Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimSettings:
    """A key of ours that signs the domain's mail (RFC 6376), whichever provider carries it."""

    selector: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", max_length=63),
        Setting(
            "Name of the key in DNS: the TXT record `SELECTOR._domainkey.DOMAIN`.",
            'selector = "ph1"',
            "`posthorse keys dkim` prints the record. Publish it before the first mail is signed with it.",
        ),
    ]
    key: Annotated[
        Secret,
        Setting(
            "Private key in PEM, RSA (2048 bits) or Ed25519, as a reference.",
            'key = "file:dkim/ph1.pem"',
            "With one of each kind mail gets both signatures; few receivers know Ed25519 alone.",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSettings:
    """A domain that applications send from."""

    name: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9.-]+$", max_length=253),
        Setting(
            "The domain.",
            'name = "example.com"',
            "A customer account with a domain may send from its domains only; one without may send from any.",
        ),
    ]
    tenant: Annotated[Tenant, Setting("The customer account it belongs to.", 'tenant = "shop"')] = MAIN_TENANT
    dkim: Annotated[
        tuple[DkimSettings, ...],
        Setting(
            "Keys that sign its mail, and that of the names below it, on every way out that carries bytes as they are.",
            'dkim = [{ selector = "ph1", key = "file:dkim/ph1.pem" }]',
            "Providers that take mail apart (`sendgrid`, `postmark`) sign with their own keys.",
        ),
    ] = ()
