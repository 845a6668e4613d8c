"""Idempotency keys of the native API: one key never sends twice, and an error leaves it free."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from posthorse.spool.desk_port import Selector
from posthorse.spool.port import SpoolUnavailable
from tests.unit.accept.api.desk import MESSAGE, OTHER_KEY, OTHER_SECRET, Desk, basic

Run = Callable[[Any], Any]


async def messages(desk: Desk) -> int:
    """How many are stored."""
    return len({view.message.id for view in await desk.spool.select(Selector(), 1_000)})


def test_the_same_request_again_gets_the_first_receipt(run: Run) -> None:
    """Marked as a repetition; another body under the key is refused; nothing is sent twice."""

    async def story() -> None:
        desk = Desk()
        first = await desk.send(key="order 7")
        again = await desk.send(key="order 7")
        assert (again.status, again.json) == (202, first.json)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        other = await desk.send(MESSAGE | {"subject": "Other"}, key="order 7")
        assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
        assert await messages(desk) == 1

    run(story())


def test_mime_is_told_apart_by_its_query_too(run: Run) -> None:
    """The envelope in the query is part of what was asked for."""

    async def story() -> None:
        desk = Desk()
        mail = b"From: a@example.com\n\nx\n"
        to_b, to_c = "to=b%40example.net", "to=c%40example.net"
        first = await desk.send_mime(mail, to_b, idempotency_key="k")
        assert (await desk.send_mime(mail, to_b, idempotency_key="k")).json == first.json
        assert (await desk.send_mime(mail, to_c, idempotency_key="k")).status == 422
        assert await messages(desk) == 1

    run(story())


def test_fifty_twins_at_once_send_once(run: Run) -> None:
    """While the first is worked on the others are told so; later they get its receipt."""

    async def story() -> None:
        desk = Desk()
        desk.gate = asyncio.Event()
        twins = [asyncio.create_task(desk.send(key="twin")) for _ in range(50)]
        for _ in range(5):
            await asyncio.sleep(0)
        desk.gate.set()
        answers = await asyncio.gather(*twins)
        assert sorted(answered.status for answered in answers) == [202] + [409] * 49
        assert {answered.json["code"] for answered in answers if answered.status == 409} == {
            "idempotency_key_in_flight"
        }
        assert await messages(desk) == 1
        assert (await desk.send(key="twin")).headers["idempotent-replayed"] == "true"

    run(story())


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("k", 202),
        ("k" * 256, 202),
        ("k" * 257, 400),
        ("a b", 202),
        (" a", 400),
        ("", 400),
        ("a\r\nb", 400),
        ("a\x00", 400),
        ("\xe4", 400),
    ],
)
def test_keys_are_printable_and_bounded(run: Run, key: str, status: int) -> None:
    """1 to 256 printable ASCII characters; anything else is refused, not cut."""

    async def story() -> None:
        answered = await Desk().send(idempotency_key=key)
        assert answered.status == status
        if status == 400:
            assert answered.json["code"] == "idempotency_key_invalid"

    run(story())


def test_a_key_belongs_to_its_tenant(run: Run) -> None:
    """Another tenant may use the same one for something else."""

    async def story() -> None:
        desk = Desk()
        first = await desk.send(key="k")
        other = await desk.send(MESSAGE | {"subject": "x"}, key="k", authorization=basic(OTHER_KEY, OTHER_SECRET))
        assert (first.status, other.status) == (202, 202)
        assert await messages(desk) == 2

    run(story())


def test_a_key_is_kept_for_a_day(run: Run) -> None:
    """A second before its end it still counts, a second after it a new message is sent."""

    async def story() -> None:
        desk = Desk()
        first = await desk.send(key="k")
        desk.clock.advance(86_400 - 1)
        assert (await desk.send(key="k")).json == first.json
        desk.clock.advance(2)
        later = await desk.send(key="k")
        assert later.status == 202
        assert later.json != first.json
        assert await messages(desk) == 2

    run(story())


def test_a_crash_between_storing_and_answering_is_no_second_message(run: Run) -> None:
    """The client saw an error; its repetition finds the receipt."""

    async def story() -> None:
        desk = Desk()
        desk.lose_answer = True
        assert (await desk.send(key="k")).status == 503
        desk.lose_answer = False
        again = await desk.send(key="k")
        assert (again.status, again.headers["idempotent-replayed"]) == (202, "true")
        assert await messages(desk) == 1

    run(story())


def test_errors_are_not_remembered(run: Run) -> None:
    """The key is free again after a refusal or a failure, for another request too."""

    async def story() -> None:
        desk = Desk()
        assert (await desk.send(MESSAGE | {"to": ["nobody"]}, key="k")).status == 422
        desk.down = SpoolUnavailable("no")
        assert (await desk.send(key="k")).status == 503
        desk.down = ZeroDivisionError()
        assert (await desk.send(key="k")).status == 500
        desk.down = None
        assert (await desk.send(key="k")).status == 202

    run(story())


def test_a_batch_again_sends_what_is_missing(run: Run) -> None:
    """Each message has a key of its own: what was accepted is replayed, what was refused may be mended."""

    async def story() -> None:
        desk = Desk()
        batch = {"messages": [MESSAGE, MESSAGE | {"to": ["nobody"]}, MESSAGE]}
        first = await desk.send(batch, key="b", to="messages/batch")
        assert [one["status"] for one in first.json["results"]] == [202, 422, 202]
        mended = {"messages": [MESSAGE, MESSAGE | {"to": ["bob@example.net"]}, MESSAGE | {"subject": "Other"}]}
        again = await desk.send(mended, key="b", to="messages/batch")
        results = again.json["results"]
        assert [one["status"] for one in results] == [202, 202, 422]
        assert [one["replayed"] for one in results] == [True, False, False]
        assert results[0]["receipt"] == first.json["results"][0]["receipt"]
        assert results[2]["problem"]["code"] == "idempotency_key_reused"
        assert await messages(desk) == 3

    run(story())


def test_a_key_is_good_for_one_request_single_or_batch(run: Run) -> None:
    """The key of a message is no key for a batch, not even of the same message, nor the other way round."""

    async def story() -> None:
        desk = Desk()
        single = await desk.send(key="one")
        refused = await desk.send({"messages": [MESSAGE, MESSAGE]}, key="one", to="messages/batch")
        codes = [one["problem"]["code"] for one in refused.json["results"]]
        assert codes == ["idempotency_key_reused", "idempotency_key_reused"]
        assert (await desk.send(key="one")).json == single.json
        assert await messages(desk) == 1

        batch = {"messages": [MESSAGE | {"to": ["nobody"]}, MESSAGE]}
        assert (await desk.send(batch, key="many", to="messages/batch")).json["accepted"] == 1
        assert (await desk.send(key="many")).status == 422
        assert await messages(desk) == 2

    run(story())


def test_a_batch_lost_halfway_goes_on_where_it_was(run: Run) -> None:
    """What was stored before a crash is replayed, the rest is sent under the same key."""

    async def story() -> None:
        desk = Desk()
        half = {"messages": [MESSAGE] * 2}
        whole = {"messages": [MESSAGE] * 4}
        desk.lose_answer = True
        assert (await desk.send(half, key="b", to="messages/batch")).json["accepted"] == 0
        desk.lose_answer = False
        results = (await desk.send(whole, key="b", to="messages/batch")).json["results"]
        assert [one["replayed"] for one in results] == [True, True, False, False]
        assert await messages(desk) == 4

    run(story())
