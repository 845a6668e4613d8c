"""`posthorse serve`: the gateway in the foreground."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from posthorse.cli.leash import UntilEof, put_on
from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from posthorse.cli.output import print_json_line, say

QUICKSTART_FOLDER = Path("quickstart")


def serve(
    config: ConfigFile = DEFAULT_CONFIG,
    quickstart: Annotated[
        bool, typer.Option("--quickstart", help="Without a configuration: SQLite, two simulated providers, a mailbox.")
    ] = False,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="PATH", help="Where --quickstart keeps everything.")
    ] = QUICKSTART_FOLDER,
    until_eof: UntilEof = False,
    as_json: AsJson = False,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.

    Prints every address once all of them take connections.
    """
    if quickstart:
        if until_eof:
            raise typer.BadParameter("--until-eof goes with a configuration, not with --quickstart")
        from posthorse import quickstart as house

        _run(lambda: house.quickstart(folder, say))
        return
    from posthorse.config import load_config

    loaded = load_config(config, os.environ)

    from posthorse import daemon

    def ready(addresses: Mapping[str, str]) -> None:
        if until_eof:
            put_on()
        if as_json:
            print_json_line({**addresses, "pid": os.getpid()})
        else:
            say("ready: " + ", ".join(addresses.values()))

    _run(lambda: daemon.serve(loaded, config, os.environ, ready))


def _run(serving: Callable[[], None]) -> None:
    """Until a signal ends it; whatever keeps it from starting is an answer to the person."""
    from posthorse.adapters.sealing import KeyFileError, Unsealable
    from posthorse.control.node import NotDone
    from posthorse.spool.port import SpoolUnavailable
    from posthorse.spool.sqlite import SpoolRefused

    try:
        serving()
    except (OSError, KeyFileError, Unsealable, SpoolRefused, SpoolUnavailable) as error:
        raise NotDone(f"the gateway cannot start: {error}") from error
