"""`posthorse lab load`: mail at a steady rate, and its receipts."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from posthorse.cli.options import AsJson
from posthorse.config.units import parse_duration, parse_size
from posthorse.lab.roster import RosterWrong, parse_address


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
