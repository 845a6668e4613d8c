"""Answers: the few shapes in which plain ASGI pages reply."""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application (ASGI 3, HTTP only)."""


async def answer(
    send: Send,
    status: int,
    body: bytes,
    content_type: str,
    *more: tuple[bytes, bytes],
    head: bool = False,
) -> None:
    """One complete response; `head`: without its body."""
    headers = [
        (b"content-type", content_type.encode("ascii")),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


async def answer_json(send: Send, status: int, content: object, *, head: bool = False) -> None:
    """One JSON document."""
    await answer(send, status, msgspec.json.encode(content), "application/json", head=head)


async def problem(send: Send, status: int, detail: str, *more: tuple[bytes, bytes], head: bool = False) -> None:
    """Why not, for programs and people (RFC 9457)."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    await answer(send, status, msgspec.json.encode(content), "application/problem+json", *more, head=head)
