"""`posthorse notifications`: what providers told, as it came."""

import sys
from typing import Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from posthorse.cli.output import counted, print_json, print_table, say
from posthorse.cli.talk import carry_out
from posthorse.control import replies, requests
from posthorse.spool.kept_port import MOST_KEPT, KeptState

app = typer.Typer(help="What providers told, as it came.", no_args_is_help=True, rich_markup_mode=None)

MOST_LISTED = MOST_KEPT - 1
"""In one page: one more is asked for, to know whether there are more."""


@app.command("list")
def list_(
    state: Annotated[KeptState | None, typer.Option("--state", help="Only in this state.")] = None,
    provider: Annotated[str, typer.Option("--provider", metavar="PROVIDER", help="Only of this provider.")] = "",
    before: Annotated[
        int | None, typer.Option("--before", metavar="NUMBER", help="Only older than this one (for paging).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_LISTED, help="At most this many.")] = 100,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List notifications, newest first: which wait, tell of unknown mail, or could not be read."""
    request = requests.Notifications(state=state, provider=provider, before=before, limit=limit)
    found = carry_out(config, request)
    if as_json:
        print_json(found)
        return
    heads = ("number", "provider", "state", "received", "bytes", "tries", "next", "note")
    print_table(heads, map(_row, found.notifications), empty="no notifications")
    if found.more:
        say(f"there is more: --before {found.notifications[-1].number}, or a larger --limit")


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `posthorse notifications list` shows it.")],
    body: Annotated[bool, typer.Option("--body", help="Print the bytes as they came and nothing else.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show one notification as it came."""
    found = carry_out(config, requests.NotificationShow(number=number))
    if as_json:
        print_json(found)
        return
    raw = found.body.encode("latin-1")
    if body:
        sys.stdout.buffer.write(raw)
        return
    one = found.notification
    say(f"notification {one.number} of {one.provider}, {counted(one.size_bytes, 'byte')}, {one.state}")
    again = f", read again at {one.next_at}" if one.next_at and one.tries else ""
    say(f"received {one.received_at}, read {counted(one.tries, 'time')}{again}")
    if one.note:
        say(f"note: {one.note}")
    for name, value in found.facts.items():
        say(f"{name}: {value}")
    say("")
    say(raw.decode("utf-8", "backslashreplace"))


def _row(each: replies.Notification) -> tuple[object, ...]:
    return (
        each.number,
        each.provider,
        each.state,
        each.received_at,
        each.size_bytes,
        each.tries,
        each.next_at,
        each.note,
    )
