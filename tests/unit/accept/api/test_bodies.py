"""Bodies of requests: bounded in size and time, within the room that all fronts share, and given back."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.reception import ReceptionLimits
from posthorse.spool.desk_port import Selector
from tests.unit.accept.api.desk import MESSAGE, Answered, Desk, basic

Run = Callable[[Any], Any]


async def ask_in_pieces(desk: Desk, pieces: list[bytes | None], declared: int | None = None) -> Answered | None:
    """POST a message that comes piece by piece; None among the pieces: nothing more comes, or the client leaves."""
    said: list[Any] = []
    coming = iter(pieces)

    async def receive() -> dict[str, Any]:
        piece = next(coming, b"")
        if piece is None:
            await asyncio.Event().wait()
        if piece == b"gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"authorization", basic().encode()), (b"content-type", b"application/json")]
    if declared is not None:
        headers.append((b"content-length", str(declared).encode()))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/messages",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }
    await desk.api(scope, receive, send)
    if not said:
        return None
    return Answered(said[0]["status"], {}, said[1]["body"])


def test_a_body_in_pieces_is_read_whole(run: Run) -> None:
    """Whatever the pieces, with or without a declared length."""

    async def story() -> None:
        desk = Desk()
        octets = msgspec.json.encode(MESSAGE)
        answered = await ask_in_pieces(desk, [octets[at : at + 7] for at in range(0, len(octets), 7)])
        assert answered is not None
        assert answered.status == 202
        assert desk.reception.held_bytes == 0

    run(story())


def test_what_is_too_large_is_refused_before_it_is_held(run: Run) -> None:
    """By its declared length at once, without one when the bound is reached."""

    async def story() -> None:
        desk = Desk(AdmissionPolicy(max_size_bytes=3_000))
        declared = await ask_in_pieces(desk, [None], declared=2_000_000)
        assert declared is not None
        assert (declared.status, declared.json["code"]) == (413, "too_big")
        endless = await ask_in_pieces(desk, [b" " * 100_000] * 100)
        assert endless is not None
        assert (endless.status, endless.json["code"]) == (413, "too_big")
        assert desk.reception.held_bytes == 0

    run(story())


def test_a_body_that_does_not_come_is_given_up(run: Run) -> None:
    """408, and its room is free again."""

    async def story() -> None:
        desk = Desk()
        desk.reception.limits = ReceptionLimits(idle_s=0.01)
        answered = await ask_in_pieces(desk, [b'{"from":', None])
        assert answered is not None
        assert (answered.status, answered.json["code"]) == (408, "request_timeout")
        assert desk.told.timeouts == 1
        assert desk.reception.held_bytes == 0

    run(story())


def test_a_client_that_leaves_is_not_answered(run: Run) -> None:
    """Nothing is stored of half a request, and nothing is said."""

    async def story() -> None:
        desk = Desk()
        assert await ask_in_pieces(desk, [msgspec.json.encode(MESSAGE), b"gone"]) is None
        assert not await desk.spool.select(Selector(), 1)
        assert desk.reception.held_bytes == 0

    run(story())


def test_all_requests_share_one_room(run: Run) -> None:
    """When it is full the answer is to come back later."""

    async def story() -> None:
        desk = Desk()
        desk.reception.limits = ReceptionLimits(room_bytes=1_000)
        desk.reception.held_bytes = 990
        answered = await ask_in_pieces(desk, [msgspec.json.encode(MESSAGE)])
        assert answered is not None
        assert (answered.status, answered.json["code"]) == (503, "overload")
        assert desk.reception.held_bytes == 990

    run(story())


def test_nobody_unknown_has_a_body_read(run: Run) -> None:
    """Without credentials, at a path that is not there, by a method that is not taken."""

    async def story() -> None:
        desk = Desk()

        async def never() -> dict[str, Any]:
            raise AssertionError("the body was read")

        for method, path, authorization, status in (
            ("POST", "/api/v1/messages", b"Basic eDp5", 401),
            ("POST", "/api/v1/nothing", basic().encode(), 404),
            ("PUT", "/api/v1/messages", basic().encode(), 405),
            ("GET", "/api/v1/messages", basic().encode(), 200),
        ):
            said: list[Any] = []

            async def send(message: Any, said: list[Any] = said) -> None:
                said.append(message)

            scope = {
                "type": "http",
                "method": method,
                "path": path,
                "query_string": b"",
                "headers": [(b"authorization", authorization)],
                "client": ("127.0.0.1", 1),
                "scheme": "http",
            }
            await desk.api(scope, never, send)
            assert said[0]["status"] == status
        assert desk.told.bugs == []

    run(story())


def test_too_many_escapes_are_called_by_their_name(run: Run) -> None:
    """A text of letters by their numbers is not "so many values": the field and the remedy are told."""

    async def story() -> None:
        body = msgspec.json.encode(MESSAGE | {"text": "~~"}).replace(b"~~", b"\\u0161" * 3_000_001)
        answered = await Desk().send(body)
        assert (answered.status, answered.json["code"], answered.json["field"]) == (413, "too_big", "text")
        assert "escapes" in answered.json["detail"]
        assert "UTF-8" in answered.json["detail"]

    run(story())
