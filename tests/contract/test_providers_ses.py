"""SES on the HTTP exchange: kept connections, the last byte, and what the request says."""

import asyncio
from typing import Any

import pytest

from posthorse.adapters.dialer import SystemDialer
from posthorse.mail.ids import ProviderName
from posthorse.providers.http import PooledHttpExchange
from posthorse.providers.ses import SesProvider
from tests.contract.provider_kit import BODY, SHORT, Gate, group, play, way_back, words
from tests.contract.scripted_http import SesServer

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
HANDED_OVER = {3: "handover provider"}


class SetClock:
    """A wall clock that shows what it was set to."""

    def __init__(self, us: int = 1_767_225_600_000_000) -> None:
        self.us = us

    def now(self) -> int:
        return self.us

    def monotonic(self) -> float:
        return 0.0


def ses(port: int, **more: Any) -> SesProvider:
    """The way out under test."""
    known: dict[str, Any] = {
        "name": ProviderName("ses"),
        "region": "eu-west-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "secret",
        "endpoint": f"http://127.0.0.1:{port}",
        "exchange": PooledHttpExchange(dialer=SystemDialer()),
        "clock": SetClock(),
    }
    return SesProvider(**(known | more))


# --- kept connections -----------------------------------------------------------------------------------------------


@LOOPS
def test_one_connection_carries_many_requests(loop: str) -> None:
    """A connection is kept and used again, unless the server says that it closes it."""

    async def story() -> None:
        async with SesServer().listening() as server:
            way = ses(server.port)
            for _ in range(4):
                assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert server.connections == 1
        closing = 'raw:HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 17\r\n\r\n{"MessageId":"a"}'
        async with SesServer(script={"answer": closing}).listening() as server:
            way = ses(server.port)
            for _ in range(2):
                assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert server.connections == 2

    play(story(), loop)


@LOOPS
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_connection_found_dead_before_the_yes_is_replaced_once(end: str, loop: str) -> None:
    """A kept connection that the server closed costs no outcome, even when that is seen only while the gate decides."""

    async def story() -> None:
        async with SesServer(script={"head": ["raw:", end, "raw:"]}).listening() as server:
            way = ses(server.port)
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER

            async def until_noticed() -> None:
                await server.until(lambda: server.deserted)
                await way_back(server.port)

            gate = Gate(until=until_noticed)
            assert words((await way.attempt(group(), gate)).outcomes) == HANDED_OVER
            assert (len(gate.asked), len(server.taken)) == (1, 2)

    play(story(), loop)


@LOOPS
def test_after_the_last_byte_nothing_is_sent_again(loop: str) -> None:
    """A kept connection that dies after the release is unclear, never replaced."""

    async def story() -> None:
        async with SesServer(script={"answer": ['200 {"MessageId":"a"}', "reset"]}).listening() as server:
            way = ses(server.port)
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert words((await way.attempt(group(), Gate())).outcomes) == {3: "unclear provider"}
            assert (server.connections, len(server.taken)) == (1, 2)

    play(story(), loop)


@LOOPS
def test_connections_are_prepared_and_closed(loop: str) -> None:
    """`prepare` opens idle connections, and closing the exchange closes them; nobody listening is no error."""

    async def story() -> None:
        exchange = PooledHttpExchange(dialer=SystemDialer())
        async with SesServer().listening() as server:
            way = ses(server.port, exchange=exchange)
            await way.prepare(3)
            await way.prepare(3)
            await way_back(server.port)
            assert server.connections - 3 == 3
            await exchange.close()
            await server.until(lambda: server.deserted)
        await way.prepare(2)

    play(story(), loop)


# --- the last byte --------------------------------------------------------------------------------------------------


@LOOPS
def test_all_but_the_last_byte_is_there_before_the_gate_answers(loop: str) -> None:
    """The server has the whole body but its end while the release mark commits, and the mail only after the yes."""

    async def story() -> None:
        async with SesServer().listening() as server:

            async def until_body_is_there() -> None:
                await server.until(lambda: server.partial.endswith(b'"}}'))
                await way_back(server.port)
                assert (server.taken, server.partial.endswith(b'"}}}')) == ([], False)

            report = await ses(server.port).attempt(group(), Gate(until=until_body_is_there))
            assert words(report.outcomes) == HANDED_OVER

    play(story(), loop)


@LOOPS
def test_a_no_from_the_gate_leaves_the_server_without_the_mail(loop: str) -> None:
    """The connection is torn down before the last byte, and the next mail uses another one."""

    async def story() -> None:
        async with SesServer().listening() as server:
            way = ses(server.port)
            assert (await way.attempt(group(), Gate(answer=False))).outcomes == {}
            await server.until(lambda: server.deserted)
            assert (server.taken, server.unfinished) == ([], 1)
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER

    play(story(), loop)


@LOOPS
def test_a_large_body_is_out_before_the_gate_is_asked_and_a_stall_is_a_fault(loop: str) -> None:
    """8 MB arrive whole; a server that stops reading amid them is left before anything was released."""
    body = (b"x" * 70 + b"\r\n") * 120_000

    class NotReading(SesServer):
        async def _body(self, length: int, reader: asyncio.StreamReader) -> None:
            await asyncio.Event().wait()

    async def story() -> None:
        async with SesServer().listening() as server:
            assert words((await ses(server.port).attempt(group(body=body), Gate())).outcomes) == HANDED_OVER
            assert server.taken[0].content == body
        async with NotReading().listening() as server:
            gate = Gate()
            way = ses(server.port)
            await way.prepare(1)
            report = await way.attempt(group(body=body, limits=SHORT), gate)
            assert words(report.outcomes) == {3: "fault channel"}
            assert (gate.asked, server.connections) == ([], 1), "a stall is no reason to try again"

    play(story(), loop)


# --- what SES is told -----------------------------------------------------------------------------------------------


def test_the_request_carries_envelope_tags_and_content() -> None:
    """Recipients are the envelope, From stays as it is, our id is a tag, and tags are made of SES's letters."""
    attributes = {"configuration_set": "own", "tag:campaign": "spring sale!", "tag:posthorse:stream": "bulk", "x": "y"}

    async def story() -> None:
        async with SesServer().listening() as server:
            way = ses(server.port, configuration_set="house", session_token="TOKEN")
            await way.attempt(group("b@example.org", "c@example.org", attributes=attributes), Gate())
            await way.attempt(group(sender=""), Gate())
            first, second = server.requests
            tags = {tag["Name"]: tag["Value"] for tag in first.pop("EmailTags")}
            assert tags == {"posthorse-id": bytes(range(16)).hex(), "campaign": "spring_sale_"}
            content = first.pop("Content")
            assert first == {
                "Destination": {"ToAddresses": ["b@example.org", "c@example.org"]},
                "FeedbackForwardingEmailAddress": "a@example.com",
                "ConfigurationSetName": "own",
            }
            assert list(content) == ["Raw"]
            assert [mail.content for mail in server.taken] == [BODY, BODY]
            assert second["ConfigurationSetName"] == "house"
            assert "FeedbackForwardingEmailAddress" not in second
            assert server.headers[0]["x-amz-security-token"] == "TOKEN"
            assert server.headers[0]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/")

    play(story())


def test_a_skewed_clock_is_learnt_from_the_refusal() -> None:
    """SES's Date shows by how much our clock is wrong; the next request is signed with SES's time."""
    refusal = (
        "raw:HTTP/1.1 403 Forbidden\r\nDate: Thu, 01 Jan 2026 02:00:00 GMT\r\n"
        "x-amzn-ErrorType: InvalidSignatureException\r\n"
        'Content-Length: 46\r\n\r\n{"message":"Signature expired: is now earlier"}'
    )
    refusal = refusal.replace("46", str(len(refusal.partition("\r\n\r\n")[2])))

    async def story() -> None:
        async with SesServer(script={"answer": [refusal, '200 {"MessageId":"a"}']}).listening() as server:
            way = ses(server.port)
            assert words((await way.attempt(group(), Gate())).outcomes) == {3: "fault us"}
            assert words((await way.attempt(group(), Gate())).outcomes) == HANDED_OVER
            assert [headers["x-amz-date"] for headers in server.headers] == ["20260101T000000Z", "20260101T020000Z"]

    play(story())


@pytest.mark.parametrize(
    ("answer", "recipients", "attributes", "expect"),
    [
        ("400 BadRequestException Missing final '@domain'", 1, {}, "rejection recipient"),
        ("400 BadRequestException Missing final '@domain'", 2, {}, "rejection channel"),
        ("404 NotFoundException Configuration set <x> does not exist.", 1, {}, "rejection account"),
        (
            "404 NotFoundException Configuration set <x> does not exist.",
            1,
            {"configuration_set": "x"},
            "fault us",
        ),
        ("400 BadRequestException Configuration set does not exist: x", 1, {"configuration_set": "x"}, "fault us"),
        (
            "400 ConfigurationSetSendingPausedException Sending is paused for the configuration set",
            1,
            {"configuration_set": "x"},
            "rejection channel",
        ),
    ],
)
def test_a_refusal_is_not_taken_for_more_than_it_says(
    answer: str, recipients: int, attributes: dict[str, str], expect: str
) -> None:
    """One bad address of several condemns nobody for good; a set the message named says nothing of the account."""

    async def story() -> None:
        async with SesServer(script={"answer": answer}).listening() as server:
            addresses = [f"b{n}@example.org" for n in range(recipients)]
            report = await ses(server.port).attempt(group(*addresses, attributes=attributes), Gate())
            assert set(words(report.outcomes).values()) == {expect}

    play(story())


def test_a_set_that_the_account_does_not_have_is_named_once() -> None:
    """The mail goes at once under the set of the provider, also what was on its way meanwhile; other sets are named."""

    async def story() -> None:
        missing = {"answer": "404 NotFoundException Configuration set <theirs> does not exist."}
        async with SesServer(script=missing).listening() as server:
            way = ses(server.port, configuration_set="house")
            theirs = group(attributes={"configuration_set": "theirs"})
            both = await asyncio.gather(way.attempt(theirs, Gate()), way.attempt(theirs, Gate()))
            assert [words(report.outcomes) for report in both] == [{3: "fault us"}] * 2
            server.script = {}
            for attributes in ({"configuration_set": "theirs"}, {"configuration_set": "other"}, {}):
                assert words((await way.attempt(group(attributes=attributes), Gate())).outcomes) == HANDED_OVER
            named = [request.get("ConfigurationSetName") for request in server.requests]
            assert named == ["theirs", "theirs", "house", "other", "house"]
            server.script = missing
            assert words((await way.attempt(group(), Gate())).outcomes) == {3: "rejection account"}

    play(story())


def test_a_missing_set_of_the_provider_is_the_account_whoever_names_it() -> None:
    """There is no other one to go under: the mail must leave this provider, not be tried here every second."""

    async def story() -> None:
        missing = {"answer": "404 NotFoundException Configuration set <house> does not exist."}
        async with SesServer(script=missing).listening() as server:
            way = ses(server.port, configuration_set="house")
            for _ in range(2):
                report = await way.attempt(group(attributes={"configuration_set": "house"}), Gate())
                assert words(report.outcomes) == {3: "rejection account"}

    play(story())


@pytest.mark.parametrize(
    ("addresses", "message", "expect"),
    [
        (["b@example.org"] * 51, {}, "rejection channel"),
        (["\u00e9@example.org"], {}, "rejection channel"),
        (["b@example.org"], {"sender": "a@b>\r\n"}, "rejection channel"),
        (["b@example.org"], {"body": b"x\n"}, "rejection message"),
        (["b@example.org"], {"body": b"x" * ((40 << 20) + 1)}, "rejection channel"),
    ],
)
def test_what_ses_cannot_be_given_is_not_offered(addresses: list[str], message: dict[str, Any], expect: str) -> None:
    """Too many recipients, addresses or content beyond SES's rules: refused here, nothing is sent, gate never asked."""

    async def story() -> None:
        gate = Gate()
        async with SesServer().listening() as server:
            report = await ses(server.port).attempt(group(*addresses, **message), gate)
            assert set(words(report.outcomes).values()) == {expect}
            assert (gate.asked, server.connections) == ([], 0)

    play(story())


@pytest.mark.parametrize("endpoint", ["ftp://x", "https://", "https://x/path", "https://x?q=1", "x.example"])
def test_an_endpoint_is_a_base_address(endpoint: str) -> None:
    """Anything else is refused when the provider is made."""
    with pytest.raises(ValueError, match="base address"):
        ses(1, endpoint=endpoint)
