"""Answers: the few shapes in which our own pages reply."""

from http import HTTPStatus

import msgspec

from posthorse.asgi import Send, answer


async def answer_json(send: Send, status: int, content: object, *, head: bool = False) -> None:
    """One JSON document."""
    await answer(send, status, msgspec.json.encode(content), "application/json", head=head)


async def problem(send: Send, status: int, detail: str, *more: tuple[bytes, bytes], head: bool = False) -> None:
    """Why not, for programs and people (RFC 9457)."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    await answer(send, status, msgspec.json.encode(content), "application/problem+json", *more, head=head)
