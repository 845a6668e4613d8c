"""A client and a server in the simulated network, remembering all they are told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from posthorse.lab.world.host import Host
from posthorse.lab.world.loop import WorldLoop, run_world
from posthorse.lab.world.network import Network

T = TypeVar("T")


class Ear(asyncio.Protocol):
    """Remembers everything it was told, in order."""

    def __init__(self, *, keeps_half_open: bool = False) -> None:
        self.heard: list[str] = []
        self.data = b""
        self.pieces: list[int] = []
        self.error: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self.keeps_half_open = keeps_half_open
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.heard.append("made")

    def data_received(self, data: bytes) -> None:
        """Remember bytes and where they were cut."""
        self.data += data
        self.pieces.append(len(data))
        if self.heard[-1] != "data":
            self.heard.append("data")

    def eof_received(self) -> bool:
        """Remember the end of input."""
        self.heard.append("eof")
        return self.keeps_half_open

    def pause_writing(self) -> None:
        """Remember."""
        self.heard.append("pause")

    def resume_writing(self) -> None:
        """Remember."""
        self.heard.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember the end and its reason."""
        self.heard.append("lost")
        self.error = exc
        self.lost.set_result(None)


class Pair:
    """A server on host `s`, a client connected from host `c`."""

    def __init__(self, loop: WorldLoop) -> None:
        self.loop = loop
        self.network = Network(loop)
        self.server_host = Host(self.network, "s")
        self.client_host = Host(self.network, "c")
        self.served: list[Ear] = []

    async def listen(self, *, keeps_half_open: bool = False) -> None:
        """Start the server's process."""

        def factory() -> Ear:
            self.served.append(Ear(keeps_half_open=keeps_half_open))
            return self.served[-1]

        async def serve() -> None:
            await self.loop.create_server(factory, port=25)

        self.server_host.start(serve)
        await asyncio.sleep(0.01)

    async def call(self) -> Ear:
        """Connect from the client's process."""
        ears: list[Ear] = []

        async def connect() -> None:
            _, ear = await self.loop.create_connection(Ear, "s", 25)
            ears.append(ear)

        self.client_host.start(connect)
        await asyncio.sleep(0.01)
        return ears[0]

    async def connected(self) -> tuple[Ear, Ear]:
        """Client's and server's ends."""
        await self.listen()
        return await self.call(), self.served[0]


def in_pair(story: Callable[[Pair], Awaitable[T]], seed: int = 1) -> T:
    """Tell a story between a client and a server."""

    async def main(loop: WorldLoop) -> T:
        return await story(Pair(loop))

    return run_world(main, seed, until_s=3_600)


def way(ear: Ear) -> asyncio.Transport:
    """The transport of an end."""
    assert ear.transport is not None
    return ear.transport
