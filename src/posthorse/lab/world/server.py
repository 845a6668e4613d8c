"""A listening port of the simulated network, with the surface of asyncio's own server."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context

from posthorse.lab.world.life import LIFE
from posthorse.lab.world.loop import WorldLoop
from posthorse.lab.world.transport import WorldTransport


class BoundName:
    """Stands for a listening socket: only its address can be asked."""

    def __init__(self, name: tuple[str, int]) -> None:
        self._name = name

    def getsockname(self) -> tuple[str, int]:
        """Address and port."""
        return self._name


class WorldServer(asyncio.AbstractServer):
    """One listening port. Belongs to the process that made it and dies with it."""

    def __init__(
        self,
        loop: WorldLoop,
        factory: Callable[[], asyncio.BaseProtocol],
        name: tuple[str, int],
        unlisten: Callable[[], object],
    ) -> None:
        self._loop = loop
        self._factory = factory
        self._unlisten = unlisten
        self._serving = True
        self._ended: asyncio.Future[None] | None = None
        self.sockets = (BoundName(name),)
        self.context = copy_context()
        self.life = self.context.get(LIFE)

    def welcome(self, transport: WorldTransport) -> None:
        """The kernel completed a connection: the process hears of it when it next runs."""
        self._loop.call_soon(transport.open, self._factory, context=transport.context)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The world's loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether new connections are taken."""
        return self._serving

    async def start_serving(self) -> None:
        """Serving began with the making."""

    async def serve_forever(self) -> None:
        """Wait until `close`, which cancels, as asyncio does."""
        self._ended = self._loop.create_future()
        try:
            await self._ended
        finally:
            self.close()

    def close(self) -> None:
        """Take no new connection; those there are stay."""
        if self._serving:
            self._serving = False
            self._unlisten()
        if self._ended is not None and not self._ended.done():
            self._ended.cancel()

    async def wait_closed(self) -> None:
        """Connections are not waited for, as before Python 3.12."""
