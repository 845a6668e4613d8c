"""Room at the hooks: who finds a place, who waits for one, and what strangers cannot take."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.feedback import hook_room
from posthorse.feedback.hook_request import NotRead
from posthorse.feedback.hook_room import (
    HELD_OF_ONE_STRANGER_BYTES,
    HELD_OF_STRANGERS_BYTES,
    MOST_AT_ONCE,
    MOST_HELD_BYTES,
    MOST_WAITING,
    OF_ONE_KNOWN,
    OF_ONE_STRANGER,
    OF_STRANGERS,
    HookRoom,
    Place,
)
from tests.unit.feedback.kit import HandClock

Run = Callable[[Coroutine[Any, Any, Any]], Any]


async def entered(room: HookRoom, peer: str, count: int) -> list[Place]:
    """So many places that are to be had at once."""
    return [await asyncio.wait_for(room.enter(peer), 0.1) for _ in range(count)]


def waiting(room: HookRoom, peer: str, count: int = 1) -> list[asyncio.Task[Place]]:
    """So many who ask for a place."""
    return [asyncio.ensure_future(room.enter(peer)) for _ in range(count)]


async def turns(count: int = 5) -> None:
    """Let others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_whoever_finds_no_place_waits_for_his_turn(run: Run) -> None:
    """In the order they came; others whose part is free do not wait for them."""

    async def story() -> None:
        room = HookRoom(HandClock())
        places = await entered(room, "a", OF_ONE_STRANGER)
        first, second = waiting(room, "a", 2)
        await turns()
        assert not first.done()
        await entered(room, "b", 1)
        places.pop().leave()
        await turns()
        assert first.done()
        assert not second.done()
        (await first).leave()
        await second

    run(story())


def test_nobody_waits_for_ever(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a moment he is told to come again; so is he at once when very many wait."""
    monkeypatch.setattr(hook_room, "WAIT_S", 0.01)

    async def story() -> None:
        room = HookRoom(HandClock())
        places = await entered(room, "a", OF_ONE_STRANGER)
        many = waiting(room, "a", MOST_WAITING // 2)
        await turns()
        with pytest.raises(NotRead, match="busy"):
            await room.enter("a")
        refused = await asyncio.gather(*many, return_exceptions=True)
        assert {type(each) for each in refused} == {NotRead}
        places.pop().leave()
        await entered(room, "a", 1)

    run(story())


def test_who_gives_up_waiting_takes_no_place(run: Run) -> None:
    """Also when he goes just as his turn comes."""

    async def story() -> None:
        room = HookRoom(HandClock())
        places = await entered(room, "a", OF_ONE_STRANGER)
        gone, late, patient = waiting(room, "a", 3)
        await turns()
        gone.cancel()
        await turns()
        places.pop().leave()
        late.cancel()
        await turns()
        (await patient).leave()
        await entered(room, "a", 1)

    run(story())


def test_strangers_leave_room_to_those_who_proved_themselves(run: Run) -> None:
    """However many there are, of requests and of bytes."""

    async def story() -> None:
        room = HookRoom(HandClock())
        room.prove("sns")
        strangers = [
            place for n in range(OF_STRANGERS // OF_ONE_STRANGER) for place in await entered(room, f"s{n}", 128)
        ]
        late = waiting(room, "another")[0]
        await turns()
        assert not late.done()
        known = await entered(room, "sns", MOST_AT_ONCE - OF_STRANGERS)
        for n in range(HELD_OF_STRANGERS_BYTES // HELD_OF_ONE_STRANGER_BYTES):
            strangers[n * 128].hold(HELD_OF_ONE_STRANGER_BYTES)
            with pytest.raises(NotRead, match="busy"):
                strangers[n * 128].hold(1)
        known[0].hold(MOST_HELD_BYTES - HELD_OF_STRANGERS_BYTES)
        with pytest.raises(NotRead, match="busy"):
            known[1].hold(1)
        late.cancel()

    run(story())


def test_one_known_peer_has_a_part_only(run: Run) -> None:
    """As behind a proxy, where everybody has one address."""

    async def story() -> None:
        room = HookRoom(HandClock())
        room.prove("proxy")
        await entered(room, "proxy", OF_ONE_KNOWN)
        late = waiting(room, "proxy")[0]
        await turns()
        assert not late.done()
        late.cancel()

    run(story())


def test_what_left_is_given_back(run: Run) -> None:
    """To the last byte, whatever the peer became meanwhile."""

    async def story() -> None:
        room = HookRoom(HandClock())
        for _ in range(3):
            places = await entered(room, "a", OF_ONE_STRANGER)
            places[0].hold(HELD_OF_ONE_STRANGER_BYTES)
            room.prove("a")
            for place in places:
                place.leave()
        assert len(await entered(room, "b", OF_ONE_STRANGER)) == OF_ONE_STRANGER

    run(story())
