"""`posthorse config`: check the file, show what is in effect, print the reference, reload."""

import os

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from posthorse.cli.output import counted, print_json, say

app = typer.Typer(help="Check, show and reload the configuration.", no_args_is_help=True, rich_markup_mode=None)


@app.command("check")
def check(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Tell everything that is wrong with the file, and what is allowed but unwise."""
    from posthorse.cli.resolving import unresolved
    from posthorse.config import ConfigProblems, Problem, load_config, warnings_of

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    try:
        loaded = load_config(config, os.environ)
    except ConfigProblems as error:
        problems = error.problems
    else:
        warnings = (*warnings_of(loaded), *unresolved(loaded))
    if as_json:
        told = {"problems": problems, "warnings": warnings}
        print_json({kind: [_told(each.path, each.what, each.remedy) for each in found] for kind, found in told.items()})
    else:
        for problem in problems:
            say(f"problem: {problem}")
        for warning in warnings:
            say(f"warning: {warning}")
        say(f"{config}: {_none_or(len(problems), 'problem')}, {_none_or(len(warnings), 'warning')}")
    if problems:
        raise typer.Exit(1)


@app.command("show")
def show(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Print what is in effect, defaults included; secrets show as where they come from."""
    from posthorse.config import load_config
    from posthorse.config.show import as_toml, shown

    loaded = load_config(config, os.environ)
    if as_json:
        print_json(shown(loaded))
    else:
        typer.echo(as_toml(loaded), nl=False)


@app.command("reference")
def reference() -> None:
    """Print the reference of every setting: meaning, default, example, consequence."""
    from posthorse.config.reference import reference as page

    typer.echo(page(), nl=False)


@app.command("reload")
def reload(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Let the running gateway read the file again; a bad file changes nothing."""
    from posthorse.cli.talk import carry_out
    from posthorse.control import requests

    reply = carry_out(config, requests.Reload())
    if as_json:
        print_json(reply)
        return
    say(f"in effect: {', '.join(reply.applied) or 'nothing changed'}")
    if reply.needs_restart:
        say(f"at the next start: {', '.join(reply.needs_restart)}")


def _told(path: str, what: str, remedy: str) -> dict[str, str]:
    return {"path": path, "what": what, "remedy": remedy}


def _none_or(number: int, word: str) -> str:
    return counted(number, word) if number else f"no {word}s"
