"""One request to a hook: its header fields and body within bounds, and the few answers it may get (plain ASGI 3).

Promise: nobody is read from for longer than `READ_WITHIN_S` or beyond `MOST_BYTES`; an answer holds nothing of the
request. Left out: what the request means (`inbox`).
"""

from collections.abc import Mapping

from posthorse import asgi
from posthorse.asgi import ClientGone, Receive, Scope, Send

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
    declared = asgi.declared_bytes(headers.get("content-length", "").encode("latin-1"))
    size = MOST_BYTES if declared is None else declared
    if size > MOST_BYTES:
        raise NotRead("too_large", 413)
    return size


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises `NotRead`."""
    body = bytearray()

    def take(piece: bytes) -> None:
        if len(body) + len(piece) > MOST_BYTES:
            raise NotRead("too_large", 413)
        body.extend(piece)

    try:
        await asgi.read_body(receive, take, idle_s=READ_WITHIN_S, whole_s=READ_WITHIN_S)
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


async def answer(send: Send, status: int) -> None:
    """The whole response."""
    await asgi.answer(send, status, _WORDS[status], "text/plain; charset=utf-8", *_MORE.get(status, ()))
