"""One request to a hook: its header fields and body within bounds, and the few answers it may get (plain ASGI 3).

Promise: nobody is read from for longer than `READ_WITHIN_S` or beyond `MOST_BYTES`; an answer holds nothing of the
request. Left out: what the request means (`inbox`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BYTES = 1 << 20
"""Of one body: SNS carries 256 KB of message, SendGrid posts less than 1 MB, Postmark a single event."""
READ_WITHIN_S = 10.0


class NotRead(Exception):
    """The request was given up; `why` is a word for the metric, `status` what to answer."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


def headers_of(scope: Scope) -> Mapping[str, str]:
    """Fields by name in lower case; of one given twice the values joined by `, `."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def announced_bytes(headers: Mapping[str, str]) -> int:
    """How much the body will be, as far as its sender says; unsaid: as much as there may be. Raises `NotRead`."""
    length = headers.get("content-length", "")
    size = int(length) if length.isascii() and length.isdigit() and len(length) <= 12 else MOST_BYTES
    if size > MOST_BYTES:
        raise NotRead("too_large", 413)
    return size


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises `NotRead`."""
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise NotRead("cut_off", 400)
                piece = message.get("body", b"")
                size += len(piece)
                if size > MOST_BYTES:
                    raise NotRead("too_large", 413)
                pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise NotRead("cut_off", 408) from None


_WORDS: Mapping[int, bytes] = {
    200: b"kept\n",
    400: b"not a whole request\n",
    401: b"credentials are needed\n",
    403: b"not taken\n",
    404: b"there is no such hook\n",
    405: b"POST only\n",
    408: b"too slow\n",
    413: b"too large\n",
    500: b"something went wrong here\n",
    503: b"not now\n",
}
_MORE: Mapping[int, tuple[tuple[bytes, bytes], ...]] = {
    401: ((b"www-authenticate", b'Basic realm="posthorse", charset="UTF-8"'),),
    405: ((b"allow", b"POST"),),
    503: ((b"retry-after", b"30"),),
}


async def answer(send: Send, status: int) -> None:
    """The whole response."""
    body = _WORDS[status]
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *_MORE.get(status, ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
