"""Requests and answers of HTTP/1.1 as the lab's servers need them.

Duty: cut requests out of a byte stream and write answers. Promise: a malformed request raises `BadRequest` once, and
the connection is then useless. Left out: chunked answers, TLS, routes; bodies are bounded by `BODY_LIMIT`.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import httptools

BODY_LIMIT = 64 << 20
"""Bytes."""


class BadRequest(Exception):
    """What came is not HTTP, or too large."""


@dataclass(slots=True, kw_only=True)
class Request:
    """One complete request."""

    method: str = ""
    target: str = ""
    """Path and query, as sent."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Names in lower case, in the order sent."""
    body: bytes = b""
    keeps_open: bool = True

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """Decoded query, of a repeated name the last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def header(self, name: str) -> str:
        """First value of a header, its name in lower case; empty: not given."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, always with a Content-Length."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def render(self, *, close: bool = False) -> bytes:
        """The bytes on the wire."""
        head = f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\nContent-Type: {self.content_type}\r\n"
        head += f"Content-Length: {len(self.body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        head += "Connection: close\r\n" if close else ""
        return head.encode() + b"\r\n" + self.body


def json_answer(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An answer whose body is JSON."""
    return Answer(status=status, body=json.dumps(value).encode(), headers=headers)


class RequestReader:
    """Cuts requests out of the bytes of one connection."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._current = Request()
        self._body: list[bytes] = []
        self._body_bytes = 0
        self.complete: deque[Request] = deque()
        """Requests that came whole, oldest first; the caller takes them away."""
        self.expects_continue = False
        """The client waits for `100 Continue` before it sends the body; the caller says it and clears this."""

    def feed(self, data: bytes) -> None:
        """Take bytes. Raises `BadRequest`."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise BadRequest(str(error)) from error

    # --- what httptools calls ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._current, self._body, self._body_bytes = Request(), [], 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._current.target += url.decode("ascii", "replace")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._current.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The body comes next."""
        self.expects_continue = self._current.header("expect").lower() == "100-continue"

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > BODY_LIMIT:
            raise BadRequest(f"a body of more than {BODY_LIMIT} bytes")
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._current.method = self._parser.get_method().decode("ascii")
        self._current.body = b"".join(self._body)
        self._current.keeps_open = self._parser.should_keep_alive()
        self.expects_continue = False
        self.complete.append(self._current)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
