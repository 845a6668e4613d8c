"""`posthorse demo`: a provider dies under load and comes back, drawn live; ends with the ledger."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from posthorse.cli.output import counted
from posthorse.lab.demo import Ending, Happening, Picture, Play, play
from posthorse.lab.ledger import summary
from posthorse.lab.processes import NotReady

COLOURS = {"good": "green", "strained": "yellow", "on_trial": "yellow", "on trial": "yellow", "ejected": "red"}

LAST_HAPPENINGS = 9
"""So many stand below the table."""


def demo(
    messages: Annotated[int, typer.Option(min=1, help="How many messages the client offers.")] = 2_000,
    folder: Annotated[Path | None, typer.Option(help="Keep spool, receipts and logs here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ledger as JSON.")] = False,
) -> None:
    """Thirty seconds: the first of three providers becomes a black hole, refuses, and returns, under steady mail.

    A quarter of the mail comes by the SES API, the rest by SMTP. What the providers tell afterwards is counted as
    confirmed, beside what the simulated mailbox has seen.

    Nobody helps: the gateway leaves it, tries it again, and gives it its mail back in steps. It waits and ramps for a
    few seconds here, and for half a minute and a minute by default.

    Exit status 0 only if all mail was accepted, none was lost, and no `once` or `bulk` message came twice.
    """
    piece = Play(messages=messages)
    with tempfile.TemporaryDirectory(prefix="posthorse-demo-") if folder is None else nullcontext(folder) as stage:
        place = Path(stage).resolve()
        place.mkdir(parents=True, exist_ok=True)
        if (place / "posthorse.db").exists():
            raise typer.BadParameter(f"{place} holds a spool already; give an empty folder")
        try:
            ending = _played(place, piece, quiet=as_json)
        except NotReady as problem:
            typer.echo(f"the demo could not be played: {problem}", err=True)
            raise typer.Exit(1) from problem
        except asyncio.CancelledError as stopped:
            raise typer.Exit(1) from stopped
    if as_json:
        typer.echo(by_api(ending), err=True)
        typer.echo(json.dumps(ending.account.as_json()))
    else:
        typer.echo("\n".join(("", *summary(ending.account), by_api(ending), "", verdict(ending))))
    if not ending.is_good:
        raise typer.Exit(1)


def _played(place: Path, piece: Play, *, quiet: bool) -> Ending:
    """Play it, with a live picture on a terminal and plain lines elsewhere (to standard error beside JSON)."""
    console = Console(stderr=quiet)
    if not console.is_terminal:
        return asyncio.run(_until_stopped(place, piece, PlainLines(sys.stderr if quiet else sys.stdout).show))
    with Live(console=console, refresh_per_second=4) as live:
        return asyncio.run(_until_stopped(place, piece, lambda picture: live.update(drawn(picture, piece))))


async def _until_stopped(place: Path, piece: Play, show: Callable[[Picture], None]) -> Ending:
    """Play it; SIGTERM ends the processes of the play as Ctrl-C does."""
    playing = asyncio.create_task(play(place, piece, show))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    return await playing


def drawn(picture: Picture, piece: Play) -> Group:
    """The picture for a terminal."""
    table = Table("provider")
    for title, width in (("in the lab", 10), ("standing", 8), ("busy", 4), ("per second", 37), ("arrived", 7)):
        table.add_column(title, min_width=width)
    for one in picture.providers:
        standing = Text(one.standing, style=COLOURS.get(one.standing, ""))
        fault = Text(one.fault, style="red" if one.fault != "none" else "dim")
        rate = f"{one.per_s:6.0f} {'█' * min(30, round(one.per_s / 4))}"
        table.add_row(one.name, fault, standing, str(one.in_use), rate, str(one.arrived))
    head = Text(f"{picture.at_s:4.1f} s of {piece.end_s:.0f}", style="bold")
    happened = (Text(_told(one)) for one in picture.happened[-LAST_HAPPENINGS:])
    return Group(head, table, Text(_figures(picture)), *happened)


class PlainLines:
    """One line a second for a log or a pipe, and one for each thing that happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last = -1.0
        self._told = 0

    def show(self, picture: Picture) -> None:
        """Print, if a second has passed."""
        for happening in picture.happened[self._told :]:
            print(_told(happening), file=self._out, flush=True)
        self._told = len(picture.happened)
        if picture.at_s - self._last < 0.9:
            return
        self._last = picture.at_s
        rates = ", ".join(f"{one.name} {one.per_s:.0f}/s ({one.standing})" for one in picture.providers)
        print(f"{picture.at_s:5.1f} s  {rates}; {_figures(picture)}", file=self._out, flush=True)


def _told(happening: Happening) -> str:
    return f"{happening.at_s:5.1f} s  -- {happening.words}"


def _figures(picture: Picture) -> str:
    oldest = ", ".join(f"{stream} {seconds:.1f} s" for stream, seconds in picture.oldest_s.items()) or "nobody"
    return (
        f"offered {picture.offered}, accepted {picture.accepted}, arrived {picture.arrived}, "
        f"confirmed {picture.confirmed}, "
        f"queued {picture.queued}, under way {picture.under_way}, in doubt {picture.in_doubt}; oldest queued: {oldest}"
    )


def by_api(ending: Ending) -> str:
    """Which clients offered it."""
    return f"offered by the SES API: {ending.load.by_api}, by {ending.api_client}; the rest by SMTP"


def verdict(ending: Ending) -> str:
    """The last line."""
    account = ending.account
    if ending.is_good:
        return "Nothing was lost, and no once or bulk message came twice."
    if account.accepted < ending.load.offered:
        return f"NOT GOOD: not accepted: {counted(ending.load.offered - account.accepted, 'message')}."
    return f"NOT GOOD: {account.lost} lost; duplicated {account.duplicated}."
