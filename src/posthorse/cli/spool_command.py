"""`posthorse backup` and `posthorse restore`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from posthorse.adapters.sealing import key_file_of
from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from posthorse.cli.output import counted, print_json, say
from posthorse.cli.talk import carry_out, operator
from posthorse.config.load import read_whereabouts
from posthorse.control import requests

Target = Annotated[Path, typer.Argument(metavar="PATH", help="A file that does not exist yet.")]
Source = Annotated[Path, typer.Argument(metavar="PATH", help="A file that `posthorse backup` made.")]


def backup(path: Target, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Copy the spool as it is now, while mail goes on; the key file that opens its secrets is not in it."""
    reply = carry_out(config, requests.Backup(path=str(path.resolve())))
    if as_json:
        print_json(reply)
    else:
        key_file = key_file_of(read_whereabouts(config).spool_file)
        say(f"{reply.path}: {counted(reply.size_bytes, 'byte')}; keep {key_file} elsewhere, it is not in it")


def restore(path: Source, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Put a backup in the place of a spool that is gone: paused, with everything that was not final in doubt."""
    from posthorse.cli.restoring import restored

    where = read_whereabouts(config)
    done = asyncio.run(restored(path, where.spool_file, operator()))
    if as_json:
        print_json({"path": str(done.path), "in_doubt": done.in_doubt, "paused": True, "key_trouble": done.key_trouble})
        return
    said = counted(done.in_doubt, "recipient")
    say(f"restored to {done.path}; in doubt, as what happened since is not known: {said}")
    if done.key_trouble:
        say(f"the gateway will not start yet: {done.key_trouble}")
    say("sending is stopped: look at `posthorse queue list --state in_doubt`, decide, then `posthorse start-sending`")
