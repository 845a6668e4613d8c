"""Logging in with what the configuration says: user names and SMTP passwords of its access keys."""

from posthorse.accept.credentials import smtp_password
from posthorse.config.entrance import AccessKeySettings
from posthorse.config.tree import Config

ANY_REGION = "us-east-1"
"""The gateway takes the password derived for any region."""


def first_login(config: Config) -> tuple[str, str]:
    """User and password of the first access key; both empty if there is none."""
    return next(((key.id, password_of(key)) for key in config.access_keys), ("", ""))


def password_of(key: AccessKeySettings) -> str:
    """The SMTP password of this key: its own, or the one derived from its secret as SES derives it."""
    if key.smtp_password is not None:
        return key.smtp_password.reveal()
    assert key.secret is not None, "the check lets no key through that has neither"
    return smtp_password(key.secret.reveal(), ANY_REGION)
