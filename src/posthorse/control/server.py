"""The gateway's side of the control socket.

Promise: only the gateway's own user (and root) can reach it; a client that hangs or sends nonsense costs one
connection; a command that fails in a way nobody foresaw is told as such and the gateway goes on.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from posthorse.control import protocol
from posthorse.control.desk import Desk
from posthorse.control.node import NotDone

IDLE_S = 30.0
MOST_CONNECTIONS = 32
GRACE_S = 5.0


class ControlServer:
    """Listens until it is closed."""

    def __init__(self, path: Path, desk: Desk, bug: Callable[[str, BaseException], None]) -> None:
        self._path = path
        self._desk = desk
        self._bug = bug
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()
        """Connections whose command is being carried out."""
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> None:
        """Listen; a socket that a dead predecessor left is replaced. The caller owns the spool. Raises OSError."""
        _make_private_folder(self._path)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._connected, self._path, limit=protocol.MOST_CALL_BYTES, backlog=MOST_CONNECTIONS
            )
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stop listening, let commands under way be answered, end what is connected, remove the socket.

        A socket that cannot be removed (a read-only disk) is replaced at the next start.
        """
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for task, writer in list(self._connections.items()):
            if task not in self._busy:
                writer.close()  # its reader then finds the end; cancelling would be reported as a fault of ours
        if self._connections:
            await asyncio.wait(self._connections, timeout=GRACE_S)
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._connections[task] = writer
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, ValueError):
            pass  # the client went away, waited too long, or sent a line without an end
        finally:
            del self._connections[task]
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_S):
                line = await reader.readline()
            if not line.endswith(b"\n"):
                return
            await self._answer(line, writer)

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            writer.write(await self._answered(line))
            async with asyncio.timeout(IDLE_S):
                await writer.drain()
        finally:
            self._busy.discard(task)
        if self._server is None:
            writer.close()

    async def _answered(self, line: bytes) -> bytes:
        try:
            call = protocol.decode_call(line)
        except ValueError as error:
            return protocol.encode_not_done(f"the gateway does not know this command: {error}")
        try:
            return protocol.encode_reply(await self._desk.handle(call.request, call.by))
        except NotDone as error:
            return protocol.encode_not_done(str(error))
        except Exception as error:
            self._bug("control", error)
            return protocol.encode_not_done(
                f"the gateway met a bug of its own ({type(error).__name__}); its log has more"
            )


def _make_private_folder(path: Path) -> None:
    """The folder for a socket whose own place has too long a name. Raises OSError if somebody else owns it."""
    if path.parent.exists() and not path.parent.name.startswith("posthorse-"):
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    found = path.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{path.parent} is not a private folder of this user; remove it")
