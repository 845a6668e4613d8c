"""`posthorse suppression`: addresses that must not be mailed."""

import csv
import sys
from typing import Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, For, OnlyTenant, Reason, Tenant
from posthorse.cli.orders_command import done
from posthorse.cli.output import print_json, print_table, say
from posthorse.cli.talk import carry_out
from posthorse.control import replies, requests
from posthorse.mail.ids import MAIN_TENANT

app = typer.Typer(help="Addresses that must not be mailed.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address; in any spelling.")]
HEADS = ("tenant", "address", "reason", "source", "created_at", "until", "message_id")


@app.command("add")
def add(
    address: Address,
    reason: Reason,
    for_s: For = None,
    tenant: Tenant = MAIN_TENANT,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Never mail an address, or not for a while."""
    request = requests.Suppress(tenant=tenant, address=address, reason=reason, for_s=for_s)
    done(carry_out(config, request), as_json=as_json)


@app.command("list")
def list_(
    tenant: OnlyTenant = "",
    after: Annotated[str, typer.Option(metavar="ADDRESS", help="Only addresses after this one: the next page.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=requests.MOST_ROWS, help="At most this many.")] = 1_000,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV that spreadsheets open without harm.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List suppressed addresses."""
    found = carry_out(config, requests.Suppressions(tenant=tenant, after=after, limit=limit))
    rows = [_row(each) for each in found.suppressions]
    if as_json:
        print_json(found)
    elif as_csv:
        csv.writer(sys.stdout).writerows([HEADS, *(tuple(map(safe_cell, row)) for row in rows)])
    else:
        print_table(HEADS, rows, empty="nothing is suppressed")
    if found.more and not as_json:
        say(f"there is more: --after {found.suppressions[-1].address}") if not as_csv else None


@app.command("remove")
def remove(
    address: Address,
    reason: Reason,
    tenant: Tenant = MAIN_TENANT,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Mail an address again."""
    request = requests.Unsuppress(tenant=tenant, address=address, reason=reason)
    done(carry_out(config, request), as_json=as_json)


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _row(each: replies.Suppressed) -> tuple[str, ...]:
    return (
        each.tenant,
        each.address,
        each.reason,
        each.source,
        each.created_at,
        each.until or "",
        each.message_id or "",
    )
