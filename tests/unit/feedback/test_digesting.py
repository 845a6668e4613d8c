"""The loop: what was kept is read and applied, in whatever trouble."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.feedback.digesting import AGAIN_S, POLL_S, Digesting
from posthorse.mail.ids import ProviderName
from posthorse.spool.inbox_port import AT_NEXT_START, Notification
from tests.unit.feedback.kit import RELAY, FakeReader, Site

Run = Callable[[Coroutine[Any, Any, Any]], Any]

DELIVERED = ["delivered", "ada@example.net"]


def test_events_are_applied_and_told(run: Run) -> None:
    """Each once; one that proves a second copy says so."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net", "bob@example.net"}
        site.scripted.second_copies = {"bob@example.net"}
        await site.keep({"events": [DELIVERED, ["opened", "bob@example.net"]]}, {"events": []})
        await site.digesting.digest_some()
        assert site.told.lines == [
            ("learnt", "delivered", "ada@example.net", False),
            ("learnt", "opened", "bob@example.net", True),
        ]
        assert site.scripted.digested == [[1, 2]]
        assert site.scripted.notes == {1: "", 2: ""}
        assert site.digesting.lag_s() == 0.0

    run(story())


def test_what_makes_no_sense_is_noted_with_what_does(run: Run) -> None:
    """The note says where; the events beside it count."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        await site.keep({"unreadable": "[1] email: no address", "events": [DELIVERED]}, {"unreadable": "event"})
        await site.digesting.digest_some()
        assert site.scripted.notes == {1: "[1] email: no address", 2: "event"}
        assert ("learnt", "delivered", "ada@example.net", False) in site.told.lines
        assert ("unreadable", RELAY, "event") in site.told.lines

    run(story())


def test_unknown_mail_is_offered_again_for_an_hour_then_rests(run: Run) -> None:
    """With growing pauses; told once at the end, and nothing was moved."""

    async def story() -> None:
        site = Site()
        await site.keep({"events": [DELIVERED]})
        started = site.clock.at
        for pause_s in AGAIN_S:
            await site.digesting.digest_some()
            assert site.told.lines == []
            assert site.scripted.due[1] == site.clock.at + pause_s * 1_000_000
            site.clock.at = site.scripted.due[1]
        await site.digesting.digest_some()
        assert site.scripted.due == {}
        assert site.told.lines == [("unknown", "delivered", "ada@example.net")]
        assert site.clock.at - started == 3_600_000_000
        assert list(AGAIN_S) == sorted(AGAIN_S)

    run(story())


def test_an_event_that_came_before_our_own_answer_counts_when_that_is_known(run: Run) -> None:
    """The second offer applies it, once."""

    async def story() -> None:
        site = Site()
        await site.keep({"events": [DELIVERED]})
        await site.digesting.digest_some()
        site.scripted.known = {"ada@example.net"}
        site.clock.at += 1_000_000
        await site.digesting.digest_some()
        assert site.told.lines == [("learnt", "delivered", "ada@example.net", False)]
        assert site.scripted.due == {}

    run(story())


def test_a_bug_is_tried_a_few_times_and_costs_one_notification(run: Run) -> None:
    """Those beside it are applied at once; then it is noted, and told without its words."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        await site.keep({"bug": True}, {"events": [DELIVERED]})
        for _ in range(4):
            await site.digesting.digest_some()
        assert site.told.lines.count(("bug", "digesting")) == 3
        assert ("learnt", "delivered", "ada@example.net", False) in site.told.lines
        assert site.scripted.notes[1] == "KeyError here"
        assert site.scripted.due == {1: AT_NEXT_START}
        assert {str(error) for error in site.told.errors} == {"KeyError"}

    run(story())


def test_a_bug_that_passes_costs_nothing(run: Run) -> None:
    """The next try reads it."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        site.reader.broken = True
        await site.keep({"events": [DELIVERED]})
        await site.digesting.digest_some()
        site.reader.broken = False
        await site.digesting.digest_some()
        assert site.told.lines == [("bug", "digesting"), ("learnt", "delivered", "ada@example.net", False)]

    run(story())


def test_a_provider_that_is_gone_is_noted(run: Run) -> None:
    """Notifications of a provider without a reader are told once, and wait for a start."""

    async def story() -> None:
        site = Site()
        other = ProviderName("gone")
        await site.spool.take_in([Notification(provider=other, key=b"k" * 16, body=b"{}")])
        await site.digesting.digest_some()
        await site.digesting.digest_some()
        assert site.scripted.due == {1: AT_NEXT_START}
        assert site.told.lines == [("unreadable", other, "its provider has no notifications in the configuration")]

    run(story())


def test_what_had_no_reader_is_read_once_there_is_one(run: Run) -> None:
    """While the loop runs, and whatever the spool does meanwhile."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        await site.keep({"events": [DELIVERED]})
        readers: dict[ProviderName, FakeReader] = {}
        digesting = Digesting(
            spool=site.spool, readers=readers, clock=site.clock, offload=site.offload, observer=site.told
        )
        running = asyncio.ensure_future(digesting.run())
        await until(lambda: site.scripted.due == {1: AT_NEXT_START})
        readers[RELAY] = site.reader
        site.scripted.failing = True
        digesting.readers_changed()
        await until(lambda: ("spool_trouble", "digest") in site.told.lines)
        site.scripted.failing = False
        await until(lambda: site.scripted.due == {})
        running.cancel()
        assert [line[0] for line in site.told.lines] == ["unreadable", "spool_trouble", "learnt"]

    run(story())


def test_very_many_events_go_in_several_transactions(run: Run) -> None:
    """A transaction holds a few hundred, also of one notification; whoever else runs gets a turn in between."""

    async def story() -> None:
        site = Site()
        many = [["delivered", f"{n}@example.net"] for n in range(600)]
        await site.keep(*({"events": many} for _ in range(4)))
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.ensure_future(others())
        await site.digesting.digest_some()
        beside.cancel()
        assert site.scripted.digested == [[1], [1], [2], [2], [3], [3], [1, 2, 3], [4], [4], [4]]
        assert turns >= 4

    run(story())


def test_one_unknown_among_very_many_has_them_offered_again(run: Run) -> None:
    """Whichever transaction it was in; the others are applied once."""

    async def story() -> None:
        site = Site()
        many = [["delivered", f"{n}@example.net"] for n in range(600)]
        site.scripted.known = {address for _, address in many[1:]}
        await site.keep({"events": many})
        await site.digesting.digest_some()
        assert site.scripted.due == {1: site.clock.at + AGAIN_S[0] * 1_000_000}
        site.scripted.known.add("0@example.net")
        site.clock.at = site.scripted.due[1]
        await site.digesting.digest_some()
        assert site.scripted.due == {}
        assert len(site.told.lines) == 600

    run(story())


def test_what_could_not_be_read_is_read_at_the_next_start(run: Run) -> None:
    """The provider is configured again, the bug is mended: every start tries once, and what was read rests."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        await site.keep({"events": [DELIVERED]})
        starts: list[dict[ProviderName, FakeReader]] = [{}, {}, {RELAY: site.reader}]
        for readers in starts:
            digesting = Digesting(
                spool=site.spool, readers=readers, clock=site.clock, offload=site.offload, observer=site.told
            )
            site.scripted.asked.clear()
            running = asyncio.ensure_future(digesting.run())
            await until(lambda: bool(site.scripted.asked))
            for _ in range(5):
                await asyncio.sleep(0)
            running.cancel()
        assert [line[0] for line in site.told.lines] == ["unreadable", "learnt"]
        assert site.scripted.due == {}

    run(story())


def test_a_large_body_is_read_in_a_thread(run: Run) -> None:
    """And a small one is not."""

    async def story() -> None:
        site = Site()
        await site.keep({"events": [], "x": "y" * 40_000}, {"events": []})
        await site.digesting.digest_some()
        assert site.offload.runs == 1
        assert site.reader.reads == 2

    run(story())


async def until(look: Callable[[], bool]) -> None:
    """Wait for what the loop does by itself."""
    while not look():  # noqa: ASYNC110 - the loop under test tells nobody
        await asyncio.sleep(0)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long rests."""
    monkeypatch.setattr("posthorse.feedback.digesting.POLL_S", 0.01)


def test_an_arrival_wakes_the_loop(run: Run) -> None:
    """What is posted is learnt at once, not at the next look."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        running = asyncio.ensure_future(site.digesting.run())
        await until(lambda: len(site.scripted.asked) == 1)
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert (await site.post({"events": [DELIVERED]})).status == 200
        await until(lambda: ("learnt", "delivered", "ada@example.net", False) in site.told.lines)
        assert loop.time() - started < POLL_S / 2
        running.cancel()

    run(story())


def test_it_looks_by_itself_too(run: Run, quick: None) -> None:
    """What another way brought in, and what is due again, is found without a wake-up."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        running = asyncio.ensure_future(site.digesting.run())
        await until(lambda: len(site.scripted.asked) == 1)
        await site.keep({"events": [DELIVERED]})
        await until(lambda: bool(site.told.lines))
        running.cancel()

    run(story())


def test_trouble_with_the_spool_is_told_and_waited_for(run: Run) -> None:
    """Nothing is lost: it is read when the spool works again."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        await site.keep({"events": [DELIVERED]})
        site.scripted.failing = True
        running = asyncio.ensure_future(site.digesting.run())
        await until(lambda: ("spool_trouble", "digest") in site.told.lines)
        site.scripted.failing = False
        await until(lambda: ("learnt", "delivered", "ada@example.net", False) in site.told.lines)
        running.cancel()

    run(story())


def test_a_bug_in_the_loop_is_told_and_it_goes_on(run: Run) -> None:
    """An answer of the spool that cannot be is loud, and no end."""

    async def story() -> None:
        site = Site()
        site.scripted.known = {"ada@example.net"}
        await site.keep({"events": [DELIVERED]})
        honest = site.scripted.digest

        async def lying(batch: Any) -> Any:
            site.scripted.digest = honest  # type: ignore[method-assign]
            return []

        site.scripted.digest = lying  # type: ignore[method-assign]
        running = asyncio.ensure_future(site.digesting.run())
        await until(lambda: ("learnt", "delivered", "ada@example.net", False) in site.told.lines)
        assert ("bug", "reading notifications") in site.told.lines
        running.cancel()

    run(story())


def test_the_lag_is_that_of_what_nobody_has_read(run: Run) -> None:
    """What only waits to be offered again does not count."""

    async def story() -> None:
        site = Site()
        await site.keep({"events": [DELIVERED]})
        site.digesting.wake()
        site.clock.at += 3_000_000
        assert site.digesting.lag_s() == 3.0
        await site.digesting.digest_some()
        site.clock.at += 60_000_000
        await site.digesting.digest_some()
        assert site.digesting.lag_s() == 0.0

    run(story())


def test_what_was_read_before_does_not_make_the_lag(run: Run) -> None:
    """While a notification that is offered again stands beside a new one, the new one's wait is told."""

    async def story() -> None:
        site = Site()
        await site.keep({"events": [DELIVERED]})
        await site.digesting.digest_some()
        site.clock.at += 60_000_000
        await site.keep({"events": [DELIVERED]})
        site.clock.at += 2_000_000
        honest, lags = site.scripted.digest, list[float]()

        async def measured(batch: Any) -> Any:
            lags.append(site.digesting.lag_s())
            return await honest(batch)

        site.scripted.digest = measured  # type: ignore[method-assign]
        await site.digesting.digest_some()
        assert lags == [2.0]

    run(story())
