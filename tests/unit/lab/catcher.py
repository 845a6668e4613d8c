"""A catcher of notifications for one test: remembers every request, and answers as told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from posthorse.lab.http_words import Answer, Request, RequestReader


class Catcher:
    """What came; `answers` are given in turn, the last for good."""

    def __init__(self, answers: tuple[int, ...] = (200,)) -> None:
        self.requests: list[Request] = []
        self.url = ""
        self._answers = answers
        self._news = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Catcher"]:
        """Serve on a port of 127.0.0.1."""
        server = await asyncio.get_running_loop().create_server(lambda: _Line(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/name"
        try:
            yield self
        finally:
            server.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when something came that makes this true."""
        async with asyncio.timeout(20):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def take(self, request: Request) -> int:
        """Remember it; the status to answer."""
        status = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        self._news.set()
        return status


class _Line(asyncio.Protocol):
    def __init__(self, catcher: Catcher) -> None:
        self._catcher = catcher
        self._reader = RequestReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while self._reader.complete:
            self._transport.write(Answer(status=self._catcher.take(self._reader.complete.popleft())).render())
