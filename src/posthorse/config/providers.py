"""What each kind of provider needs to be told.

Left out: what a provider does with it (`posthorse.providers`), and which of them carry what (`[[routes]]`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from posthorse.config.notifications import (
    PostmarkNotificationSettings,
    SendGridNotificationSettings,
    SesNotificationSettings,
)
from posthorse.config.secret import Secret
from posthorse.config.setting import Seconds, Setting, Text
from posthorse.mail.ids import ProviderName
from posthorse.mail.ports import TlsMode

CaFile = Annotated[
    Path | None,
    Setting("Trust only the certificates in this file.", 'ca_file = "tls/private-ca.pem"', restart=True),
]


def _telling(example: str) -> Setting:
    """What every table `notifications` is for."""
    return Setting(
        "How it tells what became of mail; not set: it does not.",
        example,
        "Without them nothing is known after the handover.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyProvider:
    """What every kind has."""

    kind: ClassVar[str]
    takes_fields: ClassVar[bool] = False
    """It takes mail apart, and cannot carry everything."""
    largest_bytes: ClassVar[int | None] = None
    """The largest message it takes, as its adapter has it; None: the other side says."""

    name: Annotated[
        ProviderName,
        Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64),
        Setting(
            "Name in routes, commands, metrics and history.",
            'name = "ses-virginia"',
            "History keeps the old name when it is changed.",
            restart=True,
        ),
    ]
    weight: Annotated[
        int,
        Meta(ge=0, le=1_000),
        Setting(
            "Share of the mail under the strategy `weighted`.", "weight = 3", "0: only when the others are closed."
        ),
    ] = 1
    slots: Annotated[
        int | None,
        Meta(ge=1, le=10_000),
        Setting("Attempts at once; not set: as `[dispatch]`.", "slots = 20", restart=True),
    ] = None
    connect_timeout_s: Annotated[
        Seconds | None,
        Meta(gt=0),
        Setting("Longest wait for a connection; not set: as `[dispatch]`.", 'connect_timeout = "5s"', restart=True),
    ] = None
    answer_timeout_s: Annotated[
        Seconds | None,
        Meta(gt=0),
        Setting(
            "Longest wait for an answer before the release; not set: as `[dispatch]`.",
            'answer_timeout = "20s"',
            restart=True,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SesSettings(AnyProvider):
    """Amazon SES, API v2: one account in one region."""

    kind: ClassVar[str] = "ses"
    largest_bytes: ClassVar[int | None] = 40 << 20

    region: Annotated[
        str,
        Meta(pattern=r"^[a-z0-9-]+$"),
        Setting(
            "AWS region.",
            'region = "us-east-1"',
            "Identities, quotas and suppression lists are per region.",
            restart=True,
        ),
    ]
    access_key_id: Annotated[
        Text, Setting("Access key id, or a reference to it.", 'access_key_id = "env:SES_ID"', restart=True)
    ]
    secret_access_key: Annotated[
        Secret,
        Setting(
            "Secret access key, as a reference.",
            'secret_access_key = "env:SES_SECRET"',
            "It needs the right `ses:SendEmail` and no other.",
            restart=True,
        ),
    ]
    session_token: Annotated[
        Secret | None,
        Setting("Session token of temporary credentials.", 'session_token = "env:SES_TOKEN"', restart=True),
    ] = None
    endpoint: Annotated[
        str,
        Meta(pattern=r"^(https?://[^/?#]+/?)?$"),
        Setting(
            "Another base address, for tests and private endpoints; empty: the region's own.",
            'endpoint = "http://127.0.0.1:9101"',
            "With `http://` everything goes in the clear.",
            restart=True,
        ),
    ] = ""
    configuration_set: Annotated[
        str,
        Setting(
            "SES configuration set of what is sent; a message's own goes first; empty: none.",
            'configuration_set = "posthorse"',
            restart=True,
        ),
    ] = ""
    ca_file: CaFile = None
    notifications: Annotated[
        SesNotificationSettings | None,
        _telling('notifications = { topics = ["arn:aws:sns:us-east-1:123456789012:posthorse"] }'),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings(AnyProvider):
    """Any SMTP relay or provider with SMTP submission."""

    kind: ClassVar[str] = "smtp"

    host: Annotated[
        str, Meta(min_length=1), Setting("Host name or address.", 'host = "smtp.example.net"', restart=True)
    ]
    port: Annotated[int, Meta(ge=1, le=65_535), Setting("Port.", "port = 465", restart=True)] = 587
    tls: Annotated[
        TlsMode,
        Setting(
            "`starttls`: upgrade or send nothing; `implicit`: TLS from the first byte; `none`.",
            'tls = "implicit"',
            "With `none` mail and password go in the clear.",
            restart=True,
        ),
    ] = TlsMode.STARTTLS
    username: Annotated[
        Text, Setting("User name, or a reference to it; empty: no AUTH.", 'username = "posthorse"', restart=True)
    ] = ""
    password: Annotated[
        Secret | None, Setting("Password, as a reference.", 'password = "env:RELAY_PASSWORD"', restart=True)
    ] = None
    ca_file: CaFile = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProvider(AnyProvider):
    """What providers with an HTTP API of their own have."""

    endpoint: Annotated[
        str,
        Meta(pattern=r"^(https?://[^/?#]+/?)?$"),
        Setting(
            "Another base address, for tests and other regions; empty: the provider's own.",
            'endpoint = "http://127.0.0.1:9102"',
            "With `http://` everything goes in the clear.",
            restart=True,
        ),
    ] = ""
    ca_file: CaFile = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendGridSettings(HttpProvider):
    """SendGrid, Web API v3. Mail is taken apart for it; what cannot be carried whole goes by another provider."""

    kind: ClassVar[str] = "sendgrid"
    takes_fields: ClassVar[bool] = True
    largest_bytes: ClassVar[int | None] = 30_000_000

    api_key: Annotated[
        Secret,
        Setting(
            "API key, as a reference.", 'api_key = "env:SENDGRID_KEY"', "It needs the right Mail Send.", restart=True
        ),
    ]
    ip_pool: Annotated[
        str,
        Meta(max_length=64),
        Setting(
            "Name of the IP pool to send from; empty: the account's default.", 'ip_pool = "receipts"', restart=True
        ),
    ] = ""
    notifications: Annotated[
        SendGridNotificationSettings | None,
        _telling('notifications = { public_key = "env:SENDGRID_WEBHOOK_KEY" }'),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmarkSettings(HttpProvider):
    """Postmark. Mail is taken apart for it; what cannot be carried whole goes by another provider."""

    kind: ClassVar[str] = "postmark"
    takes_fields: ClassVar[bool] = True
    largest_bytes: ClassVar[int | None] = 10_000_000

    server_token: Annotated[
        Secret,
        Setting(
            "Token of the server to send from, as a reference.", 'server_token = "env:POSTMARK_TOKEN"', restart=True
        ),
    ]
    message_stream: Annotated[
        str,
        Meta(pattern=r"^[a-z0-9_-]*$", max_length=64),
        Setting(
            "Message stream of that server; empty: its transactional one.",
            'message_stream = "outbound"',
            "Suppressions are kept for each stream.",
            restart=True,
        ),
    ] = ""
    notifications: Annotated[
        PostmarkNotificationSettings | None,
        _telling('notifications = { username = "postmark", password = "env:POSTMARK_HOOK_PASSWORD" }'),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSettings(AnyProvider):
    """Keeps mail on this machine, for trying things out."""

    kind: ClassVar[str] = "mailbox"

    folder: Annotated[
        Path,
        Setting(
            "Folder for the mail, relative to this file.",
            'folder = "mailbox"',
            "Nothing here leaves the machine.",
            restart=True,
        ),
    ]


ProviderSettings = SesSettings | SmtpSettings | SendGridSettings | PostmarkSettings | MailboxSettings
