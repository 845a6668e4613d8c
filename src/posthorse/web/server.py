"""The HTTP server: uvicorn inside our own event loop.

Promise: signals, logging and the end of the process stay ours; a port that cannot be had raises OSError instead of
ending the process; a client cannot claim another address by a header. Left out: HTTP/2, websockets, access log.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from uvicorn import Config, Server

from posthorse.asgi import App
from posthorse.web.bounded_head import BoundedHeadProtocol
from posthorse.web.crowd import Crowd

_LOGGER = logging.getLogger("uvicorn")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.propagate = False
"""What uvicorn has to say comes from clients' nonsense; bugs in pages are told by the router."""

KEEP_ALIVE_S = 30
GRACE_S = 5
SOCKET_MODE = 0o660
"""Of a unix socket: for the gateway's own user and group."""
MOST_CONNECTIONS = 2_000
"""Open connections of one listener; beyond it somebody gives way, or the answer is 503."""
MOST_OF_ONE_PEER = 500
"""Of those from one address, unless it is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What TLS is served with, both in PEM."""

    chain: Path
    key: Path


class _OurServer(Server):
    """uvicorn without a hand on the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon."""
        yield


class HttpServing:
    """A server that answers until it is closed."""

    def __init__(self, server: _OurServer) -> None:
        self._server = server
        self._ticking: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens at, also when any free one was asked for."""
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises OSError."""
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        try:
            await self._server.startup()
        except SystemExit as ended:
            cause = ended.__context__
            raise cause if isinstance(cause, OSError) else OSError("the HTTP server did not start") from None
        self._ticking = asyncio.get_running_loop().create_task(self._server.main_loop())

    async def close(self) -> None:
        """Stop listening, let requests under way finish for a few seconds, then close everything."""
        if self._ticking is None:
            return
        self._server.should_exit = True
        self._ticking.cancel()  # it may sleep for another 0.1 s
        await asyncio.wait({self._ticking})
        self._ticking = None
        await self._server.shutdown()


async def serve_http(
    app: App,
    host: str,
    port: int,
    certificate: Certificate | None = None,
    path: str = "",
    most_of_one_peer: Callable[[], int] = lambda: MOST_OF_ONE_PEER,
) -> HttpServing:
    """Serve an ASGI application; port 0: any free one; `path`: at this unix socket instead; `most_of_one_peer`:
    connections from one address, as it is set now. Raises OSError if the address cannot be had.
    """

    class Protocol(BoundedHeadProtocol):
        crowd = Crowd(MOST_CONNECTIONS, most_of_one_peer)

    config = Config(
        app,
        host=host,
        port=port,
        uds=path or None,
        loop="none",
        http=Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=2 * MOST_CONNECTIONS,  # the crowd keeps to less, but for those just being told so
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=certificate.chain if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )
    serving = HttpServing(_OurServer(config))
    await serving.start()
    if path:
        _keep_to_ourselves(Path(path))
    return serving


def _keep_to_ourselves(path: Path) -> None:
    """Take back what uvicorn gives: it lets everybody on the machine open its sockets."""
    path.chmod(SOCKET_MODE)
