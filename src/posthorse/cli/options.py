"""Options that several commands share, so that each has one name, one meaning and one text."""

from pathlib import Path
from typing import Annotated

import typer

from posthorse.config.units import parse_duration
from posthorse.control.requests import Which
from posthorse.mail.carriage import Carriage, Fate
from posthorse.mail.ids import parse_message_id
from posthorse.mail.stream import Stream

DEFAULT_CONFIG = Path("posthorse.toml")


def message_id(text: str) -> str:
    """A message id as it was written; empty stays empty. Anything else is not understood: exit status 2."""
    try:
        return text and parse_message_id(text).hex()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not 32 hexadecimal digits, as in the receipt") from None


def duration(text: str) -> float:
    """Seconds of a duration with its unit. Anything else is not understood: exit status 2."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from None


ConfigFile = Annotated[
    Path, typer.Option("--config", envvar="POSTHORSE_CONFIG", help="The configuration file.", metavar="PATH")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print data as one JSON document.")]
For = Annotated[
    float | None,
    typer.Option("--for", parser=duration, metavar="DURATION", help='How long, as "30m", "2h" or "7d".'),
]
Tenant = Annotated[str, typer.Option("--tenant", help="The customer account.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with who did it.")]
MessageIds = Annotated[
    list[str] | None, typer.Argument(parser=message_id, metavar="ID", help="Message ids, as in the receipt.")
]
MessageId = Annotated[str, typer.Argument(parser=message_id, metavar="ID", help="The message id, as in the receipt.")]
OnlyMessage = Annotated[str, typer.Argument(parser=message_id, metavar="ID", help="Only this message.")]
Before = Annotated[
    str,
    typer.Option("--before", parser=message_id, metavar="ID", help="Only messages older than this one: the next page."),
]
OnlyTenant = Annotated[str, typer.Option("--tenant", help="Only of this customer account.")]
OnlyState = Annotated[Carriage | None, typer.Option("--state", help="Only in this state.")]
OnlyFate = Annotated[
    Fate | None, typer.Option("--fate", help="Only of which this is known (`unknown`: nothing was told).")
]
OnlyStream = Annotated[Stream | None, typer.Option("--stream", help="Only of this stream.")]
OnlyFrom = Annotated[
    str, typer.Option("--from-domain", metavar="DOMAIN", help="Only from this envelope sender's domain.")
]
OnlyTo = Annotated[str, typer.Option("--to-domain", metavar="DOMAIN", help="Only to this domain.")]
OnlyRecipient = Annotated[
    int | None,
    typer.Option("--recipient", min=0, metavar="N", help="Only this recipient of the message, counted from 0."),
]


def selections(
    ids: list[str] | None,
    *,
    tenant: str = "",
    state: Carriage | None = None,
    stream: Stream | None = None,
    from_domain: str = "",
    to_domain: str = "",
    recipient: int | None = None,
) -> list[Which]:
    """One selection per id, or a single one without."""
    return [
        Which(
            id=message_id,
            n=recipient,
            tenant=tenant,
            state=state,
            stream=stream,
            sender_domain=from_domain,
            recipient_domain=to_domain,
        )
        for message_id in ids or [""]
    ]
