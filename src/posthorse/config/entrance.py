"""Who may come in and where: listeners, credentials, trusted sources, and the rules that give mail its stream."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from posthorse.config.secret import Secret
from posthorse.config.setting import Address, Setting
from posthorse.mail.ids import MAIN_TENANT, Tenant
from posthorse.mail.stream import Stream
from posthorse.web.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """One address at which Posthorse listens: exactly one of `http`, `smtp`, `smtps`."""

    http: Annotated[
        Address | None,
        Setting(
            "HTTP at this address, or at a unix socket.",
            'http = "unix:/run/posthorse/api.sock"',
            "See `roles`. A unix socket can be opened by the gateway's own user and group.",
            restart=True,
        ),
    ] = None
    smtp: Annotated[
        Address | None,
        Setting(
            "SMTP submission at this address, with STARTTLS if a certificate is given.",
            'smtp = "127.0.0.1:2525"',
            "Without a certificate and off loopback nobody can log in: AUTH is offered over TLS only.",
            restart=True,
        ),
    ] = None
    smtps: Annotated[
        Address | None,
        Setting(
            "SMTP submission with TLS from the first byte; needs a certificate.", 'smtps = "0.0.0.0:465"', restart=True
        ),
    ] = None
    roles: Annotated[
        tuple[Role, ...],
        Setting(
            "What an HTTP listener serves: `api`, `hooks`, `public`, `admin`, `metrics`.",
            'roles = ["hooks", "public"]',
            "What faces the internet should have `hooks` and `public` only.",
            restart=True,
        ),
    ] = tuple(Role)
    tls_certificate: Annotated[
        Path | None,
        Setting(
            "Certificate chain in PEM.",
            'tls_certificate = "tls/fullchain.pem"',
            "Needs `tls_key` beside it.",
            restart=True,
        ),
    ] = None
    tls_key: Annotated[
        Path | None, Setting("Private key of the certificate, in PEM.", 'tls_key = "tls/privkey.pem"', restart=True)
    ] = None

    @property
    def address(self) -> Address:
        """Where it listens, whatever it speaks."""
        found = self.http or self.smtp or self.smtps
        assert found is not None, "the check lets no listener through without an address"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeySettings:
    """A credential of an application: an SES-style key. Its SMTP password derives from the secret as SES derives it."""

    id: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9_.@+-]+$", max_length=128),
        Setting("Access key id, and user name in SMTP.", 'id = "AKIAPOSTHORSE0000001"'),
    ]
    secret: Annotated[
        Secret | None,
        Setting(
            "Secret access key, as a reference.",
            'secret = "env:POSTHORSE_SECRET"',
            "The application signs with it, and its SMTP password is derived from it.",
        ),
    ] = None
    smtp_password: Annotated[
        Secret | None,
        Setting(
            "SMTP password, as a reference, for an application whose secret key nobody has.",
            'smtp_password = "file:secrets/shop-smtp"',
            "SMTP only: nothing can be signed with it. Only its hash is kept in memory.",
        ),
    ] = None
    tenant: Annotated[Tenant, Setting("The customer account its mail belongs to.", 'tenant = "shop"')] = MAIN_TENANT


TRUSTED_WORDS = ("loopback", "unix")
"""What stands for callers that no network is written for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSourceSettings:
    """Callers let in without AUTH or a signature that can be verified here, such as a Postfix on this machine or an
    application with temporary AWS credentials. None by default.
    """

    cidr: Annotated[
        str,
        Setting(
            "Network of the callers; or `loopback`, this machine; or `unix`, whoever can open a unix socket of ours.",
            'cidr = "127.0.0.1/32"',
            "Everybody there may send as anybody. The whole internet (`0.0.0.0/0`, `::/0`) is refused.",
        ),
    ]
    tenant: Annotated[Tenant, Setting("The customer account their mail belongs to.", 'tenant = "main"')] = MAIN_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSettings:
    """What a message must look like; every key given must match. `*` stands for any text, `?` for one character."""

    access_key: Annotated[str, Setting("Access key id or SMTP user.", 'access_key = "AKIANEWSLETTER*"')] = ""
    configuration_set: Annotated[str, Setting("SES configuration set.", 'configuration_set = "codes"')] = ""
    tag: Annotated[str, Setting("An SES message tag, as `name=value`.", 'tag = "campaign=welcome*"')] = ""
    template: Annotated[str, Setting("Name of the template.", 'template = "reset-*"')] = ""
    sender: Annotated[str, Setting("Envelope sender.", 'sender = "*@news.example.com"')] = ""
    subject: Annotated[str, Setting("Subject, without regard to case.", 'subject = "*password*"')] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifySettings:
    """A rule that gives a message its stream when the client does not name one; the first that matches counts."""

    match: Annotated[
        MatchSettings, Setting("What the rule matches.", 'match = { subject = "*password*" }', "At least one key.")
    ]
    stream: Annotated[
        Stream,
        Setting(
            "The stream of what matches.",
            'stream = "urgent"',
            "Decides deadline, order and what happens when it is not known whether a message left.",
        ),
    ]
