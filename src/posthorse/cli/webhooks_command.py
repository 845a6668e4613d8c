"""`posthorse webhooks`: customers' endpoints, how they stand, and telling them again."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, OnlyTenant, Reason, message_id
from posthorse.cli.orders_command import done
from posthorse.cli.output import counted, print_json, print_table, say
from posthorse.cli.talk import carry_out
from posthorse.config.units import parse_duration
from posthorse.control import replies, requests
from posthorse.mail.stream import SECOND

app = typer.Typer(
    help="Customers' endpoints: how they stand, telling again.", no_args_is_help=True, rich_markup_mode=None
)

NONE = (
    "no gateway on this spool has an endpoint to tell: name one in [[webhooks]] (name, url, secret), then"
    " `posthorse config reload` or start the gateway; see docs/webhooks.md"
)


def moment(text: str) -> int:
    """Microseconds UTC of a time or date of RFC 3339 (UTC unless it says otherwise), or of so long ago. Anything else
    is not understood: exit status 2.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return int((datetime.now(UTC).timestamp() - parse_duration(text)) * SECOND)
        except ValueError:
            raise typer.BadParameter(f'{text!r} is no time such as 2026-03-01T12:00:00Z, nor "90m" or "2d"') from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * SECOND)


Name = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint, as in [[webhooks]].")]
Since = Annotated[
    int | None,
    typer.Option("--since", parser=moment, metavar="TIME", help='A time such as 2026-03-01T12:00Z, or "2h" ago.'),
]


@app.command("list")
def list_(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List endpoints: whether they are told, how far they are behind, what they did not take."""
    found = carry_out(config, requests.Webhooks())
    if as_json:
        print_json(found)
        return
    heads = ("name", "tenant", "state", "behind (s)", "waiting", "given up", "to replay", "next", "why not taken")
    print_table(heads, map(_row, found.webhooks), empty=NONE)


@app.command("replay")
def replay(
    name: Name,
    since: Since = None,
    id: Annotated[  # noqa: A002 - the name of the option
        str, typer.Option("--id", parser=message_id, metavar="ID", help="Only about this message.")
    ] = "",
    tenant: OnlyTenant = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Tell an endpoint again: everything since a time, or about one message; the events keep their ids."""
    if (since is None) == (not id):
        raise typer.BadParameter("give either --since or --id")
    found = carry_out(config, requests.WebhookReplay(name=name, tenant=tenant, since=since, id=id))
    if as_json:
        print_json(found)
    elif found.facts:
        say(f"{found.name} is told again, from {counted(found.facts, 'fact')} of the history")
    else:
        say(f"nothing happened since then that {found.name} was told")


@app.command("enable")
def enable(name: Name, tenant: OnlyTenant = "", config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Send to an endpoint again, from where it stopped."""
    done(carry_out(config, requests.WebhookEnable(name=name, tenant=tenant)), as_json=as_json)


@app.command("disable")
def disable(
    name: Name,
    reason: Reason,
    tenant: OnlyTenant = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Send nothing to an endpoint; what happens waits in the history until it is enabled."""
    done(carry_out(config, requests.WebhookDisable(name=name, reason=reason, tenant=tenant)), as_json=as_json)


@app.command("forget")
def forget(name: Name, tenant: OnlyTenant = "", config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Drop all that is kept of an endpoint that is no longer configured."""
    done(carry_out(config, requests.WebhookForget(name=name, tenant=tenant)), as_json=as_json)


@app.command("test")
def rehearse(name: Name, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Send one signed event of type webhook.test from here, and tell what came of it; needs the endpoint's secret."""
    from posthorse.cli.webhook_rehearsal import rehearsed

    found = rehearsed(config, name)
    if as_json:
        print_json({"name": name, "taken": not found, "why": found})
    else:
        say(f"{name} took it" if not found else f"{name} did not take it: {found}")
    if found:
        raise typer.Exit(1)


def _row(each: replies.Webhook) -> tuple[object, ...]:
    state = f"disabled ({each.disabled_why})" if each.disabled_at else "enabled"
    return (
        each.name,
        each.tenant,
        state,
        each.behind_s,
        each.waiting,
        each.given_up,
        each.replaying,
        each.next_at,
        each.last_why,
    )
