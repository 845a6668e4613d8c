"""`posthorse lab`: give simulated providers faults, ask what arrived; with what runs them (`lab_serve`, `lab_load`)."""

import base64
import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from posthorse.cli.lab_load import load_command
from posthorse.cli.lab_serve import serve_command
from posthorse.cli.options import AsJson
from posthorse.cli.output import counted
from posthorse.config.units import parse_duration
from posthorse.lab.control import parse_fault
from posthorse.lab.faults import SHEETS, Stage, Wire
from posthorse.lab.refusals import wire_words
from posthorse.lab.remote import LabRefused, LabRemote, LabUnreachable
from posthorse.lab.roster import CONTROL

app = typer.Typer(help="Simulated providers on real sockets: rehearse an outage.", no_args_is_help=True)

Control = Annotated[
    str, typer.Option("--control", envvar="POSTHORSE_LAB", help="Address or URL of the running lab's control.")
]


app.command("serve")(serve_command)


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
        if not as_json:
            typer.echo(
                f"{message} did not arrive since this lab began ({counted(answer['messages'], 'message')} did)",
                err=True,
            )
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


app.command("load")(load_command)


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
