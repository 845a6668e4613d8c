"""Carrying out a command: by the gateway that runs on the spool, else on the spool itself.

The configuration is only read for where the spool is and what the providers are called: an operator's shell need not
have the secrets of the gateway.
"""

import asyncio
import getpass
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from posthorse.config.load import Whereabouts, read_whereabouts
from posthorse.control import replies
from posthorse.control.node import NotDone
from posthorse.control.requests import Request

R = TypeVar("R", bound=replies.Reply)


def carry_out(config: Path, request: Request[R], *, first: Callable[[Path], None] | None = None) -> R:
    """The reply to one command. Raises `NotDone` and `ConfigProblems`. With `first` it may be the first of all: a spool
    that is not there is made, and `first` is told where.
    """
    return asyncio.run(_carry_out(read_whereabouts(config), [request], first))[0]


def carry_out_all(config: Path, requests: Sequence[Request[R]]) -> list[R]:
    """The replies to several commands, in order; the first that is not done ends it."""
    return asyncio.run(_carry_out(read_whereabouts(config), requests))


def operator() -> str:
    """Who gives the command, as history will have it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return f"uid {os.getuid()}"


async def _carry_out(
    where: Whereabouts, requests: Sequence[Request[R]], first: Callable[[Path], None] | None = None
) -> list[R]:
    from posthorse.control.client import NobodyListens, ask
    from posthorse.control.protocol import socket_path

    try:
        path = socket_path(where.spool_file)
        return [await ask(path, request, operator()) for request in requests]
    except (NobodyListens, FileNotFoundError):
        return await _on_the_spool(where, requests, first)


async def _on_the_spool(
    where: Whereabouts, requests: Sequence[Request[R]], first: Callable[[Path], None] | None
) -> list[R]:
    """Nobody else has it: open it for this command only."""
    from posthorse.cli.spool_desk import opened_desk

    is_new = not where.spool_file.exists()
    if is_new and first is None:
        raise NotDone(f"there is no spool at {where.spool_file}, and no gateway runs on it")
    async with opened_desk(where) as desk:
        if is_new and first is not None:
            first(where.spool_file)
        return [await desk.ask(request, operator()) for request in requests]
