"""Why: `explain` tells a message's history, `classify test` which rule would match a message."""

from pathlib import Path
from typing import Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, MessageId
from posthorse.cli.output import print_json, say
from posthorse.cli.talk import carry_out
from posthorse.control import requests

classify = typer.Typer(help="Rules that give mail its stream.", no_args_is_help=True, rich_markup_mode=None)


@classify.callback()
def _group() -> None:
    """Rules that give mail its stream."""


def explain(id: MessageId, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:  # noqa: A002
    """Tell the whole history of a message, with the reason of each decision."""
    found = carry_out(config, requests.Explain(id=id))
    if as_json:
        print_json(found)
        return
    say(f"message {found.id}, {found.stream}")
    for step in found.steps:
        about = "        " if step.n is None else f"  to {step.n:<3}"
        say(f"  {step.at}{about}  {step.words}")
    say("now:")
    for each, sentence in zip(found.recipients, found.now, strict=True):
        say(f"  {sentence}  [{each.address}]")


@classify.command("test")
def classify_message(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A message as it would be sent; - for standard input.")],
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Envelope sender.")] = "",
    key: Annotated[str, typer.Option("--key", metavar="ID", help="Access key id or SMTP user.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Tell which rule would give this message its stream."""
    from posthorse.cli.classifying import classified

    content = typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
    found = classified(config, content, sender=sender, key=key)
    if as_json:
        print_json({"stream": found.stream.value, "because": found.because, "rule": found.rule})
    else:
        say(f"{found.stream.value}, because of {found.because}")
