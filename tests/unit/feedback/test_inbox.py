"""The inbox: verified, kept, and only then answered with 200."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from posthorse.feedback import hook_request
from posthorse.feedback.hook_request import MOST_BYTES
from tests.unit.feedback.kit import RELAY, Site

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_what_is_answered_with_200_is_kept(run: Run) -> None:
    """The raw body with its facts, and the loop is woken."""

    async def story() -> None:
        site = Site()
        reply = await site.post({"events": []})
        assert (reply.status, reply.body) == (200, b"kept\n")
        (stored,) = site.scripted.kept.values()
        assert stored.notification.provider == RELAY
        assert stored.notification.body == b'{"events": []}'
        assert stored.notification.facts == {"a": "b"}
        assert site.told.lines == [("taken", RELAY)]
        assert site.digesting.lag_s() == 0.0
        site.clock.at += 2_000_000
        assert site.digesting.lag_s() == 2.0

    run(story())


def test_fifty_at_once_are_kept_once_and_all_answered(run: Run) -> None:
    """A repetition is answered as the first."""

    async def story() -> None:
        site = Site()
        replies = await asyncio.gather(*(site.post({"key": "same"}) for _ in range(50)))
        assert [reply.status for reply in replies] == [200] * 50
        assert len(site.scripted.kept) == 1
        assert sorted(line[0] for line in site.told.lines) == ["repeated"] * 49 + ["taken"]

    run(story())


def test_nothing_is_promised_that_the_spool_does_not_hold(run: Run) -> None:
    """503 with a time to come again; then it is taken."""

    async def story() -> None:
        site = Site()
        site.scripted.failing = True
        reply = await site.post({})
        assert (reply.status, reply.headers["retry-after"]) == (503, "30")
        assert site.told.lines == [("spool_trouble", "take_in"), ("refused", RELAY, "spool")]
        site.scripted.failing = False
        assert (await site.post({})).status == 200

    run(story())


def test_a_handshake_leaves_nothing(run: Run) -> None:
    """Answered with 200, told, not kept."""

    async def story() -> None:
        site = Site()
        assert (await site.post({"verdict": "attended"})).status == 200
        assert site.scripted.kept == {}
        assert site.told.lines == [("attended", RELAY, "subscription confirmed")]

    run(story())


@pytest.mark.parametrize(("status", "header"), [(401, "www-authenticate"), (403, ""), (503, "retry-after")])
def test_what_is_forged_is_answered_as_its_reader_says(run: Run, status: int, header: str) -> None:
    """With what belongs to the status, nothing kept, nothing told of why."""

    async def story() -> None:
        site = Site()
        reply = await site.post({"verdict": status})
        assert reply.status == status
        assert not header or reply.headers[header]
        assert b"signature" not in reply.body
        assert site.scripted.kept == {}
        assert site.told.lines == [("refused", RELAY, "signature")]

    run(story())


def test_other_paths_and_methods(run: Run) -> None:
    """No such provider: 404, counted under one word, never a stranger's; anything but POST: 405."""

    async def story() -> None:
        site = Site()
        for path in ("/hooks/other", "/hooks/", "/hooks/relay/", "/hooks/relay/x", "/hooks/RELAY", "/hooks/../relay"):
            assert (await site.post({}, path=path)).status == 404
            assert site.told.lines.pop() == ("refused", "unknown", "no_hook")
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            reply = await site.post({}, method=method)
            assert (reply.status, reply.headers["allow"]) == (405, "POST")
        assert site.told.lines == []

    run(story())


def test_a_body_that_is_too_large_is_not_read(run: Run) -> None:
    """Announced or not, it is given up."""

    async def story() -> None:
        site = Site()
        announced = await site.post(b"", headers=[(b"content-length", str(MOST_BYTES + 1).encode())], pieces=[{}])
        assert announced.status == 413
        piece = {"type": "http.request", "body": b"x" * (256 << 10), "more_body": True}
        assert (await site.post(b"", headers=[], pieces=[piece] * 9)).status == 413
        lying = await site.post(b"", headers=[(b"content-length", b"10")], pieces=[piece] * 9)
        assert lying.status == 413
        assert site.told.lines == [("refused", RELAY, "too_large")] * 3

    run(story())


@pytest.mark.parametrize("length", [b"", b"-1", b"1e9", b"9" * 30, "٣".encode()])
def test_a_length_that_is_none_is_taken_for_the_most(run: Run, length: bytes) -> None:
    """The bytes that come count."""

    async def story() -> None:
        site = Site()
        assert (await site.post({}, headers=[(b"content-length", length)])).status == 200

    run(story())


def test_a_client_that_goes_or_sleeps_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not come whole is no notification, and holds no place."""
    monkeypatch.setattr(hook_request, "IDLE_S", 0.01)

    async def story() -> None:
        site = Site()
        part = {"type": "http.request", "body": b"{", "more_body": True}
        assert (await site.post(b"", headers=[], pieces=[part, {"type": "http.disconnect"}])).status == 400
        assert (await site.post(b"", headers=[], pieces=[part])).status == 408
        assert site.scripted.kept == {}
        assert (await site.post({})).status == 200

    run(story())


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_turned_away_by_the_head_is_not_read(run: Run, status: int) -> None:
    """Not one byte is asked for, and the connection ends; told and counted as any other refusal."""

    async def story() -> None:
        site = Site()
        pieces = [{"type": "http.request", "body": b"x", "more_body": True}]
        reply = await site.post(b"", headers=[(b"away", str(status).encode())], pieces=pieces, left=pieces)
        assert (reply.status, reply.headers["connection"]) == (status, "close")
        assert len(pieces) == 1
        assert site.told.lines == [("refused", RELAY, "credentials")]

    run(story())


def test_idle_strangers_do_not_close_the_hook(run: Run) -> None:
    """Sixty-five that announce a megabyte each and send nothing: whoever posts meanwhile is taken."""

    async def story() -> None:
        site = Site()
        length = [(b"content-length", str(MOST_BYTES).encode())]
        nothing = {"type": "http.request", "body": b"", "more_body": True}
        idle = [asyncio.ensure_future(site.post(b"", headers=length, pieces=[nothing])) for _ in range(65)]
        await asyncio.sleep(0.01)
        assert (await site.post({})).status == 200
        for one in idle:
            one.cancel()
        await asyncio.gather(*idle, return_exceptions=True)

    run(story())


def test_two_hundred_at_once_from_one_address_are_all_taken(run: Run) -> None:
    """Those without a place wait for their turn, as behind a proxy."""

    async def story() -> None:
        site = Site()
        replies = await asyncio.gather(*(site.post({"key": f"k{n}"}) for n in range(200)))
        assert [reply.status for reply in replies] == [200] * 200

    run(story())


def test_a_bug_while_verifying_tells_no_secret(run: Run) -> None:
    """500, so that the provider comes again; the log gets the kind of error and the place, no word of it."""

    async def story() -> None:
        site = Site()
        secret = [(b"authorization", b"Basic c2VjcmV0")]
        assert (await site.post(b"bug", headers=secret)).status == 500
        assert site.told.lines == [("bug", "hooks")]
        (error,) = site.told.errors
        assert str(error) == "ValueError"
        assert error.__cause__ is error.__context__ is None
        assert error.__traceback__ is not None

    run(story())


def test_a_header_given_twice_is_joined(run: Run) -> None:
    """As HTTP says, so that a reader sees that there were two."""
    scope = {"headers": [(b"X-A", b"1"), (b"x-a", b"2"), (b"b", b"\xff")]}
    assert hook_request.headers_of(scope) == {"x-a": "1, 2", "b": "\xff"}
