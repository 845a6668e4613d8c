"""`posthorse lab serve`: simulated providers as a process of its own."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from posthorse.cli.leash import UntilEof, put_on
from posthorse.cli.options import AsJson
from posthorse.lab.roster import CONTROL, Kind, Roster, RosterWrong, read_roster, short_entry, with_providers


def serve_command(
    config: Annotated[Path | None, typer.Option(help="A lab.toml with [[providers]].")] = None,
    ses: Annotated[list[str] | None, typer.Option(help="A simulated SES: NAME:PORT, port 0 for any.")] = None,
    sendgrid: Annotated[list[str] | None, typer.Option(help="A simulated SendGrid: NAME:PORT.")] = None,
    postmark: Annotated[list[str] | None, typer.Option(help="A simulated Postmark: NAME:PORT.")] = None,
    smtp: Annotated[list[str] | None, typer.Option(help="A simulated SMTP provider: NAME:PORT.")] = None,
    control: Annotated[str | None, typer.Option(help=f"HOST:PORT or port of the control ({CONTROL}).")] = None,
    latency: Annotated[
        str, typer.Option(help="Every answer of those named here comes so late, such as 100ms.")
    ] = "0ms",
    mailbox_file: Annotated[Path | None, typer.Option(help="Append each arrival here, a line of JSON.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep here what signs notifications, so that it is the same at the next start.")
    ] = None,
    sns: Annotated[str | None, typer.Option(help="HOST:PORT at which subscriptions of SES are confirmed.")] = None,
    until_eof: UntilEof = False,
    as_json: AsJson = False,
) -> None:
    """Run simulated providers until Ctrl-C; prints one line when all addresses take connections."""
    import uvloop

    from posthorse.lab.serve import Lab, serve

    given: dict[Kind, list[str] | None] = {"ses": ses, "sendgrid": sendgrid, "postmark": postmark, "smtp": smtp}
    changes = {"control": control, "sns": sns, "mailbox_file": mailbox_file, "folder": folder}
    roster = _roster(config, given, latency, changes)

    def announce(lab: Lab) -> None:
        if until_eof:
            put_on()
        typer.echo(ready_line(lab.describe() | {"pid": os.getpid()}, as_json=as_json))

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(roster, announce))
    except OSError as error:
        typer.echo(f"the lab cannot listen: {error}", err=True)
        raise typer.Exit(1) from error


def _roster(
    config: Path | None, given: Mapping[Kind, list[str] | None], latency: str, changes: Mapping[str, str | Path | None]
) -> Roster:
    """The file's providers, with what the command names beside them or says otherwise."""
    import msgspec

    try:
        roster = read_roster(config) if config else Roster()
        roster = msgspec.structs.replace(
            roster, **{name: str(value) for name, value in changes.items() if value is not None}
        )
        return with_providers(roster, [short_entry(kind, one, latency) for kind in given for one in given[kind] or ()])
    except RosterWrong as wrong:
        raise typer.BadParameter(str(wrong)) from wrong


def ready_line(description: dict[str, Any], *, as_json: bool) -> str:
    """The one line that says every address takes connections."""
    if as_json:
        return json.dumps(description)
    where = [f"{name} {_url(entry)}" for name, entry in description["providers"].items()]
    return f"lab ready: {', '.join(where)}; control {description['control']}"


def _url(entry: dict[str, Any]) -> str:
    return str(entry["endpoint"]) if "endpoint" in entry else f"smtp://{entry['host']}:{entry['port']}"
