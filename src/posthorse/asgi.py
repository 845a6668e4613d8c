"""ASGI, as far as several rooms speak it: the shapes of version 3 (HTTP only), a body read in time, an answer in whole.

Promise: whoever reads here is given every piece of a body and its end, or learns that there will be none: the client
left, or was too slow. How much is kept of it is up to the reader.

Left out: what requests mean; connections (`posthorse.web.server`).
Source: the ASGI specification, "HTTP & WebSocket ASGI Message Format" 2.5.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""
Fields = Sequence[tuple[bytes, bytes]]
"""Header fields as they stand on the wire."""


class ClientGone(Exception):
    """The client left before its request was complete: nobody is there to be answered."""


def declared_bytes(content_length: bytes) -> int | None:
    """What a Content-Length says; None: nothing that could be meant."""
    return int(content_length) if content_length.isdigit() and len(content_length) < 16 else None


async def read_body(
    receive: Receive, take: Callable[[bytes], None], *, idle_s: float, whole_s: float, least_bytes_per_s: float = 0.0
) -> None:
    """Hand over every piece of a body, for at most `idle_s` without a byte and `whole_s` in all.

    With `least_bytes_per_s` whoever falls behind it by more than `idle_s` is given up, too.
    What `take` raises ends it. Raises `ClientGone`, and `TimeoutError` for a body that does not come in time.
    """
    clock = asyncio.get_running_loop().time
    began_s = clock()
    ends_s = began_s + whole_s
    got_bytes = 0
    async with asyncio.timeout(min(idle_s, whole_s)) as patience:
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientGone
            piece = message.get("body", b"")
            take(piece)
            if not message.get("more_body"):
                return
            if piece:
                got_bytes += len(piece)
                keeps_up_s = began_s + idle_s + got_bytes / least_bytes_per_s if least_bytes_per_s else ends_s
                patience.reschedule(min(clock() + idle_s, keeps_up_s, ends_s))


async def respond(send: Send, status: int, headers: Fields, body: bytes) -> None:
    """One whole response with just these header fields."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer(
    send: Send, status: int, body: bytes, content_type: str, *more: tuple[bytes, bytes], head: bool = False
) -> None:
    """One whole response that nobody keeps or guesses about; `head`: without its body."""
    headers = [
        (b"content-type", content_type.encode("ascii")),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await respond(send, status, headers, b"" if head else body)
