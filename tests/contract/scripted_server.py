"""Servers on real sockets that speak their protocol faultlessly except where a script says otherwise.

A script maps a stage to an action, or to a list of actions for one visit after the other (the last one stays):

    close            end the connection          reset            end it with RST
    hang             say nothing, for good       half:TEXT        say TEXT without an end, then close
    raw:TEXT         say exactly TEXT, go on     anything else    a reply (SMTP) or `STATUS NAME text` (HTTP)
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

Script = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Taken:
    """One mail as a server took it: with its last byte."""

    sender: str
    recipients: list[str]
    content: bytes


class Ended(Exception):
    """The script ended this connection."""


@dataclass
class ScriptedServer:
    """Listening, hanging, ending; what the two protocols share."""

    script: Script = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    port: int = 0
    connections: int = 0
    taken: list[Taken] = field(default_factory=list)
    unfinished: int = 0
    """Mails whose last byte never came."""
    partial: bytearray = field(default_factory=bytearray)
    """What came of the content so far."""
    lines: list[str] = field(default_factory=list)
    """Commands or request lines, in order."""
    segments: list[bytes] = field(default_factory=list)
    """What each read gave, to see what was written at once."""
    _visits: dict[str, int] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Serve on a port of 127.0.0.1."""
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=self.tls if self.implicit else None
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def deserted(self) -> bool:
        """No connection is open."""
        return not self._tasks

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when something happened that makes this true."""
        async with self._news:
            await self._news.wait_for(holds)

    async def tell(self) -> None:
        """Something happened."""
        async with self._news:
            self._news.notify_all()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._readers[writer] = reader
        try:
            await self.serve(reader, writer)
        except (Ended, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            del self._readers[writer]
            self._tasks.discard(task)
            writer.close()
            await self.tell()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak the protocol."""
        raise NotImplementedError

    def action(self, stage: str) -> str | None:
        """What the script says to this visit of a stage."""
        scripted = self.script.get(stage)
        if isinstance(scripted, list):
            visit = self._visits.get(stage, 0)
            self._visits[stage] = visit + 1
            return str(scripted[min(visit, len(scripted) - 1)])
        return scripted

    async def act(self, action: str, writer: asyncio.StreamWriter) -> None:
        """Perform an action that no protocol knows; a reply is not one."""
        if action == "hang":
            while await self._readers[writer].read(65_536):
                pass
            raise Ended
        if action == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            raise Ended
        if action == "close":
            raise Ended
        if action.startswith("half:"):
            writer.write(action[5:].encode())
            with suppress(OSError):
                await writer.drain()
            raise Ended
        assert action.startswith("raw:"), action
        writer.write(action[4:].encode("latin-1"))


NO_REPLIES = ("close", "reset", "hang", "half:", "raw:")
"""What an action begins with that is none of the protocol's replies."""
