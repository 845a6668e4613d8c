"""What was handed over and not confirmed: listed and marked for operators, by what the configuration says."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.control import requests
from posthorse.control.node import Confirming, NotDone
from posthorse.control.requests import Which
from posthorse.mail.carriage import Carriage
from posthorse.mail.stream import SECOND, Stream
from tests.unit.control.scene import RELAY, Scene

Run = Callable[[Coroutine[Any, Any, Any]], Any]

LISTED = requests.QueueList(not_confirmed=True)


@pytest.fixture
def scene(run: Run) -> Scene:
    """One message handed over, one that waits; the relay tells what became of mail within a minute."""
    scene = Scene()
    scene.confirming = Confirming(providers=frozenset({RELAY}), within_us=60 * SECOND)
    run(scene.accept("taken@b.example"))
    run(scene.hand_over(Stream.STANDARD))
    run(scene.accept("waits@b.example"))
    return scene


def test_it_is_listed_once_its_time_is_over(run: Run, scene: Scene) -> None:
    """Not before; then with when it was handed over, and marked so in every list."""
    scene.clock.at += 60 * SECOND
    assert run(scene.desk.handle(LISTED, "jane")).recipients == []
    scene.clock.at += 1
    (found,) = run(scene.desk.handle(LISTED, "jane")).recipients
    assert (found.address, found.provider, found.not_confirmed) == ("taken@b.example", RELAY, True)
    assert found.ended_at == "2023-11-14T22:13:20.000Z"
    everything = run(scene.desk.handle(requests.QueueList(), "jane")).recipients
    assert {each.address: each.not_confirmed for each in everything} == {
        "taken@b.example": True,
        "waits@b.example": False,
    }


def test_other_restrictions_narrow_it(run: Run, scene: Scene) -> None:
    """Together with a domain; a state that contradicts it is refused."""
    scene.clock.at += 61 * SECOND
    elsewhere = requests.QueueList(not_confirmed=True, which=Which(recipient_domain="c.example"))
    assert run(scene.desk.handle(elsewhere, "jane")).recipients == []
    with pytest.raises(NotDone, match="handed over"):
        run(scene.desk.handle(requests.QueueList(not_confirmed=True, which=Which(state=Carriage.QUEUED)), "jane"))


def test_where_nobody_tells_there_is_nothing_to_wait_for(run: Run, scene: Scene) -> None:
    """Without a provider that has notifications the question makes no sense, and that is said."""
    scene.confirming = Confirming()
    scene.clock.at += 3600 * SECOND
    with pytest.raises(NotDone, match="notifications"):
        run(scene.desk.handle(LISTED, "jane"))
    assert not any(each.not_confirmed for each in run(scene.desk.handle(requests.QueueList(), "jane")).recipients)
