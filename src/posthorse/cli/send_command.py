"""`posthorse send`: hand one message to a gateway by SMTP, as an application would."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from posthorse.cli.output import print_json, say
from posthorse.mail.stream import Stream


def address(text: str) -> str:
    """An address as it was written; empty stays empty. Anything else is not understood: exit status 2."""
    from posthorse.config.setting import parse_address

    try:
        return text and str(parse_address(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from None


def send(
    to: Annotated[list[str], typer.Option("--to", metavar="ADDRESS", help="Recipient; repeatable.")],
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Envelope sender and From.")],
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="PATH", help="A whole message with its header; - for standard input."),
    ] = None,
    subject: Annotated[str, typer.Option(help="Subject, without --file.")] = "Hello from Posthorse",
    text: Annotated[str, typer.Option(help="Body, without --file.")] = "It works.",
    stream: Annotated[Stream | None, typer.Option("--stream", help="Adds X-Posthorse-Stream.")] = None,
    deadline: Annotated[str, typer.Option(metavar="DURATION", help="Adds X-Posthorse-Deadline.")] = "",
    server: Annotated[
        str,
        typer.Option(parser=address, metavar="HOST:PORT", help="Not set: the first SMTP listener of the file."),
    ] = "",
    user: Annotated[str, typer.Option(help="Not set: the first access key of the file.")] = "",
    password: Annotated[
        str, typer.Option(envvar="POSTHORSE_SMTP_PASSWORD", help="SMTP password; not set: derived from the file.")
    ] = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Hand one message to the gateway by SMTP and print its receipt."""
    from posthorse.cli.submitting import Draft, door_of, submitted

    content = None if file is None else sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    extra = {"X-Posthorse-Stream": stream.value if stream else "", "X-Posthorse-Deadline": deadline}
    draft = Draft(sender=sender, recipients=tuple(to), subject=subject, text=text, content=content, extra=extra)
    receipt = submitted(door_of(config, server=server, user=user, password=password), draft)
    if as_json:
        print_json({"id": receipt.id, "reply": receipt.reply, "refused": receipt.refused})
    else:
        say(f"{receipt.id or 'accepted'} ({receipt.reply})")
        for address, why in receipt.refused.items():
            say(f"not to {address}: {why}")
    if receipt.refused:
        raise typer.Exit(1)
