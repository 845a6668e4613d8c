"""`posthorse queue`: look at mail in the spool, hold it, decide about it."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from posthorse.cli.options import (
    DEFAULT_CONFIG,
    AsJson,
    Before,
    ConfigFile,
    MessageId,
    MessageIds,
    OnlyFate,
    OnlyFrom,
    OnlyMessage,
    OnlyRecipient,
    OnlyState,
    OnlyStream,
    OnlyTenant,
    OnlyTo,
    Reason,
    selections,
)
from posthorse.cli.output import counted, print_json, print_table, say
from posthorse.cli.talk import carry_out, carry_out_all
from posthorse.control import replies, requests
from posthorse.control.requests import Which
from posthorse.spool.desk_port import Decision

app = typer.Typer(
    help="Look at mail in the spool, hold it, decide about it.", no_args_is_help=True, rich_markup_mode=None
)


class Verdict(Enum):
    """What a person says of mail in doubt."""

    WAS_HANDED_OVER = "was-handed-over"
    """It arrived, or the provider has it."""
    WAS_NOT_SENT = "was-not-sent"
    """It never left: back to the queue."""
    ANOTHER_COPY = "another-copy"
    """Send it once more, knowing that it may arrive twice."""


_DECISIONS = {
    Verdict.WAS_HANDED_OVER: Decision.WAS_HANDED_OVER,
    Verdict.WAS_NOT_SENT: Decision.WAS_NOT_SENT,
    Verdict.ANOTHER_COPY: Decision.ANOTHER_COPY,
}


@app.command("list")
def list_(
    state: OnlyState = None,
    fate: OnlyFate = None,
    stream: OnlyStream = None,
    tenant: OnlyTenant = "",
    from_domain: OnlyFrom = "",
    to_domain: OnlyTo = "",
    limit: Annotated[int, typer.Option(min=1, max=requests.MOST_ROWS, help="At most this many recipients.")] = 100,
    before: Before = "",
    not_confirmed: Annotated[
        bool,
        typer.Option("--not-confirmed", help="Handed over, and its provider has not told in time what became of it."),
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List recipients, newest message first."""
    which = Which(
        state=state,
        fate=fate,
        stream=stream,
        tenant=tenant,
        sender_domain=from_domain,
        recipient_domain=to_domain,
        before=before,
    )
    found = carry_out(config, requests.QueueList(which=which, limit=limit, not_confirmed=not_confirmed))
    if as_json:
        print_json(found)
        return
    if not_confirmed:
        _print_not_confirmed(found)
    else:
        heads = ("id", "n", "stream", "state", "fate", "to", "tries", "copies", "provider", "next", "hold")
        print_table(heads, map(_row, found.recipients), empty="nothing matches")
    if found.more:
        say(f"there is more: --before {found.recipients[-1].id}, or a larger --limit")


@app.command("show")
def show(
    id: MessageId,  # noqa: A002 - the name of the argument
    body: Annotated[bool, typer.Option(help="Print the stored bytes and nothing else.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show one message with all its recipients."""
    found = carry_out(config, requests.QueueShow(id=id, body=body))
    if as_json:
        print_json(found)
    elif body:
        _print_body(found)
    else:
        first = found.recipients[0]
        size = counted(first.size_bytes, "byte")
        say(f"{found.id} of {found.tenant}, {first.stream}, {size}, from {first.sender or '<>'}")
        say(f"accepted {first.accepted_at}, tried until {first.expires_at}")
        for name, value in found.attributes.items():
            say(f"{name}: {value}")
        heads = ("n", "to", "state", "fate", "tries", "copies", "provider", "next", "hold")
        print_table(heads, map(_own_row, found.recipients), empty="no recipients")


@app.command("hold")
def hold(
    reason: Reason,
    id: OnlyMessage = "",  # noqa: A002
    stream: OnlyStream = None,
    tenant: OnlyTenant = "",
    from_domain: OnlyFrom = "",
    to_domain: OnlyTo = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Pause matching mail, waiting now or accepted later; without a restriction all of it."""
    (which,) = selections([id], tenant=tenant, stream=stream, from_domain=from_domain, to_domain=to_domain)
    found = carry_out(config, requests.QueueHold(which=which, reason=reason))
    if as_json:
        print_json(found)
    else:
        say(f"hold {found.id} on {found.which}; `posthorse queue unhold {found.id}` lifts it")


@app.command("unhold")
def unhold(
    hold: Annotated[int, typer.Argument(metavar="HOLD", help="Number of the hold.")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Lift a hold."""
    reply = carry_out(config, requests.QueueUnhold(hold=hold))
    if as_json:
        print_json(reply)
    else:
        say(f"hold {hold} is lifted; let go on: {counted(reply.recipients, 'recipient')}")


@app.command("holds")
def holds(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List holds in force."""
    found = carry_out(config, requests.Holds())
    if as_json:
        print_json(found)
        return
    rows = [(each.id, each.which, each.reason, each.by, each.created_at) for each in found.holds]
    print_table(("hold", "on", "reason", "by", "since"), rows, empty="no holds")


@app.command("retry")
def retry(
    ids: MessageIds = None,
    state: OnlyState = None,
    stream: OnlyStream = None,
    tenant: OnlyTenant = "",
    from_domain: OnlyFrom = "",
    to_domain: OnlyTo = "",
    recipient: OnlyRecipient = None,
    another_copy: Annotated[
        bool, typer.Option("--another-copy", help="In doubt: once more, knowing that it may arrive twice.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Try now, with all providers again; what is in doubt only within its budget, unless --another-copy."""
    chosen = selections(
        ids,
        tenant=tenant,
        state=state,
        stream=stream,
        from_domain=from_domain,
        to_domain=to_domain,
        recipient=recipient,
    )
    decision = Decision.ANOTHER_COPY if another_copy else Decision.RETRY_NOW
    _moved(_decided(config, chosen, decision), "tried now", as_json=as_json)


@app.command("cancel")
def cancel(
    ids: MessageIds = None,
    state: OnlyState = None,
    stream: OnlyStream = None,
    tenant: OnlyTenant = "",
    from_domain: OnlyFrom = "",
    to_domain: OnlyTo = "",
    recipient: OnlyRecipient = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Withdraw mail; what is out already is not called back. What is in doubt ends, too."""
    chosen = selections(
        ids,
        tenant=tenant,
        state=state,
        stream=stream,
        from_domain=from_domain,
        to_domain=to_domain,
        recipient=recipient,
    )
    _moved(_decided(config, chosen, Decision.CANCEL), "withdrawn", as_json=as_json)


@app.command("decide")
def decide(
    id: MessageId,  # noqa: A002 - the name of the argument
    verdict: Annotated[Verdict, typer.Argument(help="What is known, or wanted.")],
    recipient: OnlyRecipient = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Decide about mail in doubt: only a person can say what no answer proves."""
    chosen = selections([id], recipient=recipient)
    _moved(_decided(config, chosen, _DECISIONS[verdict]), "decided", as_json=as_json)


def _decided(config: Path, chosen: list[Which], decision: Decision) -> replies.Moved:
    asked = [requests.QueueDecide(which=which, decision=decision) for which in chosen]
    moved = list(carry_out_all(config, asked))
    standing = [line for each in moved for line in each.standing]
    return replies.Moved(recipients=sum(each.recipients for each in moved), standing=standing)


def _moved(reply: replies.Moved, what: str, *, as_json: bool) -> None:
    """Exit status 1 if nothing was there to move: a typed selection that matched nothing is a no."""
    if as_json:
        print_json(reply)
    else:
        say(f"{what}: {counted(reply.recipients, 'recipient')}")
        for line in reply.standing:
            say(f"  {line}")
    if not reply.recipients:
        raise typer.Exit(1)


def _row(each: replies.Recipient) -> tuple[object, ...]:
    return (
        each.id,
        each.n,
        each.stream,
        each.state,
        each.fate,
        each.address,
        each.attempts,
        _copies(each),
        each.provider,
        each.next_at,
        each.hold,
    )


def _own_row(each: replies.Recipient) -> tuple[object, ...]:
    """Within its message."""
    return (each.n, each.address, each.state, each.fate, *_row(each)[6:])


def _print_not_confirmed(found: replies.Recipients) -> None:
    """What matters of mail that was handed over and of which nothing came since."""
    rows = [(each.id, each.n, each.stream, each.address, each.provider, each.ended_at) for each in found.recipients]
    heads = ("id", "n", "stream", "to", "provider", "handed over")
    print_table(heads, rows, empty="nothing waits longer than it may to be confirmed")


def _copies(each: replies.Recipient) -> str:
    return f"{each.copies_released}/{each.copies_allowed}"


def _print_body(found: replies.MessageShown) -> None:
    import sys

    from posthorse.control.node import NotDone

    if found.body is None:
        raise NotDone("the body is gone: dropped by retention")
    sys.stdout.buffer.write(found.body.encode("latin-1"))
