"""`posthorse classify`: what rules say of a message, what they would have done, and which ones traffic suggests."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, OnlyTenant
from posthorse.cli.output import print_json, say

if TYPE_CHECKING:
    from posthorse.control.classify_trial import Trial

MOST_MESSAGES = 50_000

app = typer.Typer(help="Rules that give mail its stream.", no_args_is_help=True, rich_markup_mode=None)

Messages = Annotated[
    int, typer.Option("--messages", min=1, max=MOST_MESSAGES, help="At most so many, the newest of those recorded.")
]


@app.command("test")
def classify_test(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A message as it would be sent; - for standard input. Without it: the traffic that was recorded.",
        ),
    ] = None,
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Envelope sender of FILE.")] = "",
    key: Annotated[str, typer.Option("--key", metavar="ID", help="Access key id or SMTP user of FILE.")] = "",
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules", metavar="FILE", help="The [[classify]] rules of this file, behind the configured ones."
        ),
    ] = None,
    before: Annotated[
        bool, typer.Option("--before", help="Ask the rules of --rules before the configured ones.")
    ] = False,
    instead: Annotated[bool, typer.Option("--instead", help="Ask the rules of --rules alone.")] = False,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="TOML",
            help="One more rule before all others: 'match = {subject = \"*code*\"}, stream = ...'.",
        ),
    ] = None,
    messages: Messages = 5_000,
    tenant: OnlyTenant = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Tell which rule would give a message its stream, or what rules would have done over recorded traffic."""
    from posthorse.cli import classifying

    if (before or instead) and (rules is None or before is instead):
        raise typer.BadParameter(
            "--before and --instead say where the rules of --rules stand: give it, and one of them"
        )
    place = classifying.Place.INSTEAD if instead else classifying.Place.BEFORE if before else classifying.Place.BEHIND
    asked = classifying.asked_rules(config, rules, rule or [], place)
    if file is None:
        trial = classifying.trial(config, asked.rules, messages=messages, tenant=tenant)
        _print_trial(trial, asked.order, as_json=as_json)
        return
    content = typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
    found = classifying.classified(asked.rules, content, sender=sender, key=key)
    if as_json:
        print_json({"stream": found.stream.value, "because": found.because, "rule": found.rule})
    else:
        say(f"{found.stream.value}, because of {found.because}")


def _print_trial(trial: "Trial", order: str, *, as_json: bool) -> None:
    """What the rules would have done over recorded traffic."""
    from posthorse.cli import classify_print

    if as_json:
        print_json({"asked": order} | {name: getattr(trial, name) for name in trial.__slots__})
    else:
        say(f"asked in this order: {order}")
        classify_print.print_trial(trial)


@app.command("suggest")
def suggest(
    messages: Messages = 5_000,
    tenant: OnlyTenant = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Propose [[classify]] rules from recorded traffic, with the evidence of each; nothing is changed.

    Looks at names, senders, numbers, times and header fields of mail that neither the client nor a rule gave a stream.
    """
    from posthorse.cli import classify_print, classifying

    found = classifying.suggestion(config, messages=messages, tenant=tenant)
    print_json(classify_print.as_data(found)) if as_json else classify_print.print_suggestion(found)
