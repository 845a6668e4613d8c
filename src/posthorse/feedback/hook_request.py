"""One request to a hook: its header fields and body within bounds, and the few answers it may get (plain ASGI 3).

Promise: nobody is read from for longer than `READ_WITHIN_S`, slower than `LEAST_BYTES_PER_S` or beyond `MOST_BYTES`; an
answer holds nothing of the request. Left out: what the request means (`inbox`), and who has room for it (`hook_room`).
"""

from collections.abc import Callable, Mapping

from posthorse import asgi
from posthorse.asgi import ClientGone, Receive, Scope, Send

MOST_BYTES = 1 << 20
"""Of one body: SNS carries 256 KB of message, SendGrid posts less than 1 MB, Postmark a single event."""
READ_WITHIN_S = 10.0
IDLE_S = 3.0
"""Without a byte; so far may a body fall behind its pace, too."""
LEAST_BYTES_PER_S = 32 << 10


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


def refuse_too_large(headers: Mapping[str, str]) -> None:
    """A body that is too large as its sender says himself is not read. Raises `NotRead`."""
    declared = asgi.declared_bytes(headers.get("content-length", "").encode("latin-1"))
    if declared is not None and declared > MOST_BYTES:
        raise NotRead("too_large", 413)


async def read_body(receive: Receive, hold: Callable[[int], None]) -> bytes:
    """The whole body; `hold` is told how many bytes came before they are kept. Raises `NotRead`, and what it does."""
    body = bytearray()

    def take(piece: bytes) -> None:
        if len(body) + len(piece) > MOST_BYTES:
            raise NotRead("too_large", 413)
        hold(len(piece))
        body.extend(piece)

    try:
        await asgi.read_body(receive, take, idle_s=IDLE_S, whole_s=READ_WITHIN_S, least_bytes_per_s=LEAST_BYTES_PER_S)
    except ClientGone:
        raise NotRead("cut_off", 400) from None
    except TimeoutError:
        raise NotRead("cut_off", 408) from None
    return bytes(body)


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
_CLOSE = (b"connection", b"close")


async def answer(send: Send, status: int, *, unread: bool = False) -> None:
    """The whole response; `unread`: the body was not read to its end, so nothing can follow on the connection."""
    more = (*_MORE.get(status, ()), *((_CLOSE,) if unread else ()))
    await asgi.answer(send, status, _WORDS[status], "text/plain; charset=utf-8", *more)
