"""The list of commands, and what every command does when it fails.

Each command is loaded when it is called: `posthorse --help` imports none of them.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class Late:
    """A command that is loaded when it is called."""

    module: str
    attribute: str
    """A function, or a group of commands."""
    help: str
    """The line in the list of commands; the command itself says more."""


COMMANDS: dict[str, Late] = {
    "serve": Late("posthorse.cli.serve_command", "serve", "Run the gateway until SIGTERM or Ctrl-C."),
    "send": Late("posthorse.cli.send_command", "send", "Hand one message to the gateway by SMTP."),
    "status": Late("posthorse.cli.orders_command", "status", "What waits, and what people ordered, at one look."),
    "queue": Late("posthorse.cli.queue_command", "app", "Look at mail in the spool, hold it, decide about it."),
    "explain": Late("posthorse.cli.explain_command", "explain", "Tell the whole history of a message, with reasons."),
    "providers": Late("posthorse.cli.orders_command", "providers", "Standings of providers; eject and restore them."),
    "failover": Late("posthorse.cli.orders_command", "failover", "Try one provider first for a while."),
    "stop-sending": Late(
        "posthorse.cli.orders_command", "stop_sending", "Release nothing more; mail is still accepted."
    ),
    "start-sending": Late("posthorse.cli.orders_command", "start_sending", "Send again."),
    "keys": Late("posthorse.cli.keys_command", "app", "Access keys of applications, kept in the spool."),
    "suppression": Late("posthorse.cli.suppression_command", "app", "Addresses that must not be mailed."),
    "notifications": Late("posthorse.cli.notifications_command", "app", "What providers told, as it came."),
    "webhooks": Late("posthorse.cli.webhooks_command", "app", "Customers' endpoints: how they stand, telling again."),
    "classify": Late("posthorse.cli.classify_command", "app", "Rules that give mail its stream."),
    "config": Late("posthorse.cli.config_command", "app", "Check, show and reload the configuration."),
    "backup": Late("posthorse.cli.spool_command", "backup", "Copy the spool while mail goes on."),
    "restore": Late("posthorse.cli.spool_command", "restore", "Put a backup in the place of a spool that is gone."),
    "lab": Late("posthorse.cli.lab", "app", "Simulated providers on real sockets: rehearse an outage."),
    "demo": Late("posthorse.cli.demo", "demo", "Thirty seconds: a provider dies under load and comes back."),
}


class LateGroup(TyperGroup):
    """Commands that are only names until they are called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As usual; then the command itself is loaded."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(str(name)), rest


def load(name: str) -> Any:
    """The command behind a name of `COMMANDS`."""
    late = COMMANDS[name]
    found = getattr(import_module(late.module), late.attribute)
    if isinstance(found, typer.Typer):
        found.rich_markup_mode = None
        command: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(found)
        command = typer.main.get_command(alone)
    command.name = name
    return command


app = typer.Typer(
    name="posthorse",
    cls=LateGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from posthorse import __version__

        typer.echo(f"posthorse {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and end.")
]


@app.callback()
def root(version: Version = False) -> None:
    """A mail gateway that keeps an application's mail leaving when a provider dies."""


for _name, _late in COMMANDS.items():
    app.command(_name, help=_late.help)(lambda: None)


def run(arguments: list[str] | None = None) -> int:
    """Run one command; answers the exit status."""
    try:
        app(arguments, prog_name="posthorse", standalone_mode=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nothing more can be said
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not _is_a_no(error):
            raise
        _complain(str(error))
        return 1
    return 0


def _is_a_no(error: Exception) -> bool:
    """Whether an exception is an answer to the person, and no bug."""
    from posthorse.config.problem import ConfigProblems
    from posthorse.control.node import NotDone

    return isinstance(error, NotDone | ConfigProblems)


def _complain(text: str) -> None:
    from posthorse.cli.output import harmless

    typer.echo(harmless(text), err=True)
