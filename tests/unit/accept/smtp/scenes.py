"""A server on real sockets for tests: run a scene against it, and see that nothing of it is left."""

import ssl
from base64 import b64encode
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from posthorse.accept.smtp.server import SmtpServer
from tests.unit.accept.kit import PASSWORD, USER, listening

T = TypeVar("T")

Run = Callable[[Coroutine[Any, Any, T]], T]

Tls = tuple[ssl.SSLContext, ssl.SSLContext]

LOGIN = b"AUTH PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode())


def scene_of(run: Run[Any], server: SmtpServer, act: Callable[[int], Coroutine[Any, Any, T]], **tls: Any) -> T:
    """Run `act` against a listening server; afterwards nothing of it is left."""

    async def scene() -> T:
        async with listening(server, **tls) as port:
            done = await act(port)
        assert server.receiving_bytes == 0
        assert server.pending_commits == 0
        assert server._connections == set()
        assert not server._per_peer
        return done

    result: T = run(scene())
    return result
