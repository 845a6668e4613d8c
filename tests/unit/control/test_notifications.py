"""Operators look at what providers told, at what is not confirmed, and at fates."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.control import requests
from posthorse.control.node import Confirming, NotDone
from posthorse.control.requests import Which
from posthorse.mail.carriage import Fate
from posthorse.mail.event import Event, EventKind
from posthorse.mail.ids import MessageId
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.inbox_port import Digestion, Notification
from posthorse.spool.kept_port import KeptState
from tests.unit.control.scene import RELAY, Scene

Run = Callable[[Coroutine[Any, Any, Any]], Any]


async def told_of_a_bounce(scene: Scene) -> str:
    """One message whose provider told that it bounced; its id."""
    message_id = await scene.accept("bounced@b.example", "silent@b.example")
    await scene.hand_over(Stream.STANDARD)
    await scene.spool.inbox.take_in(
        [Notification(provider=RELAY, key=bytes(16), body=b'{"a":1}', facts={"query": "x"})]
    )
    event = Event(
        provider=RELAY,
        key="1",
        kind=EventKind.HARD_BOUNCED,
        at=0,
        recipient="bounced@b.example",
        message_id=MessageId(bytes.fromhex(message_id)),
    )
    await scene.spool.inbox.digest([Digestion(seq=1, events=(event,), note="a part made no sense")])
    return message_id


@pytest.fixture
def scene() -> Scene:
    """A desk whose relay tells what became of mail within a minute."""
    scene = Scene()
    scene.confirming = Confirming(providers=frozenset({RELAY}), within_us=60 * SECOND)
    return scene


def test_an_event_leads_to_the_bytes_that_told_of_it(run: Run, scene: Scene) -> None:
    """The history names the notification; the notification is shown as it came, with its note."""
    message_id = run(told_of_a_bounce(scene))
    steps = run(scene.desk.handle(requests.Explain(id=message_id), "jane")).steps
    (number,) = [step.notification for step in steps if step.notification]
    found = run(scene.desk.handle(requests.NotificationShow(number=number), "jane"))
    assert (found.body, found.facts) == ('{"a":1}', {"query": "x"})
    listed = run(scene.desk.handle(requests.Notifications(state=KeptState.UNREADABLE), "jane"))
    assert (listed.notifications, listed.more) == ([found.notification], False)
    assert (found.notification.state, found.notification.note) == ("unreadable", "a part made no sense")
    with pytest.raises(NotDone, match="no notification 2"):
        run(scene.desk.handle(requests.NotificationShow(number=2), "jane"))


def test_pages_of_notifications_say_whether_there_are_more(run: Run, scene: Scene) -> None:
    """Newest first; the last number of a page begins the next."""
    several = [Notification(provider=RELAY, key=bytes([n] * 16), body=b"{}") for n in range(3)]
    run(scene.spool.inbox.take_in(several))
    page = run(scene.desk.handle(requests.Notifications(limit=2), "jane"))
    assert ([each.number for each in page.notifications], page.more) == ([3, 2], True)
    page = run(scene.desk.handle(requests.Notifications(limit=2, before=2), "jane"))
    assert ([each.number for each in page.notifications], page.more) == ([1], False)


def test_mail_is_listed_by_its_fate(run: Run, scene: Scene) -> None:
    """What bounced, and what nothing is known of."""
    run(told_of_a_bounce(scene))
    for fate, address in ((Fate.BOUNCED, "bounced@b.example"), (Fate.UNKNOWN, "silent@b.example")):
        (found,) = run(scene.desk.handle(requests.QueueList(which=Which(fate=fate)), "jane")).recipients
        assert (found.address, found.fate) == (address, fate.value)
    with pytest.raises(NotDone, match="hold"):
        run(scene.desk.handle(requests.QueueHold(which=Which(fate=Fate.BOUNCED), reason="why"), "jane"))


def test_what_is_not_confirmed_is_said_where_one_looks(run: Run, scene: Scene) -> None:
    """In the story of the message once its time is over, and in the overview, which counts notifications, too."""
    message_id = run(told_of_a_bounce(scene))
    early = run(scene.desk.handle(requests.Explain(id=message_id), "jane"))
    assert not any("not confirmed" in sentence for sentence in early.now)
    scene.clock.at += 61 * SECOND
    bounced, silent = run(scene.desk.handle(requests.Explain(id=message_id), "jane")).now
    assert "not confirmed" not in bounced
    assert "not confirmed" in silent
    seen = run(scene.desk.handle(requests.Overview(), "jane"))
    assert (seen.not_confirmed, seen.notifications) == ({RELAY: 1}, {"unreadable": 1})
