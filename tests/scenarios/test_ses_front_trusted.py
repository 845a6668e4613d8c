"""Callers whose signature cannot be verified here, and bodies that come slowly or never end."""

import json
import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from posthorse.accept.reception import ReceptionLimits
from posthorse.lab.rehearsal import Script, rehearsal
from tests.scenarios.ses_stand import KEY, Line, Row, SesStand, ask, request_of, wait_until

TEMPORARY = {"key": "ASIATEMPORARY0000001", "token": "FwoGZXIvYXdzEXAMPLE", "secret": "nobody's"}
LET_IN: list[Row] = [
    {"sign": TEMPORARY},
    {"sign": None},
    {"sign": {"key": "AKIAUNKNOWN000000001"}},
    {"sign": {"key": "AKIAUNKNOWN000000001", "skew_s": -4_000}},
    {"sign": {"token": "abc"}},
]
KEPT_OUT: list[Row] = [
    {"sign": {"secret": "wrong"}},
    {"sign": {"skew_s": -310}},
    {"sign": {"leave_out": ["host"]}},
    {"sign": {"query": True, "expires": 604_801}},
]


@pytest.fixture(scope="module")
def stand() -> Iterator[SesStand]:
    """The server's thread."""
    one = SesStand()
    yield one
    one.close()


@pytest.mark.parametrize("row", LET_IN, ids=json.dumps)
def test_trusted_source_is_let_in_where_nothing_can_be_verified(stand: SesStand, row: Row) -> None:
    """Temporary credentials, unknown keys and no signature at all send as the source; from elsewhere none of them."""
    with stand.site(trusted="loopback") as site:
        assert ask(site, row).status == 200
        (stored,) = stand.stored(site)
        assert stored.message.attributes["credential"] == "trusted:loopback"
    with stand.site(trusted="10.0.0.0/8") as site:
        assert ask(site, row).status == 403
        assert stand.stored(site) == []


@pytest.mark.parametrize("said", [["Origin", "https://a.example"], ["Sec-Fetch-Site", "cross-site"]], ids=json.dumps)
@pytest.mark.parametrize("row", LET_IN, ids=json.dumps)
def test_web_page_shown_at_a_trusted_source_is_kept_out(stand: SesStand, row: Row, said: list[str]) -> None:
    """A browser asks for any page; only a signature that is verified here says who means it."""
    with stand.site(trusted="loopback") as site:
        assert ask(site, {**row, "headers": [said]}).status == 403
        assert stand.stored(site) == []
        assert ask(site, {"headers": [said]}).status == 200
        assert [one.message.attributes["credential"] for one in stand.stored(site)] == [KEY]


@pytest.mark.parametrize("row", KEPT_OUT, ids=json.dumps)
def test_wrong_signature_of_a_known_key_is_refused_wherever_it_comes_from(stand: SesStand, row: Row) -> None:
    """Trust is for what cannot be verified, not for what was and is wrong."""
    with stand.site(trusted="loopback") as site:
        assert ask(site, row).status in (400, 403)
        assert stand.stored(site) == []


def test_right_signature_comes_before_trust(stand: SesStand) -> None:
    """Who signs rightly from a trusted address is itself."""
    with stand.site(trusted="loopback") as site:
        assert ask(site, {}).status == 200
        assert stand.stored(site)[0].message.attributes["credential"] == KEY


def test_replay_of_a_request_is_no_second_message(stand: SesStand) -> None:
    """The same bytes again get the first receipt, with or without an invocation id; another body is another call."""
    with stand.site() as site:
        for row in ({}, {"headers": [["amz-sdk-invocation-id", "one call"]]}):
            wire = request_of(row, site.port)
            receipts = set()
            for _ in range(3):
                with Line(site.port) as line:
                    line.say(wire)
                    answered = line.answer()
                    assert answered is not None
                    receipts.add(json.loads(answered.body)["MessageId"])
            assert len(receipts) == 1
        other = {
            "headers": [["amz-sdk-invocation-id", "one call"]],
            "mime": "From: a@example.com\nTo: b@example.net\n\nx",
        }
        assert ask(site, other).status == 200
        assert len(stand.stored(site)) == 3


def test_fifty_twins_at_once_are_one_message(stand: SesStand) -> None:
    """All get the one receipt, since one transaction orders them."""
    with stand.site() as site:
        wire = request_of({"headers": [["amz-sdk-invocation-id", "twins"]]}, site.port)
        lines = [Line(site.port) for _ in range(50)]
        for line in lines:
            line.say(wire)
        answers = [line.answer() for line in lines]
        for line in lines:
            line.__exit__()
        assert len({json.loads(one.body)["MessageId"] for one in answers if one is not None}) == 1
        assert len(stand.stored(site)) == 1


def test_bodies_are_bounded_in_time_and_room(stand: SesStand) -> None:
    """Who stops sending gets 408; together they hold no more than the room; one too large is refused by its length."""
    with stand.site() as site:
        reception = site.entrance.reception
        reception.limits = ReceptionLimits(unverified_bytes=200_000, idle_s=0.3, body_s=0.6)
        head = request_of({}, site.port).partition(b"\r\n\r\n")[0]
        long = head.rpartition(b"\r\n")[0] + b"\r\ncontent-length: 90000\r\n\r\n"
        with Line(site.port) as slow, Line(site.port) as other:
            slow.say(long + b"x" * 50_000)
            wait_until(lambda: reception.unverified.held_bytes == 50_000)
            other.say(long + b"x" * 80_000)
            assert _status(other) == 429
            assert _status(slow) == 408
        with Line(site.port) as dripping:
            dripping.say(long)
            while True:
                dripping.say(b"x" * 100)
                if dripping.ready(0.1):
                    break
            assert _status(dripping) == 408
        with Line(site.port) as endless:
            endless.say(head.rpartition(b"\r\n")[0] + b"\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(20):
                endless.say(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
            assert _status(endless) == 429
        with Line(site.port) as large:
            large.say(head.rpartition(b"\r\n")[0] + b"\r\ncontent-length: 99999999\r\n\r\n")
            assert _status(large) == 413
        with Line(site.port) as gone:
            gone.say(long + b"x" * 1_000)
            wait_until(lambda: reception.unverified.held_bytes == 1_000)
        wait_until(lambda: reception.unverified.held_bytes == 0)
        reception.limits = ReceptionLimits()
        assert ask(site, {}).status == 200


def test_strangers_fill_no_room_but_their_own(stand: SesStand) -> None:
    """While they hold all they may, who proves itself by the head sends, and so do small requests."""
    with stand.site(trusted="loopback") as site:
        reception = site.entrance.reception
        reception.limits = ReceptionLimits(room_bytes=8 << 20, unverified_bytes=8 << 20)
        head = request_of({"sign": {"secret": "wrong"}}, site.port).partition(b"\r\n\r\n")[0].rpartition(b"\r\n")[0]
        with Line(site.port) as first, Line(site.port) as second:
            first.say(head + b"\r\ncontent-length: 3145728\r\n\r\n" + b"x" * 2_900_000)
            wait_until(lambda: reception.unverified.held_bytes == 2_900_000)
            second.say(head + b"\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 900_000)
            assert _status(second) == 429
            assert reception.held_bytes == 0, "it is no load"
            body = request_of({}, site.port).partition(b"\r\n\r\n")[2]
            for row in ({"sign": None}, {"sign": {"payload": sha256(body).hexdigest()}}, {}):
                assert ask(site, row).status == 200
        wait_until(lambda: reception.unverified.held_bytes == 0)


def test_announcements_keep_no_large_mail_out(stand: SesStand) -> None:
    """Slow strangers who announce more than there is room for, and an honest caller of a quarter of it."""
    with stand.site() as site:
        reception = site.entrance.reception
        reception.limits = ReceptionLimits(unverified_bytes=4 << 20)
        head = request_of({"sign": {"secret": "wrong"}}, site.port).partition(b"\r\n\r\n")[0].rpartition(b"\r\n")[0]
        lines = [Line(site.port) for _ in range(24)]
        for line in lines:
            line.say(head + b"\r\ncontent-length: 10000000\r\n\r\n" + b"x" * 1_000)
        wait_until(lambda: reception.unverified.held_bytes == 24_000)
        large = {"mime": "From: a@example.com\nTo: b@example.net\n\n" + ("x" * 70 + "\n") * 10_000}
        assert ask(site, large).status == 200
        for line in lines:
            line.__exit__()
        wait_until(lambda: reception.unverified.held_bytes == 0)


def _status(line: Line) -> int:
    answered = line.answer()
    assert answered is not None
    return answered.status


def test_unix_socket_lets_in_who_may_open_it(run: Any, tmp_path: Path) -> None:
    """A real gateway at a unix socket: a caller without a signature sends; on TCP the same caller does not."""
    path = tmp_path / "api.sock"
    listen = f'[[listen]]\nhttp = "unix:{path}"\nroles = ["api"]\n[[trusted_sources]]\ncidr = "unix"\n'

    async def story() -> None:
        async with rehearsal(tmp_path, Script(providers=(("first", "smtp"),), more_config=listen)) as running:
            assert path.stat().st_mode & 0o777 == 0o660
            wire = request_of({"sign": None}, running.http_port)
            with socket.socket(socket.AF_UNIX) as there:
                there.settimeout(10)
                there.connect(str(path))
                there.sendall(wire)
                assert there.recv(1 << 16).startswith(b"HTTP/1.1 200")
            with Line(running.http_port) as here:
                here.say(wire)
                assert _status(here) == 403
            (row,) = await running.recipients()
            assert row.address == "ada@example.net"

    run(story())
