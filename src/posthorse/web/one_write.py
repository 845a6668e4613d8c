"""Answers in one write: what uvicorn gives to the socket in two pieces, head and body, goes there as one.

Each write costs a system call, on loopback as much as a small answer does to make, and a packet. Promise: order and
bytes stay the same; a head whose body is not there yet leaves at the next turn of the loop. Left out: everything else
about a connection, which the transport itself is asked.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1."


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, its writes joined."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with our transport around the real one."""
        joined = OneWrite(cast(asyncio.Transport, transport), asyncio.get_running_loop())
        super().connection_made(cast(asyncio.Transport, joined))


class OneWrite:
    """Stands for a transport."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Send bytes; a head waits for what follows it in the same turn."""
        if self._held:
            data, self._held = self._held + data, b""
        elif data.startswith(_HEAD):
            self._held = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """End it, once everything is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        """Whatever else a transport can do."""
        return getattr(self._transport, name)
