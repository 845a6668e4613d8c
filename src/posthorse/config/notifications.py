"""What a provider's notifications prove themselves with: the table `notifications` of a provider that sends them.

Left out: where they come in (`/hooks/NAME` of every HTTP listener with the role `hooks`), and what they do.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from posthorse.config.secret import Secret
from posthorse.config.setting import Setting, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SesNotificationSettings:
    """Notifications of SES, which come by SNS."""

    topics: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")], ...],
        Setting(
            "ARNs of the SNS topics that may tell of this provider's mail.",
            'topics = ["arn:aws:sns:us-east-1:123456789012:posthorse"]',
            "Whatever comes from another topic is refused: anybody's topic has a valid signature.",
        ),
    ]
    certificate: Annotated[
        Path | None,
        Setting(
            "The certificate that signs, in PEM; not set: fetched from SNS and kept.",
            'certificate = "sns.pem"',
            "For tests and networks without a way out; SNS changes its certificates about once a year.",
        ),
    ] = None
    sns_endpoint: Annotated[
        str,
        Meta(pattern=r"^(https?://[^/?#]+/?)?$"),
        Setting(
            "Another base address at which subscriptions are confirmed; empty: SNS in the topic's own region.",
            'sns_endpoint = "http://127.0.0.1:9111"',
        ),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendGridNotificationSettings:
    """Notifications of SendGrid, signed."""

    public_key: Annotated[
        Text,
        Setting(
            "The key that SendGrid shows for its signed event webhook, or a reference to it.",
            'public_key = "env:SENDGRID_WEBHOOK_KEY"',
            "Whatever is not signed with its other half is refused.",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmarkNotificationSettings:
    """Notifications of Postmark, which prove themselves with a password."""

    username: Annotated[
        Text,
        Setting("User name in the address given to Postmark, or a reference to it.", 'username = "postmark"'),
    ]
    password: Annotated[
        Secret,
        Setting(
            "Password in that address, as a reference.",
            'password = "env:POSTMARK_HOOK_PASSWORD"',
            "Postmark signs nothing: whoever knows it can tell us anything. Long and random, and over TLS only.",
        ),
    ]
    header: Annotated[
        str,
        Meta(pattern=r"^([A-Za-z0-9-]{1,64})?$"),
        Setting(
            "A header field of your own that every notification must have, too; empty: none.",
            'header = "X-Hook-Secret"',
        ),
    ] = ""
    header_value: Annotated[
        Secret | None,
        Setting("What stands in that field, as a reference.", 'header_value = "env:POSTMARK_HOOK_HEADER"'),
    ] = None
