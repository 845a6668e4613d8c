"""Endpoints that fail, in virtual time: tries, rest, isolation, and what a person disables."""

import asyncio
import json
import random

import pytest

from posthorse.feedback.webhook_messenger import EndpointStanding
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.ports import HttpRequest, HttpResponse
from tests.thorough import first_quick
from tests.unit.feedback.outbox_stage import SHOP, Script, Stage, answers, endpoint, hangs, refuses, staged

HOUR = 3_600.0


def test_an_event_that_fails_holds_up_nothing_and_is_tried_eight_times() -> None:
    """One event that is never taken: the others arrive at once; it is tried over some 28 hours in which the endpoint
    takes others, then given up.
    """

    async def story(stage: Stage) -> None:
        poison: list[str] = []

        async def script(request: HttpRequest) -> HttpResponse:
            return HttpResponse(status=500 if poison and poison[0].encode() in request.body else 204)

        stage.endpoints.scripts["shop.example"] = script
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        poison += await stage.mail()
        began_s = stage.loop.time()
        await asyncio.sleep(21)
        rest = await stage.mail(50)
        await asyncio.sleep(21)
        assert {one.message_id for one in stage.told()} == {*poison, *rest}
        while not stage.paper.count("answered", SHOP, "given_up"):
            await stage.mail()
            await asyncio.sleep(HOUR / 15)
        tries = [one for one in stage.told() if one.message_id == poison[0]]
        assert len(tries) == 8
        assert 27 * HOUR < stage.loop.time() - began_s < 32 * HOUR
        assert len({one.event_id for one in tries}) == 1, "a receiver can tell a repetition"
        state = await stage.state()
        assert (state.waiting, state.given_up, state.last_why) == (0, 1, "answered 500")
        assert stage.paper.count("rests") == 0

    staged(story, look_every_s=20)


def test_a_dead_endpoint_costs_few_calls() -> None:
    """It rests after a few failures; while it is dead for a day, 800 events cost a call every few minutes at most."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = refuses
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(800)
        await asyncio.sleep(24 * HOUR)
        calls = len(stage.told())
        assert calls < 24 * 12 + 40
        assert stage.outbox.standings() == {SHOP: EndpointStanding.RESTING}
        assert stage.paper.count("rests", SHOP) == 1, "people are told once"
        assert stage.outbox.lag_readings()[SHOP,] > 23 * HOUR
        del stage.endpoints.scripts["shop.example"]
        began_s = stage.loop.time()
        await stage.until(lambda: len({one.message_id for one in stage.told()[calls:]}) > 600, every_s=5)
        assert stage.loop.time() - began_s < 400
        assert stage.paper.count("recovered", SHOP) == 1
        await asyncio.sleep(28 * HOUR)
        assert {one.message_id for one in stage.told()} == set(ids)
        state = await stage.state()
        assert (state.waiting, state.given_up) == (0, 0)

    staged(story, look_every_s=60)


@pytest.mark.parametrize("count", first_quick(1, [3, 1, 40]))
@pytest.mark.parametrize("dead", first_quick(1, [refuses, answers(500), answers(503, retry_after="20")]))
def test_nothing_is_given_up_because_its_endpoint_was_down(dead: Script, count: int) -> None:
    """However little there is to tell, and though the gateway starts again: after five days all of it is told, soon."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = dead
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(count)
        for _ in range(5):
            await asyncio.sleep(24 * HOUR)
            await stage.outbox.stop()
            stage.outbox = stage.another()
            await stage.outbox.follow([endpoint()])
        state = await stage.state()
        assert (state.given_up, stage.paper.count("answered", SHOP, "given_up")) == (0, 0)
        calls = len(stage.told())
        assert calls < 5 * 24 * 12.5 + 60
        stage.endpoints.scripts["shop.example"] = answers(200)
        await asyncio.sleep(900)
        assert sorted(one.message_id for one in stage.told()[calls:]) == sorted(ids)
        assert (await stage.state()).waiting == 0

    staged(story, look_every_s=60)


@pytest.mark.thorough
def test_an_endpoint_that_refuses_one_kind_keeps_its_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the events is refused for days, more than may wait: the others arrive at once all the time, and what
    is given up early is counted and told to people.
    """
    for module in ("outbox_batch", "webhook_messenger"):
        monkeypatch.setattr(f"posthorse.feedback.{module}.MOST_WAITING", 60)
        monkeypatch.setattr(f"posthorse.feedback.{module}.LEFT_WAITING", 50)

    async def story(stage: Stage) -> None:
        bad: set[str] = set()

        async def script(request: HttpRequest) -> HttpResponse:
            told = json.loads(request.body)["data"]["message_id"]
            return HttpResponse(status=400 if told in bad else 204)

        stage.endpoints.scripts["shop.example"] = script
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        worst = 0
        for _ in range(72):
            calls = len(stage.told())
            ids = await stage.mail(40)
            bad.update(ids[::4])
            await asyncio.sleep(60)
            assert set(ids) <= {one.message_id for one in stage.told()[calls:]}
            await asyncio.sleep(HOUR - 60)
            worst = max(worst, (await stage.state()).waiting)
        assert worst < 60 + 40
        crowded = sum(int(line[2]) for line in stage.paper.lines if line[0] == "crowded")
        state = await stage.state()
        assert crowded > 500
        assert state.given_up == crowded == len(bad) - state.waiting
        assert stage.outbox.lag_readings() == {(SHOP,): 0.0}

    staged(story, look_every_s=20)


def test_a_dead_endpoint_is_given_no_more_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """When as much waits as may, nothing is given up for one that is dead: the history keeps what is new."""
    for module in ("outbox_batch", "webhook_messenger"):
        monkeypatch.setattr(f"posthorse.feedback.{module}.MOST_WAITING", 30)

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = refuses
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(200)
        await asyncio.sleep(24 * HOUR)
        state = await stage.state()
        assert (state.waiting, state.given_up) == (30, 0)
        calls = len(stage.told())
        del stage.endpoints.scripts["shop.example"]
        await asyncio.sleep(HOUR)
        assert sorted(one.message_id for one in stage.told()[calls:]) == sorted(ids)
        assert not stage.paper.count("crowded")

    staged(story, look_every_s=20)


def test_a_restart_spends_no_tries_on_a_dead_endpoint() -> None:
    """A gateway that starts again beside an endpoint that is still dead begins with one call; all of it arrives soon
    after the endpoint is back.
    """

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = refuses
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(100)
        await asyncio.sleep(8)
        for _ in range(3):
            await stage.outbox.stop()
            calls = len(stage.told())
            stage.outbox = stage.another()
            await stage.outbox.follow([endpoint()])
            await asyncio.sleep(6)
            assert len(stage.told()) - calls <= 1
        stage.endpoints.scripts["shop.example"] = answers(200)
        del stage.endpoints.requests["shop.example"]
        await stage.until(lambda: {one.message_id for one in stage.told()} == set(ids), within_s=30)
        assert stage.paper.count("rests", SHOP) == 4, "each process tells it once"

    staged(story)


@pytest.mark.parametrize("dead", [refuses, hangs, answers(500), answers(302), answers(404), answers(200, 11.0)])
def test_one_endpoint_never_waits_for_another(dead: Script) -> None:
    """Beside an endpoint that refuses, hangs, fails, redirects or answers too late, the other is told within 1 s."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["dead.example"] = dead
        await stage.outbox.follow([endpoint("dead"), endpoint()])
        await asyncio.sleep(1)
        for n in range(1, 21):
            began_s = stage.loop.time()
            await stage.mail()
            while len(stage.told()) < n:  # noqa: ASYNC110 - virtual time costs nothing
                await asyncio.sleep(0.05)
            assert stage.loop.time() - began_s < 1
        assert stage.told("dead.example")

    staged(story)


def test_a_poisoned_event_does_not_keep_a_resting_endpoint_at_rest() -> None:
    """Trials go with new events first: an endpoint that fails only for some is soon found well."""

    async def story(stage: Stage) -> None:
        poison: set[bytes] = set()

        async def script(request: HttpRequest) -> HttpResponse:
            return HttpResponse(status=500 if any(one in request.body for one in poison) else 200)

        stage.endpoints.scripts["shop.example"] = script
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        poison |= {one.encode() for one in await stage.mail(8)}
        await asyncio.sleep(3)
        assert stage.outbox.standings() == {SHOP: EndpointStanding.RESTING}
        (good,) = await stage.mail()
        await stage.until(lambda: any(one.message_id == good for one in stage.told()), within_s=300)
        assert stage.paper.count("recovered", SHOP) == 1

    staged(story)


def test_410_disables_until_a_person_or_a_new_address() -> None:
    """Nothing more is sent; people are told; enabling, or pointing elsewhere, goes on where it stopped."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = answers(410)
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(3)
        await asyncio.sleep(5)
        calls = len(stage.told())
        assert 1 <= calls <= 3
        assert stage.outbox.standings() == {SHOP: EndpointStanding.DISABLED}
        assert stage.paper.count("disabled", SHOP) == 1
        ids += await stage.mail(4)
        await asyncio.sleep(HOUR)
        assert len(stage.told()) == calls
        assert stage.outbox.lag_readings()[SHOP,] > HOUR - 1
        await stage.outbox.stop()
        stage.outbox = stage.another()
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(60)
        assert len(stage.told()) == calls, "a restart enables nothing"
        del stage.endpoints.scripts["shop.example"]
        await stage.outbox.follow([endpoint(url="https://new.example/mail")])
        await asyncio.sleep(5)
        assert {one.message_id for one in stage.told("new.example")} == set(ids)

    staged(story)


def test_410_is_kept_while_the_spool_cannot_record() -> None:
    """Nothing more is sent while the answer cannot be recorded, and then it is."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = answers(410)
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        stage.kept.fails = 5
        await stage.mail()
        await asyncio.sleep(300)
        assert len(stage.told()) == 1
        assert (await stage.state()).disabled_why
        assert stage.paper.count("disabled", SHOP) == 1

    staged(story)


def test_a_person_disables_and_enables() -> None:
    """What happens meanwhile is told after the person's second word, and not before."""

    async def story(stage: Stage) -> None:
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        await stage.spool.outbox.disable(MAIN_TENANT, SHOP, "maintenance")
        await asyncio.sleep(1)
        ids = await stage.mail(3)
        await asyncio.sleep(HOUR)
        assert stage.told() == []
        await stage.spool.outbox.enable(MAIN_TENANT, SHOP)
        await asyncio.sleep(1)
        assert [one.message_id for one in stage.told()] == ids

    staged(story)


@pytest.mark.parametrize(("status", "wait", "rest_s"), [(429, "60", 60), (503, "600", 600), (429, "999999999", 3_600)])
def test_retry_after_is_followed_within_bounds(status: int, wait: str, rest_s: float) -> None:
    """The endpoint is left alone for as long as it asks, an hour at most, and then takes everything."""

    async def story(stage: Stage) -> None:
        stage.endpoints.scripts["shop.example"] = answers(status, retry_after=wait)
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        ids = await stage.mail(40)
        await asyncio.sleep(2)
        calls = len(stage.told())
        assert calls <= 16, "calls that were under way"
        stage.endpoints.scripts["shop.example"] = answers(200)
        await asyncio.sleep(rest_s - 10)
        assert len(stage.told()) == calls
        await asyncio.sleep(rest_s + HOUR)
        assert {one.message_id for one in stage.told()[calls:]} == set(ids)

    staged(story, look_every_s=1.5)


def test_changed_settings_touch_only_their_endpoint() -> None:
    """A reload that changes one endpoint leaves the other's messenger as it is; one that is gone is told no more."""

    async def story(stage: Stage) -> None:
        other = endpoint("other")
        await stage.outbox.follow([endpoint(), other])
        await asyncio.sleep(1)
        before = dict(stage.outbox._running)
        await stage.outbox.follow([endpoint(secrets=(bytes(24),)), other])
        assert stage.outbox._running[MAIN_TENANT, "other"] == before[MAIN_TENANT, "other"]
        assert stage.outbox._running[MAIN_TENANT, SHOP] != before[MAIN_TENANT, SHOP]
        await stage.outbox.follow([other])
        await stage.mail(2)
        await asyncio.sleep(5)
        assert stage.told() == []
        assert len(stage.told("other.example")) == 2
        await stage.outbox.follow([endpoint(), other])
        await asyncio.sleep(5)
        assert len(stage.told()) == 2, "it goes on where it stood"

    staged(story)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2))
def test_kills_outages_full_disks_and_refusals_together_lose_nothing(seed: int) -> None:
    """Over days: a process that is killed, a spool that cannot record, an endpoint that is down for hours and refuses
    one event in ten. All others are told, only refused ones are given up, and none of these before 27 hours.
    """

    async def story(stage: Stage) -> None:
        rng = random.Random(seed)
        ids: list[str] = []
        bad: set[str] = set()
        first: dict[str, float] = {}
        down, given_up = False, 0

        async def script(request: HttpRequest) -> HttpResponse:
            told = json.loads(request.body)["data"]["message_id"]
            await asyncio.sleep(rng.random())
            if not down:
                first.setdefault(told, stage.loop.time())
            return HttpResponse(status=503 if down else 400 if told in bad else 204)

        stage.endpoints.scripts["shop.example"] = script
        await stage.outbox.follow([endpoint()])
        await asyncio.sleep(1)
        for _ in range(90):
            new = await stage.mail(rng.randrange(12))
            ids += new
            bad.update(one for one in new if rng.random() < 0.1)
            down = rng.random() < (0.8 if down else 0.15)
            stage.kept.fails = rng.choice([0, 0, 0, 3, 8])
            await asyncio.sleep(rng.random() * 3)
            if rng.random() < 0.3:
                for _, task in stage.outbox._running.values():
                    task.cancel()  # as a kill would end it
                await asyncio.sleep(0)
                stage.outbox = stage.another()
                await stage.outbox.follow([endpoint()])
            await asyncio.sleep(HOUR)
            given_up = (await stage.state()).given_up
            old = sum(one in bad and stage.loop.time() - at > 27 * HOUR for one, at in first.items())
            assert given_up <= old
        assert given_up > 0
        down = False
        await asyncio.sleep(7 * HOUR)
        assert set(ids) - bad <= set(first)
        assert {one.message_id for one in stage.told()} == set(ids)
        assert stage.outbox.lag_readings() == {(SHOP,): 0.0}

    staged(story, seed, look_every_s=20)
