"""`posthorse lab`: run simulated providers, give them faults, ask what arrived."""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from posthorse.cli.leash import UntilEof, put_on
from posthorse.cli.output import counted
from posthorse.config.units import parse_duration, parse_size
from posthorse.lab.control import parse_fault
from posthorse.lab.faults import SHEETS, Stage, Wire
from posthorse.lab.refusals import wire_words
from posthorse.lab.remote import LabRefused, LabRemote, LabUnreachable
from posthorse.lab.roster import (
    CONTROL,
    Kind,
    Roster,
    RosterWrong,
    parse_address,
    read_roster,
    short_entry,
    with_providers,
)

app = typer.Typer(help="Simulated providers on real sockets: rehearse an outage.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]
Control = Annotated[
    str, typer.Option("--control", envvar="POSTHORSE_LAB", help="Address or URL of the running lab's control.")
]


@app.command("serve")
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

    try:
        roster = read_roster(config) if config else Roster()
        paths = {"mailbox_file": mailbox_file, "folder": folder}
        changes = {"control": control, "sns": sns} | {name: str(path) for name, path in paths.items() if path}
        roster = _changed(roster, changes)
        short: tuple[tuple[Kind, list[str] | None], ...]
        short = (("ses", ses), ("sendgrid", sendgrid), ("postmark", postmark), ("smtp", smtp))
        named = [short_entry(kind, one, latency) for kind, given in short for one in given or ()]
        roster = with_providers(roster, named)
    except RosterWrong as wrong:
        raise typer.BadParameter(str(wrong)) from wrong

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


@app.command("fault")
def fault_command(
    provider: Annotated[str, typer.Argument(help="Name of the simulated provider.")],
    kind: Annotated[str, typer.Argument(help="A fault, or none. `posthorse lab faults` lists them.")],
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this, such as 30s.")] = None,
    delay: Annotated[str | None, typer.Option(help="How late `slow` answers, such as 2s.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Where in the SMTP dialogue a refusal is given.")] = None,
    control: Control = CONTROL,
    as_json: AsJson = False,
) -> None:
    """Switch a provider's fault, live."""
    try:
        fault = None if kind == "none" else parse_fault(kind)
        for_s = parse_duration(for_) if for_ else None
        delay_s = parse_duration(delay) if delay else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with _Asking(control) as lab:
        stands = lab.set_fault(provider, fault, for_s=for_s, stage=stage, delay_s=delay_s)
    typer.echo(json.dumps(stands) if as_json else f"{provider}: {stands['fault']}{f' for {for_}' if for_ else ''}")


@app.command("faults")
def faults_command(as_json: AsJson = False) -> None:
    """List the faults and what each means on every wire."""
    rows = [
        {"fault": sheet.fault.value, "takes": sheet.takes}
        | {wire.value: wire_words(sheet.fault, wire) for wire in Wire}
        | {f"{wire.value}_side": sheet.side(wire).value for wire in Wire}
        for sheet in SHEETS.values()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("fault", "in SMTP", "in HTTP", "mail arrives", title="before/after: seen from the release")
    for sheet in SHEETS.values():
        smtp, http = f"{sheet.smtp} ({sheet.smtp_side.value})", f"{sheet.http} ({sheet.http_side.value})"
        table.add_row(sheet.fault.value, smtp, http, "yes" if sheet.takes else "no")
    Console().print(table)
    typer.echo("What each HTTP API says to a refusal stands in --json.")


@app.command("hooks")
def hooks_command(
    provider: Annotated[str, typer.Argument(help="Name of a simulated provider that tells; empty: show all.")] = "",
    url: Annotated[
        str | None, typer.Option(help="Tell there, such as http://127.0.0.1:8025/hooks/NAME; empty: nowhere.")
    ] = None,
    delay: Annotated[str | None, typer.Option(help="Everything so late, such as 2s.")] = None,
    double: Annotated[float | None, typer.Option(min=0, max=1, help="Send this share twice.")] = None,
    lose: Annotated[float | None, typer.Option(min=0, max=1, help="Never send this share.")] = None,
    forge: Annotated[float | None, typer.Option(min=0, max=1, help="Beside this share, send a stranger's.")] = None,
    shuffle: Annotated[bool | None, typer.Option("--shuffle/--no-shuffle", help="Out of order.")] = None,
    control: Control = CONTROL,
    as_json: AsJson = False,
) -> None:
    """What a provider tells of mail it took, where, and what goes wrong on the way, live."""
    try:
        delay_s = parse_duration(delay) if delay else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    changes = {"url": url, "delay_s": delay_s, "double": double, "lose": lose, "forge": forge, "shuffle": shuffle}
    with _Asking(control) as lab:
        if provider:
            rows = {provider: lab.set_hooks(provider, **changes)}
        elif any(value is not None for value in changes.values()):
            raise typer.BadParameter("name the provider that is to tell so")
        else:
            rows = lab.hooks()
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for name, row in rows.items():
        counts = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in sorted(row["counts"].items()))
        where = row["url"] or "nobody"
        ready = "" if row["ready"] or not row["url"] else " (not confirmed)"
        typer.echo(f"{name} tells {where}{ready}: {counts or 'nothing yet'}, {row['waiting']} waiting")


@app.command("mailbox")
def mailbox_command(
    message: Annotated[str | None, typer.Option(help="Receipt or Message-ID: list its arrivals.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes as they arrived: of --message, else of the latest.")
    ] = False,
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="With --raw: of what arrived there.")] = "",
    control: Control = CONTROL,
    as_json: AsJson = False,
) -> None:
    """What arrived: totals and duplicates, or the arrivals of one message (exit status 1: it did not arrive)."""
    if raw:
        _print_message(control, message or "", to, as_json=as_json)
        return
    if to:
        raise typer.BadParameter("--to goes with --raw")
    with _Asking(control) as lab:
        answer = lab.mailbox(message)
    if as_json:
        typer.echo(json.dumps(answer))
    elif message is None:
        typer.echo(f"{counted(answer['messages'], 'message')}, {counted(answer['arrivals_total'], 'arrival')}")
        for name, count in sorted(answer["by_provider"].items()):
            typer.echo(f"  by {name}: {count}")
        for row in answer["duplicates"]:
            typer.echo(f"  twice: {row['id']} to {row['recipient']}, {row['extra']} extra")
    else:
        for row in answer["arrivals"]:
            size = counted(row["size_bytes"], "byte")
            typer.echo(f"{row['recipient']} by {row['provider']}, {size}, at {row['at']}")
    if message is not None and not answer["arrivals"]:
        raise typer.Exit(1)


@app.command("status")
def status_command(control: Control = CONTROL, as_json: AsJson = False) -> None:
    """How each simulated provider stands."""
    with _Asking(control) as lab:
        rows = lab.providers()
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("provider", "fault", "open", "made", "messages")
    for row in rows:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in row["messages"].items()) or "none"
        table.add_row(row["name"], row["fault"], str(row["connections_open"]), str(row["connections_made"]), counts)
    Console().print(table)


@app.command("load")
def load_command(
    to: Annotated[str, typer.Option(help="HOST:PORT of the gateway's SMTP listener.")] = "127.0.0.1:2525",
    user: Annotated[str, typer.Option(help="Log in as; empty: not at all.")] = "",
    password: Annotated[str, typer.Option(envvar="POSTHORSE_SMTP_PASSWORD", help="SMTP password.")] = "",
    messages: Annotated[int, typer.Option(min=1, help="How many.")] = 1_000,
    rate: Annotated[float, typer.Option(min=0, help="Offered per second; 0: as fast as they are taken.")] = 0,
    connections: Annotated[int, typer.Option(min=1, help="At once.")] = 8,
    mix: Annotated[str, typer.Option(help="Weights of the streams.")] = "urgent=2,standard=5,once=1,bulk=2",
    size: Annotated[str, typer.Option(help="Of each message, such as 10KiB.")] = "2KiB",
    run: Annotated[str, typer.Option(help="Sets these messages apart from those of other loads.")] = "load",
    give_up: Annotated[str, typer.Option(help="After the last offer, go on trying for so long.")] = "60s",
    receipts: Annotated[Path | None, typer.Option(help="Append each receipt here, a line of JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Offer mail at a steady rate by SMTP and keep the receipts (exit status 1: not everything was accepted)."""
    from dataclasses import asdict

    from posthorse.lab.load import LoadPlan, run_load
    from posthorse.lab.load_mail import parse_mix

    try:
        host, port = parse_address(to)
        plan = LoadPlan(
            host=host,
            port=port,
            username=user,
            password=password,
            messages=messages,
            rate_per_s=rate,
            connections=connections,
            mix=parse_mix(mix),
            size_bytes=parse_size(size),
            run=run,
            give_up_s=parse_duration(give_up),
            receipts=receipts,
        )
    except (ValueError, RosterWrong) as error:
        raise typer.BadParameter(str(error)) from error
    report = asyncio.run(run_load(plan))
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        typer.echo(
            f"accepted {report.accepted} of {report.offered}, refused {report.refused}, given up {report.given_up}, "
            f"retries {report.retries}, own repetitions {report.repetitions}"
        )
    if report.accepted < report.offered:
        raise typer.Exit(1)


@app.command("reset")
def reset_command(control: Control = CONTROL, as_json: AsJson = False) -> None:
    """No faults, empty mailbox, nothing remembered; the JSON is that of `posthorse lab status` afterwards."""
    with _Asking(control) as lab:
        lab.reset()
        rows = lab.providers()
    typer.echo(json.dumps(rows) if as_json else f"reset: {', '.join(row['name'] for row in rows)}, and the mailbox")


def _print_message(control: str, message: str, to: str, *, as_json: bool) -> None:
    """One message: its bytes as they are, or in base64 with where it arrived."""
    with _Asking(control) as lab:
        found = lab.message(message, to)
    if as_json:
        typer.echo(json.dumps(found | {"content": base64.b64encode(found["content"]).decode("ascii")}))
    else:
        sys.stdout.buffer.write(found["content"])
        sys.stdout.buffer.flush()


def ready_line(description: dict[str, Any], *, as_json: bool) -> str:
    """The one line that says every address takes connections."""
    if as_json:
        return json.dumps(description)
    where = [f"{name} {_url(entry)}" for name, entry in description["providers"].items()]
    return f"lab ready: {', '.join(where)}; control {description['control']}"


def _url(entry: dict[str, Any]) -> str:
    return str(entry["endpoint"]) if "endpoint" in entry else f"smtp://{entry['host']}:{entry['port']}"


def _changed(roster: Roster, changes: dict[str, str | None]) -> Roster:
    import msgspec

    return msgspec.structs.replace(roster, **{key: value for key, value in changes.items() if value is not None})


class _Asking:
    """A lab to ask; a no or silence becomes one line and exit status 1."""

    def __init__(self, control: str) -> None:
        self._url = control if "://" in control else f"http://{control if ':' in control else f'127.0.0.1:{control}'}"

    def __enter__(self) -> LabRemote:
        return LabRemote(url=self._url)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LabRefused | LabUnreachable):
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
