"""Standing orders: `providers`, `failover`, `stop-sending`, `start-sending`, and `status`."""

from typing import Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, For
from posthorse.cli.output import counted, print_json, print_table, say
from posthorse.cli.talk import carry_out
from posthorse.control import replies, requests
from posthorse.mail.stream import Stream

providers = typer.Typer(help="Standings of providers; eject, restore.", no_args_is_help=True, rich_markup_mode=None)

Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="Name in the configuration.")]
OptionalReason = Annotated[str, typer.Option("--reason", help="Why; kept with who did it.")]


@providers.command("list")
def list_(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List providers with their standing."""
    found = carry_out(config, requests.Providers())
    if as_json:
        print_json(found)
        return
    heads = ("provider", "standing", "in use", "last minute", "typical s", "ejected by", "until", "why")
    print_table(heads, map(_row, found.providers), empty="no providers")
    if found.failover_to:
        say(f"by order, {found.failover_to} is tried first")


@providers.command("eject")
def eject(
    provider: Provider,
    for_s: For = None,
    reason: OptionalReason = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Send nothing through a provider, until restored or for a while."""
    done(carry_out(config, requests.Eject(provider=provider, reason=reason, for_s=for_s)), as_json=as_json)


@providers.command("restore")
def restore(provider: Provider, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Let a provider have mail again, and forget what was held against it."""
    done(carry_out(config, requests.Restore(provider=provider)), as_json=as_json)


def failover(
    to: Annotated[str, typer.Option("--to", metavar="PROVIDER", help="Tried first.")] = "",
    for_s: For = None,
    stream: Annotated[list[Stream] | None, typer.Option("--stream", help="Only these streams; repeatable.")] = None,
    end: Annotated[bool, typer.Option("--end", help="Back to the configured routes.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Try one provider first for a while: posthorse failover --to relay --for 2h."""
    if end:
        done(carry_out(config, requests.FailoverEnd()), as_json=as_json)
        return
    if not to or for_s is None:
        raise typer.BadParameter("say where to and for how long: --to PROVIDER --for 2h; or --end")
    done(carry_out(config, requests.Failover(to=to, for_s=for_s, streams=tuple(stream or ()))), as_json=as_json)


def stop_sending(
    reason: OptionalReason = "",
    for_s: For = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Release nothing more, until start-sending or for a while; mail is still accepted."""
    done(carry_out(config, requests.StopSending(reason=reason, for_s=for_s)), as_json=as_json)


def start_sending(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Send again after stop-sending or a restore."""
    done(carry_out(config, requests.StartSending()), as_json=as_json)


def status(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """What waits, for how long, and what people ordered, at one look."""
    found = carry_out(config, requests.Overview())
    if as_json:
        print_json(found)
        return
    say(f"the gateway {'runs' if found.running else 'does not run'}" + ("; sending is stopped" if found.paused else ""))
    oldest = {each.stream: each.waiting_s for each in found.oldest}
    rows = [
        (each.stream, each.state, each.recipients, oldest.get(each.stream) if each.state == "queued" else None)
        for each in found.waiting
    ]
    print_table(("stream", "state", "recipients", "oldest due s"), rows, empty="the spool is empty")
    for provider, count in found.not_confirmed.items():
        say(f"not confirmed by {provider}: {counted(count, 'recipient')}; `posthorse queue list --not-confirmed`")
    for state, count in found.notifications.items():
        say(f"{state}: {counted(count, 'notification')}; `posthorse notifications list --state {state}`")
    for order in found.orders:
        say(f"order {order.key} {order.value} by {order.by} since {order.at}, until {order.until or 'lifted'}")
    for hold in found.holds:
        say(f"hold {hold.id} on {hold.which} by {hold.by}: {hold.reason}")


def done(reply: replies.Done, *, as_json: bool) -> None:
    """What was done, in one line."""
    if as_json:
        print_json(reply)
    else:
        say(reply.message)


def _row(each: replies.Provider) -> tuple[object, ...]:
    minute = f"{each.failures_last_minute} of {each.attempts_last_minute} against it"
    return (
        each.name,
        each.standing,
        f"{each.in_use}/{each.slots}",
        minute,
        each.typical_s,
        each.ejected_by,
        each.ejected_until,
        each.why,
    )
