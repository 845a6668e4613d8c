"""What the gateway cannot take now: the shapes client libraries repeat, and that nothing of a refusal is remembered."""

import asyncio
import json
from collections.abc import Iterator, Sequence

import pytest

from posthorse.accept.load import Load
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import AdmitResult, NewMessage, SpoolUnavailable
from tests.scenarios.ses_stand import KEY, Line, Row, SesSite, SesStand, ask, request_of, wait_until

RAW = "RnJvbTogc2hvcEBleGFtcGxlLmNvbQ0KVG86IGFkYUBleGFtcGxlLm5ldA0KDQpIaQ0K"
V2: Row = {"headers": [["amz-sdk-invocation-id", "one call"]], "json": {"Content": {"Raw": {"Data": RAW}}}}
V1: Row = {
    "target": "/",
    "headers": [["amz-sdk-invocation-id", "one call"]],
    "form": [["Action", "SendRawEmail"], ["RawMessage.Data", RAW]],
}
EITHER = pytest.mark.parametrize("row", [V1, V2], ids=["v1", "v2"])


class Broken(MemorySpool):
    """A spool that cannot promise durability."""

    async def admit(self, batch: Sequence[NewMessage]) -> Sequence[AdmitResult]:
        """As a disk that fails."""
        raise SpoolUnavailable("no")


class Waiting(MemorySpool):
    """A spool whose commit takes until it is let go."""

    def __init__(self, *, clock: object) -> None:
        super().__init__(clock=clock)  # type: ignore[arg-type]
        self.gate = asyncio.Event()

    async def admit(self, batch: Sequence[NewMessage]) -> Sequence[AdmitResult]:
        """Once the gate is open."""
        await self.gate.wait()
        return await super().admit(batch)


@pytest.fixture(scope="module")
def stand() -> Iterator[SesStand]:
    """The server's thread."""
    one = SesStand()
    yield one
    one.close()


@pytest.fixture
def site(stand: SesStand) -> Iterator[SesSite]:
    """A fresh front."""
    with stand.site() as one:
        yield one


@EITHER
def test_overload_is_a_throttle(stand: SesStand, site: SesSite, row: Row) -> None:
    """While there is no room the library is told to slow down; later the same call succeeds and is one message."""
    site.load.append(Load(pending_commits=1_000_000))
    refused = ask(site, row)
    assert (refused.status, refused.code) in ((400, "Throttling"), (429, "TooManyRequestsException"))
    site.load.append(Load())
    wait_until(lambda: ask(site, row).status == 200)
    assert ask(site, row).status == 200
    assert len(stand.stored(site)) == 1


@EITHER
def test_rate_is_a_throttle(stand: SesStand, site: SesSite, row: Row) -> None:
    """Who sends too fast hears what SES says."""
    site.admission.limit_rate(0.001)
    assert ask(site, row).status == 200
    refused = ask(site, {**row, "headers": []})
    assert (refused.status, refused.code) in ((400, "Throttling"), (429, "TooManyRequestsException"))
    assert b"Maximum sending rate exceeded." in refused.body
    assert len(stand.stored(site)) == 1


@EITHER
def test_spool_in_doubt_is_our_own_trouble(stand: SesStand, site: SesSite, row: Row) -> None:
    """A 500 that libraries repeat, never a receipt; the same call succeeds once the spool does."""
    whole, site.spool = site.spool, Broken(clock=site.clock)
    refused = ask(site, row)
    assert (refused.status, refused.code) in ((500, "InternalFailure"), (500, "InternalServiceErrorException"))
    site.spool = whole
    assert ask(site, row).status == 200
    assert len(stand.stored(site)) == 1


@EITHER
def test_bug_has_a_shape_too(site: SesSite, row: Row) -> None:
    """What nobody foresaw is in the log, and the client gets a 500 of its version with nothing of it."""
    site.spool = None  # type: ignore[assignment]
    refused = ask(site, row)
    assert (refused.status, refused.code) in ((500, "InternalFailure"), (500, "InternalServiceErrorException"))
    site.log.flush()
    assert any(json.loads(line)["event"] == "bug" for line in b"".join(site.lines).splitlines())


def test_closing_gateway_ends_what_is_under_way_and_takes_no_more(stand: SesStand, site: SesSite) -> None:
    """A call that waits for its commit gets its receipt; whoever comes now is told to come back."""
    waiting = site.spool = Waiting(clock=site.clock)
    reception = site.entrance.reception
    with Line(site.port) as under_way:
        under_way.say(request_of(V2, site.port))
        wait_until(lambda: reception.pending == 1)
        closing = asyncio.run_coroutine_threadsafe(reception.close(10.0), stand.loop)
        wait_until(lambda: reception.is_closing)
        assert ask(site, {**V2, "headers": []}).status == 429
        assert not closing.done()
        stand.loop.call_soon_threadsafe(waiting.gate.set)
        answered = under_way.answer()
        assert answered is not None
        assert answered.status == 200
        closing.result(10.0)
    assert len(stand.stored(site)) == 1


def test_refusals_are_told_once(site: SesSite) -> None:
    """What the front refuses by itself is counted and logged like what admission refuses, with the credential."""
    for row, reason in (
        ({"json": {"Content": {"Raw": {"Data": "$"}}}}, "malformed"),
        ({"json": {"Content": {"Raw": {"Data": RAW}}, "ConfigurationSetName": "a b"}}, "malformed"),
        ({"mime": "From: a@evil.example\r\nTo: b@example.net\r\n\r\n"}, "sender_domain"),
    ):
        site.lines.clear()
        assert ask(site, row).status == 400
        site.log.flush()
        told = [json.loads(line) for line in b"".join(site.lines).splitlines()]
        assert [(one["event"], one["reason"], one["credential"]) for one in told] == [("refused", reason, KEY)]
