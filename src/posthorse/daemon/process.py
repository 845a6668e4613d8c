"""The process around a node: its loop and its signals.

Promise: SIGTERM and SIGINT end it cleanly; SIGHUP reads the configuration again, and a bad one changes nothing.
"""

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import uvloop

from posthorse.config.tree import Config
from posthorse.control.node import NotDone
from posthorse.daemon.node import Daemon

Ready = Callable[[Mapping[str, str]], None]
"""Told of every address once all of them take connections."""


async def run(config: Config, path: Path, environ: Mapping[str, str], ready: Ready) -> None:
    """Run a daemon until a signal ends it."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    daemon = Daemon(config, path, environ)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await daemon.start()
    gc.collect()
    gc.freeze()  # what the imports left is not searched again while mail moves
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(_reload(daemon)))
    ready(daemon.addresses)
    await stop.wait()
    await daemon.stop("a signal")


async def _reload(daemon: Daemon) -> None:
    """On SIGHUP: problems are in the log."""
    try:
        await daemon.reload()
    except NotDone:
        return


def serve(config: Config, path: Path, environ: Mapping[str, str], ready: Ready) -> None:
    """Run a daemon in this process until a signal ends it; see `Daemon.start` for what is raised."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(config, path, environ, ready))
