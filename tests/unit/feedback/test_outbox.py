"""Telling customers, in virtual time: order, repetition, replay, restarts."""

import asyncio

import pytest

from posthorse.feedback.customer_event import CustomerEvent, CustomerEventKind, events_of
from posthorse.feedback.outbox_batch import FACTS
from posthorse.mail.ids import MAIN_TENANT, MessageId, Tenant
from posthorse.mail.ports import HttpRequest, HttpResponse
from posthorse.mail.stream import SECOND
from posthorse.spool.outbox_port import Happening
from tests.thorough import first_quick
from tests.unit.feedback.outbox_stage import CANCELLED, SHOP, Stage, answers, endpoint, staged

HOUR = 3_600.0


def test_everything_is_told_once_when_all_is_well() -> None:
    """Each end of duty reaches the endpoint within a second, once, and its place is recorded."""

    async def story(stage: Stage) -> None:
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(300)
        began_s = stage.loop.time()
        await stage.until(lambda: len(stage.told()) == 300, within_s=5)
        assert stage.told()[0].at_s - began_s < 1
        await asyncio.sleep(5)
        assert sorted(one.message_id for one in stage.told()) == sorted(ids)
        assert {one.kind for one in stage.told()} == {CANCELLED}
        assert (await stage.state()).waiting == 0
        assert stage.outbox.lag_readings() == {(SHOP,): 0.0}
        assert stage.paper.count("answered", SHOP, "taken") == 300

    staged(story)


def test_what_happened_before_is_not_told() -> None:
    """A new endpoint begins at the present."""

    async def story(stage: Stage) -> None:
        await stage.mail(3)
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(2)
        (new,) = await stage.mail()
        await asyncio.sleep(2)
        assert [one.message_id for one in stage.told()] == [new]

    staged(story)


def test_only_what_is_wanted_and_ones_own() -> None:
    """An endpoint gets the events it names, of its tenant; its place moves over all others."""

    async def story(stage: Stage) -> None:
        none = frozenset({CustomerEventKind.DELIVERED})
        await stage.outbox.follow([endpoint(events=none), endpoint("acme", tenant=Tenant("acme"))])
        await asyncio.sleep(1)
        await stage.mail(5)
        theirs = await stage.mail(2, Tenant("acme"))
        await asyncio.sleep(30)
        assert stage.told() == []
        assert [one.message_id for one in stage.told("acme.example")] == theirs
        assert (await stage.state()).behind_since is None

    staged(story)


def test_a_replay_since_a_time_beside_what_is_new() -> None:
    """Everything since then is told again under the same ids, and new events do not wait for it."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = answers(200, 0.2)
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        await stage.mail(10)
        await asyncio.sleep(60)
        since = stage.clock.now()
        again = await stage.mail(900)
        await asyncio.sleep(60)
        first = {one.message_id: one.event_id for one in stage.told()}
        calls = len(stage.told())
        assert calls == 910
        assert await stage.spool.outbox.replay_since(MAIN_TENANT, SHOP, since)
        await asyncio.sleep(3)
        (new,) = await stage.mail()
        began_s = stage.loop.time()
        await stage.until(lambda: any(one.message_id == new for one in stage.told()), within_s=10)
        assert stage.loop.time() - began_s < 5
        await asyncio.sleep(60)
        replayed = [one for one in stage.told()[calls:] if one.message_id != new]
        assert sorted(one.message_id for one in replayed) == sorted(again)
        assert all(first[one.message_id] == one.event_id for one in replayed)
        assert (await stage.state()).replay is None

    staged(story)


def test_one_message_is_told_again() -> None:
    """By its id, whether it was taken before or not."""

    async def story(stage: Stage) -> None:
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        first, _ = await stage.mail(2)
        await asyncio.sleep(2)
        assert await stage.spool.outbox.replay_message(MAIN_TENANT, SHOP, MessageId(bytes.fromhex(first))) == 1
        await asyncio.sleep(2)
        assert [one.message_id for one in stage.told()][2:] == [first]
        assert (await stage.state()).waiting == 0

    staged(story)


@pytest.mark.parametrize("did_it", [False, True])
def test_a_spool_that_cannot_record_loses_nothing_and_repeats_nothing(did_it: bool) -> None:
    """When progress cannot be recorded, or nobody knows whether it was, it is remembered until it is."""

    async def story(stage: Stage) -> None:
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        stage.kept.fails, stage.kept.did_it = 3, did_it
        ids = await stage.mail(30)
        await asyncio.sleep(30)
        assert {one.message_id for one in stage.told()} == set(ids)
        assert len(stage.told()) == 30
        assert stage.paper.count("trouble", "webhooks") == 3
        assert (await stage.state()).waiting == 0

    staged(story)


def test_a_full_disk_for_ten_minutes_tells_nothing_twice() -> None:
    """While nothing can be recorded no event goes twice, and the spool is left alone for longer and longer; then all of
    it goes on, what happened meanwhile included.
    """

    async def story(stage: Stage) -> None:
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(100)
        stage.kept.fails = 10**6
        await asyncio.sleep(300)
        ids += await stage.mail(50)
        await asyncio.sleep(300)
        assert len(stage.told()) == 100
        assert stage.paper.count("trouble", "webhooks") < 20
        stage.kept.fails = 0
        await asyncio.sleep(90)
        assert sorted(one.message_id for one in stage.told()) == sorted(ids)
        assert (await stage.state()).behind_since is None

    staged(story)


@pytest.mark.parametrize("seed", first_quick(1, range(8)))
def test_whatever_dies_whenever_nothing_is_lost(seed: int) -> None:
    """An endpoint that fails half of the time and a process that dies again and again: all of it arrives in the end."""

    async def story(stage: Stage) -> None:
        turns = iter(range(10**9))

        async def script(request: HttpRequest) -> HttpResponse:
            await asyncio.sleep(0.05)
            return HttpResponse(status=200 if (next(turns) * 7 + seed) % 5 < 2 else 503)

        stage.endpoints.scripts["shop.example"] = script
        ids: list[str] = []
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        for n in range(10):
            ids += await stage.mail(40)
            await asyncio.sleep(0.1 * (seed + n))
            for task in [task for _, task in stage.outbox._running.values()]:
                task.cancel()  # as a kill would end it
            await asyncio.sleep(0)
            stage.outbox = stage.another()
            await stage.outbox.follow([endpoint()])
        stage.endpoints.scripts["shop.example"] = answers(200)
        await asyncio.sleep(HOUR)
        assert set(ids) <= {one.message_id for one in stage.told()}
        state = await stage.state()
        assert (state.waiting, state.given_up, state.behind_since) == (0, 0, None)

    staged(story, seed)


@pytest.mark.thorough
def test_what_is_noted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that takes every second event only cannot fill the notes, and gets all the same what is new."""
    most = 400
    for module in ("outbox_batch", "webhook_messenger"):
        monkeypatch.setattr(f"posthorse.feedback.{module}.MOST_WAITING", most)
    monkeypatch.setattr("posthorse.feedback.webhook_messenger.LEFT_WAITING", most - 50)

    async def story(stage: Stage) -> None:
        turns = iter(range(10**9))

        async def script(request: HttpRequest) -> HttpResponse:
            del request
            return HttpResponse(status=200 if next(turns) % 2 else 500)

        stage.endpoints.scripts["shop.example"] = script
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(4_000)
        worst = 0
        for _ in range(100):
            await asyncio.sleep(1)
            worst = max(worst, (await stage.state()).waiting)
        assert worst < most + FACTS + 1
        assert {one.message_id for one in stage.told()} == set(ids)

    staged(story)


def test_a_quiet_gateway_writes_little() -> None:
    """With nothing to tell nothing is recorded; facts that are not told cost a record every ten seconds at most."""

    async def story(stage: Stage) -> None:
        await stage.outbox.follow([endpoint(events=frozenset({CustomerEventKind.BOUNCED}))])
        await asyncio.sleep(60)
        assert stage.kept.records <= 1
        for _ in range(100):
            await stage.mail()
            await asyncio.sleep(1)
        assert stage.kept.records <= 12

    staged(story)


def test_a_fact_no_event_can_be_made_of_is_loud_and_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the translation is told, the fact is given up, the rest goes on."""

    async def story(stage: Stage) -> None:
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(3)

        def broken(happening: Happening) -> tuple[CustomerEvent, ...]:
            if happening.message.id.hex() == ids[1]:
                raise KeyError("bug")
            return events_of(happening)

        monkeypatch.setattr("posthorse.feedback.outbox_batch.events_of", broken)
        await asyncio.sleep(3)
        assert [one.message_id for one in stage.told()] == [ids[0], ids[2]]
        assert stage.paper.count("bug", "webhooks") == 1
        state = await stage.state()
        assert (state.given_up, state.last_why) == (1, "no event could be made of it")

    staged(story)


def test_what_retention_dropped_is_let_go() -> None:
    """A noted fact whose message is gone is forgotten, not tried."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = answers(500)
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        await stage.mail(2)
        await asyncio.sleep(2)
        calls = len(stage.told())
        while await stage.spool.purge(stage.clock.now(), stage.clock.now(), 100):
            pass
        await asyncio.sleep(HOUR)
        assert len(stage.told()) == calls
        assert (await stage.state()).waiting == 0

    staged(story)


def test_stopping_waits_for_calls_under_way() -> None:
    """What an endpoint takes while the gateway stops is recorded, and not told again afterwards."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = answers(200, 1.0)
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(20)
        await stage.until(lambda: len(stage.told()) == 16)
        await stage.outbox.stop()
        assert len(stage.told()) == 16
        stage.outbox = stage.another()
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(5)
        assert sorted(one.message_id for one in stage.told()) == sorted(ids)

    staged(story)


def test_signed_at_the_time_of_the_world() -> None:
    """The second that is signed is the world's at each try, not that of the event."""

    async def story(stage: Stage) -> None:
        seconds: list[int] = []

        async def script(request: HttpRequest) -> HttpResponse:
            seconds.append(int(dict(request.headers)["webhook-timestamp"]))
            return HttpResponse(status=500)

        stage.endpoints.scripts["shop.example"] = script
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        await stage.mail()
        now_s = stage.clock.now() // SECOND
        await asyncio.sleep(400)
        assert len(seconds) == 3
        assert abs(seconds[0] - now_s) <= 1
        assert seconds[2] - seconds[0] >= 305

    staged(story)
