"""One mail of a provider that takes fields: how it will be told of, and the MIME that is made of it.

Left out: reading requests (`sendgrid_mail`, `postmark_mail`), making the MIME (`recompose`).
"""

from posthorse.lab.fates import Mailing
from posthorse.lab.http_provider import Letter
from posthorse.lab.recompose import Fields, recomposed
from posthorse.lab.simulated import SimulatedProvider


def structured_letter(
    provider: SimulatedProvider,
    fields: Fields,
    *,
    message_id: str,
    recipients: tuple[str, ...],
    header_message_id: str,
    label: str = "",
    stream: str = "",
) -> Letter:
    """The mail of these fields to these recipients, at this moment. `label`, `stream`: as in `Mailing`."""
    mailing = Mailing(
        provider=provider.name,
        message_id=message_id,
        sender=fields.sender[1],
        recipients=recipients,
        at=provider.now(),
        subject=fields.subject,
        header_message_id=header_message_id,
        tags={name: (value,) for name, value in fields.tags.items()},
        label=label,
        stream=stream,
    )
    return Letter(mailing=mailing, arriving=lambda: recomposed(fields, message_id=header_message_id, at=mailing.at))
