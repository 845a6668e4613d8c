"""What the tests of the command line share: a configuration with a spool, and a gateway's socket in a thread."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.chance import TimeOrderedIds
from posthorse.adapters.clock import SystemClock
from posthorse.cli.app import run
from posthorse.control.protocol import socket_path
from posthorse.control.server import ControlServer
from posthorse.mail.ids import MessageId, Tenant
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.port import NewMessage
from posthorse.spool.sqlite import SqliteSpool
from tests.unit.control.scene import Scene

CONFIG = """
[[access_keys]]
id = "AKIATEST"
secret = "env:NOT_IN_AN_OPERATORS_SHELL"
[[domains]]
name = "a.example"
[[providers]]
name = "relay"
kind = "smtp"
host = "127.0.0.1"
port = 2599
tls = "none"
[[providers]]
name = "other"
kind = "mailbox"
folder = "mailbox"
"""


class Stage:
    """A folder with a configuration, and the command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.config = folder / "posthorse.toml"
        self.config.write_text(CONFIG)
        self.spool_file = folder / "posthorse.db"
        self._capsys = capsys

    def call(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of one command."""
        self._capsys.readouterr()
        status = run([*arguments, "--config", str(self.config)])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def data(self, *arguments: str) -> Any:
        """What a command that must succeed prints with --json."""
        status, out, err = self.call(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)

    def accept(self, *recipients: str, stream: Stream = Stream.STANDARD, sender: str = "shop@a.example") -> str:
        """Store one message in the SQLite spool, as a gateway would; answers its id."""
        clock = SystemClock()
        message_id = MessageId(TimeOrderedIds(clock).new())

        async def admit() -> None:
            spool = await SqliteSpool.open(str(self.spool_file), clock=clock)
            new = NewMessage(
                id=message_id,
                tenant=Tenant("main"),
                stream=stream,
                sender=sender,
                recipients=recipients or ("jane@b.example",),
                body=b"Subject: \xe9\r\n\r\nhello\r\n",
                deadline_us=3_600 * SECOND,
                copies_allowed=1,
            )
            await spool.admit([new])
            await spool.close()

        asyncio.run(admit())
        return message_id.hex()


@contextmanager
def on_a_loop_of_its_own(start: Callable[[], Awaitable[Any]], stop: Callable[[], Awaitable[Any]]) -> Iterator[None]:
    """Run `start` on a loop in another thread, keep that loop turning while the block runs, then run `stop`."""
    ready, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def life() -> None:
        loops.append(asyncio.get_running_loop())
        await start()
        ready.set()
        await ended.wait()
        await stop()

    thread = threading.Thread(target=lambda: asyncio.run(life()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(10)


@contextmanager
def gateway(stage: Stage) -> Iterator[Scene]:
    """A gateway's control socket at the spool's place, served by another thread until the block ends."""
    scene = Scene()
    server = ControlServer(socket_path(stage.spool_file), scene.desk, lambda where, error: None)
    with on_a_loop_of_its_own(server.start, server.close):
        yield scene
