"""The door of Postmark: a password, and if wished a header field of one's own."""

import asyncio
import base64
import time
from collections.abc import Mapping
from contextlib import suppress
from statistics import median

import pytest

from posthorse.providers.notices import Forged, Genuine, Incoming
from posthorse.providers.postmark_notices import PostmarkNotices
from tests.unit.providers.notice_kit import NOW, PASSWORD, USER, basic, postmark

BODY = b'{"RecordType":"Open"}'


def verdict(headers: Mapping[str, str], reader: PostmarkNotices | None = None, body: bytes = BODY) -> object:
    """What the door says."""
    return asyncio.run((reader or postmark()).verify(Incoming(headers=headers, body=body, now=NOW)))


def test_who_knows_the_password_is_let_in() -> None:
    """Whatever the case of the scheme, and spaces around it."""
    good = basic()["authorization"].removeprefix("Basic ")
    for text in (f"Basic {good}", f"basic {good}", f"BASIC   {good} "):
        assert isinstance(verdict({"authorization": text}), Genuine)


def test_without_credentials_they_are_asked_for() -> None:
    """401, so that whoever has some sends them."""
    assert verdict({}) == Forged(why="no_credentials", status=401)


WRONG = [
    "Basic",
    "Basic ",
    "Basic !!!",
    "Bearer " + basic()["authorization"].removeprefix("Basic "),
    basic(password=PASSWORD + "x")["authorization"],
    basic(password=PASSWORD[:-1])["authorization"],
    basic(password="")["authorization"],
    basic(user="other")["authorization"],
    "Basic " + base64.b64encode(USER.encode()).decode(),
    f"{basic()['authorization']}, {basic()['authorization']}",
    "Basic " + "A" * 100_000,
    "Basic \xff\xfe",
]


@pytest.mark.parametrize("given", WRONG)
def test_wrong_credentials_are_refused_so_that_postmark_comes_again(given: str) -> None:
    """401 and not 403, which would end it for good."""
    assert verdict({"authorization": given}) == Forged(why="credentials", status=401)


def test_a_header_of_ones_own_is_needed_too() -> None:
    """Password and header, each alone is not enough."""
    reader = postmark(header="X-Hook-Secret", header_value="s3cret")
    assert isinstance(verdict({**basic(), "x-hook-secret": "s3cret"}, reader), Genuine)
    assert verdict(basic(), reader) == Forged(why="header", status=401)
    assert verdict({**basic(), "x-hook-secret": "s3cre"}, reader) == Forged(why="header", status=401)
    assert verdict({"x-hook-secret": "s3cret"}, reader) == Forged(why="no_credentials", status=401)


def test_other_bytes_have_another_key() -> None:
    """A repetition is told by its bytes."""
    first, again, other = verdict(basic()), verdict(basic()), verdict(basic(), body=BODY + b" ")
    assert first == again != other


def test_comparing_takes_as_long_whatever_is_right() -> None:
    """Wrong in the first letter or in the last: medians of ten thousand each, taken in turns, within 5 %."""
    reader = postmark()
    first = Incoming(headers=basic(password="x" + PASSWORD[1:]), body=BODY, now=NOW)
    last = Incoming(headers=basic(password=PASSWORD[:-1] + "x"), body=BODY, now=NOW)

    def timed(incoming: Incoming) -> int:
        asking = reader.verify(incoming)
        started = time.perf_counter_ns()
        with suppress(StopIteration):
            asking.send(None)
        return time.perf_counter_ns() - started

    early = late = 0.0
    for _ in range(3):  # another process may disturb one round
        taken = [(timed(first), timed(last)) for _ in range(10_000)]
        early, late = median(one for one, _ in taken), median(other for _, other in taken)
        if abs(early - late) < 0.05 * late:
            return
    pytest.fail(f"{early} ns against {late} ns")
