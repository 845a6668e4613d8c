"""Whether the notifications of providers, as configured, can be proved and can come in at all."""

from collections.abc import Iterator

from posthorse.config.notifications import (
    PostmarkNotificationSettings,
    SendGridNotificationSettings,
    SesNotificationSettings,
)
from posthorse.config.pem import why_no_signing_certificate, why_no_webhook_key
from posthorse.config.problem import Problem
from posthorse.config.tree import Config
from posthorse.web.role import Role

LEAST_PASSWORD = 20
"""Characters below which a password that anybody on the internet may try can be guessed."""

Notifications = SesNotificationSettings | SendGridNotificationSettings | PostmarkNotificationSettings


def notifications_of(provider: object) -> Notifications | None:
    """What a provider's notifications prove themselves with; None: it sends none."""
    found = getattr(provider, "notifications", None)
    assert found is None or isinstance(found, Notifications)
    return found


def hook_problems(provider: object, path: str) -> Iterator[Problem]:
    """What would keep every notification of a provider out; `path`: where the provider stands in the file."""
    match notifications_of(provider):
        case SesNotificationSettings(topics=topics, certificate=certificate):
            if not topics:
                remedy = "name the SNS topics of this provider"
                yield Problem(path=f"{path}.notifications.topics", what="is empty", remedy=remedy)
            if certificate is not None and (why := why_no_signing_certificate(certificate)):
                remedy = "give the certificate behind `SigningCertURL`, or leave it out"
                yield Problem(path=f"{path}.notifications.certificate", what=why, remedy=remedy)
        case SendGridNotificationSettings(public_key=key):
            if why := why_no_webhook_key(key):
                remedy = "copy the verification key of the signed event webhook"
                yield Problem(path=f"{path}.notifications.public_key", what=why, remedy=remedy)
        case PostmarkNotificationSettings(header=header, header_value=value):
            if bool(header) != bool(value):
                missing = "header_value" if header else "header"
                yield Problem(path=f"{path}.notifications.{missing}", what="is missing", remedy="give both or none")
        case None:
            pass


def hook_warnings(config: Config) -> Iterator[Problem]:
    """Notifications that are set up and have no way in, or a way in for whoever guesses."""
    for number, provider in enumerate(config.providers):
        match notifications_of(provider):
            case PostmarkNotificationSettings(password=password) if len(password.reveal()) < LEAST_PASSWORD:
                yield Problem(
                    path=f"providers[{number}].notifications.password",
                    what=f"is shorter than {LEAST_PASSWORD} characters, and all that keeps strangers out",
                    remedy="make a long random one",
                )
            case _:
                pass
    if any(listener.http and Role.HOOKS in listener.roles for listener in config.listen):
        return
    for number, provider in enumerate(config.providers):
        if notifications_of(provider) is not None:
            yield Problem(
                path=f"providers[{number}].notifications",
                what="have no way in",
                remedy="give an HTTP listener the role `hooks`",
            )
