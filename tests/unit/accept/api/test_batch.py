"""Several messages in one request: each is taken or refused for itself, and nobody waits for all of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from posthorse.mail.carriage import Carriage
from posthorse.spool.desk_port import Selector
from tests.unit.accept.api.desk import MESSAGE, Desk

Run = Callable[[Any], Any]


def test_a_batch_takes_or_refuses_each_for_itself(run: Run) -> None:
    """In order, each with its receipt or its problem; a hundred at most."""

    async def story() -> None:
        desk = Desk()
        broken = [MESSAGE, MESSAGE | {"to": ["nobody"]}, 7, {"template": "x"}, MESSAGE | {"subject": "last"}]
        answered = await desk.send({"messages": broken}, to="messages/batch")
        assert answered.status == 200
        told = answered.json
        assert (told["accepted"], told["refused"]) == (2, 3)
        assert [result["status"] for result in told["results"]] == [202, 422, 422, 422, 202]
        assert told["results"][1]["problem"]["field"] == "to[0]"
        assert len(await desk.spool.select(Selector(), 10)) == 2
        answered = await desk.send({"messages": [MESSAGE] * 100}, to="messages/batch")
        assert answered.json["accepted"] == 100
        bad: list[Any] = [{"messages": [MESSAGE] * 101}, {"messages": []}, {}, [], {"messages": [MESSAGE], "more": 1}]
        for body in bad:
            refused = await desk.send(body, to="messages/batch")
            assert (refused.status, refused.json["code"]) == (422, "invalid_field")

    run(story())


def test_messages_of_a_batch_share_a_commit(run: Run) -> None:
    """Twenty wait for the spool together, and not one after the other; the answer keeps their order."""

    async def story() -> None:
        desk = Desk()
        desk.gate = asyncio.Event()
        mail = [MESSAGE | {"subject": str(number), "text": "x" * 9_000} for number in range(20)]
        mail[7] = MESSAGE | {"to": ["nobody"]}
        sending = asyncio.ensure_future(desk.send({"messages": mail}, to="messages/batch"))
        for _ in range(200):
            await asyncio.sleep(0)
        assert desk.waiting == 19
        desk.gate.set()
        told = (await sending).json
        assert [result["status"] for result in told["results"]] == [202] * 7 + [422] + [202] * 12
        stored = {view.message.id.hex() for view in await desk.spool.select(Selector(), 100)}
        assert {result["receipt"]["id"] for result in told["results"] if "receipt" in result} == stored

    run(story())


@pytest.mark.parametrize("text", ["e" * 1_000, "e" * 200_000, "e" * 800_000, "\u00e9" * 400_000, "=" * 100_000])
def test_messages_of_a_batch_are_stored_in_their_order(run: Run, text: str) -> None:
    """However large the first one is, the later of two with one supersede key withdraws it, and not the other way."""

    async def story() -> None:
        desk = Desk()
        old, new = MESSAGE | {"text": text, "supersede_key": "k"}, MESSAGE | {"supersede_key": "k"}
        told = (await desk.send({"messages": [old, new]}, to="messages/batch")).json
        first, second = (result["receipt"]["id"] for result in told["results"])
        states = {one.message.id.hex(): one.carriage for one in await desk.spool.select(Selector(), 10)}
        assert states == {first: Carriage.SUPERSEDED, second: Carriage.QUEUED}

    run(story())


def test_a_bug_in_one_message_of_a_batch_is_told_and_leaves_nobody_behind(run: Run) -> None:
    """500 as for one message; no task of the batch goes on unseen, and the room is free again."""

    async def story() -> None:
        desk = Desk()
        desk.down = ZeroDivisionError("secret")
        answered = await desk.send({"messages": [MESSAGE] * 5}, to="messages/batch")
        assert (answered.status, answered.json["code"]) == (500, "bug")
        assert len(desk.told.bugs) == 1
        assert desk.reception.held_bytes == desk.reception.pending == 0
        assert len(asyncio.all_tasks()) == 1

    run(story())
