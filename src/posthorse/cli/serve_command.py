"""`posthorse serve`: the gateway in the foreground."""

import os
from collections.abc import Mapping
from typing import Annotated

import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from posthorse.cli.output import print_json_line, say


def serve(
    config: ConfigFile = DEFAULT_CONFIG,
    quickstart: Annotated[
        bool, typer.Option("--quickstart", help="Without a configuration: SQLite, two simulated providers, a mailbox.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.

    Prints every address once all of them take connections.
    """
    from posthorse.config import load_config
    from posthorse.control.node import NotDone

    loaded = load_config(config, os.environ)

    from posthorse import daemon
    from posthorse.spool.port import SpoolUnavailable
    from posthorse.spool.sqlite import SpoolRefused

    def ready(addresses: Mapping[str, str]) -> None:
        if as_json:
            print_json_line({**addresses, "pid": os.getpid()})
        else:
            say("ready: " + ", ".join(addresses.values()))

    try:
        daemon.serve(loaded, config, os.environ, ready)
    except (OSError, SpoolRefused, SpoolUnavailable) as error:
        raise NotDone(f"the gateway cannot start: {error}") from error
