"""A leash: a process that somebody started as a child ends when that somebody is gone, however it went.

The parent holds the writing end of a pipe that is the child's standard input and never writes. The system closes it
when the parent ends, killed or not, and the child reads the end of file. Unlike a signal on the parent's death this
needs no particular system and does not hang on a thread.
"""

import asyncio
import os
import signal
import sys
from typing import Annotated

import typer

UntilEof = Annotated[
    bool,
    typer.Option(
        "--until-eof", help="End in order when standard input ends: for whoever runs it as a child, holding a pipe."
    ),
]


def put_on() -> None:
    """From now on the end of standard input is a SIGTERM to ourselves; call it on the running loop."""
    descriptor = sys.stdin.fileno()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if not os.read(descriptor, 4_096):
            loop.remove_reader(descriptor)
            os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(descriptor, heard)
