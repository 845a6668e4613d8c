"""The simulated SES, on real sockets, with a bare client and with AWS's own."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from posthorse.lab.faults import GARBAGE, Fault, FaultSetting
from posthorse.lab.http_words import Answer, BadRequest, RequestReader
from posthorse.lab.ses_mail import read_send_email, rewritten
from posthorse.lab.ses_provider import SesTerms
from posthorse.lab.simulated import Verdict
from tests.unit.lab.stand import MAIL, ses_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]

KEY, SECRET = "AKIALAB0000000000001", "lab-secret"
UNSIGNED = SesTerms(keys={})
RAW = (
    b"From: Me <me@here.example>\r\nTo: a@there.example\r\nBcc: hidden@there.example\r\nDate: yesterday\r\n"
    b"Message-ID:\r\n <mine@here>\r\nX-Posthorse-Id: 01aa\r\nX-SES-CONFIGURATION-SET: set\r\n\r\nDate: body\r\n"
)


def raw(content: bytes) -> dict[str, dict[str, str]]:
    """The Content of a request."""
    return {"Raw": {"Data": base64.b64encode(content).decode()}}


def send_body(**more: object) -> bytes:
    """A SendEmail request body."""
    fields = {
        "Content": raw(RAW),
        "Destination": {"ToAddresses": ["a@there.example"]},
        **more,
    }
    return json.dumps(fields).encode()


def post(body: bytes = b"", *, path: str = "/v2/email/outbound-emails", head: str = "") -> bytes:
    """One unsigned request."""
    body = body or send_body()
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def answered(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The next answer: status, headers in lower case, body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


def aws(port: int, secret: str = SECRET) -> Any:
    """AWS's own client, pointed here."""
    return boto3.client(
        "sesv2",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5),
    )


def aws_send(port: int, secret: str = SECRET) -> Any:
    """Send with AWS's own client; answers its response or the error's parts."""
    client = aws(port, secret)
    try:
        return client.send_email(
            Content={"Raw": {"Data": RAW}}, Destination={"ToAddresses": ["a@there.example", "B <b@there.example>"]}
        )
    except ClientError as error:
        return error.response
    finally:
        client.close()


def test_awss_own_client_sends_through_it(run: Run) -> None:
    """boto3's signature is accepted; the mailbox gets the mail rewritten as SES does, the memory as it was offered."""

    async def story() -> None:
        async with ses_stand() as (provider, port):
            response = await asyncio.to_thread(aws_send, port)
            message_id = response["MessageId"]
            assert response["ResponseMetadata"]["RequestId"]
            (kept,) = provider.exchanges
            assert kept.content == RAW
            assert kept.recipients == ("a@there.example", "b@there.example")
            assert kept.sender == "me@here.example"
            first, second = provider.mailbox.arrivals("01aa")
            assert first.message_id == f"<{message_id}@email.amazonses.com>"
            assert second.recipient == "b@there.example"

    run(story())


def test_a_wrong_secret_and_a_wrong_key_get_awss_errors(run: Run) -> None:
    """The error type arrives where AWS's clients look for it, and nothing is taken."""

    async def story() -> None:
        async with ses_stand() as (provider, port):
            refused = await asyncio.to_thread(aws_send, port, "wrong")
            assert refused["Error"]["Code"] == "InvalidSignatureException"
            assert refused["ResponseMetadata"]["HTTPStatusCode"] == 403
            assert not provider.exchanges
        async with ses_stand(SesTerms(keys={"AKIAOTHER": "x"})) as (_, port):
            refused = await asyncio.to_thread(aws_send, port)
            assert refused["Error"]["Code"] == "UnrecognizedClientException"

    run(story())


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault.ANSWER_4XX, 400, "MessageRejected"),
        (Fault.ANSWER_5XX, 500, "InternalServiceErrorException"),
        (Fault.ANSWER_429, 429, "TooManyRequestsException"),
        (Fault.AUTH_REVOKED, 403, "UnrecognizedClientException"),
        (Fault.ACCOUNT_PAUSED, 400, "SendingPausedException"),
    ],
)
def test_faults_that_refuse(run: Run, fault: Fault, status: int, code: str) -> None:
    """Each is a complete no that AWS's own client reads by its code; nothing is taken; afterwards all is well."""

    async def story() -> None:
        async with ses_stand() as (provider, port):
            await provider.set_fault(FaultSetting(fault=fault))
            refused = await asyncio.to_thread(aws_send, port)
            assert refused["Error"]["Code"] == code
            assert refused["ResponseMetadata"]["HTTPStatusCode"] == status
            assert provider.counts == {Verdict.REFUSED: 1}
            await provider.set_fault(None)
            assert (await asyncio.to_thread(aws_send, port))["MessageId"]

    run(story())


def test_the_account_says_whether_it_may_send(run: Run) -> None:
    """GetAccount answers AWS's own client, and shows a pause."""

    async def story() -> None:
        async with ses_stand() as (provider, port):
            client = aws(port)
            assert (await asyncio.to_thread(client.get_account))["SendingEnabled"] is True
            await provider.set_fault(FaultSetting(fault=Fault.ACCOUNT_PAUSED))
            paused = await asyncio.to_thread(client.get_account)
            assert (paused["SendingEnabled"], paused["EnforcementStatus"]) == (False, "SHUTDOWN")
            client.close()

    run(story())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "BadRequestException"),
        (send_body(Content={"Simple": {}}), "BadRequestException"),
        (send_body(Destination={"ToAddresses": []}), "BadRequestException"),
        (send_body(Destination={"ToAddresses": ["(" * 3_000 + "a@there.example"]}), "BadRequestException"),
        (send_body(FromEmailAddress="(" * 3_000 + "me@here.example"), "BadRequestException"),
        (send_body(Content=raw(RAW.replace(b"From: ", b"From: " + b"(" * 3_000))), "BadRequestException"),
        (b'{"Content":' + b"[" * 100_000, "BadRequestException"),
        (send_body(Destination={"ToAddresses": [f"a{n}@x.example" for n in range(51)]}), "BadRequestException"),
        (send_body(Destination={"ToAddresses": ["k\u00e9@x.example"]}), "BadRequestException"),
        (send_body(FromEmailAddress="me@unverified.example"), "MessageRejected"),
    ],
)
def test_what_ses_does_not_take(run: Run, body: bytes, kind: str) -> None:
    """Malformed requests, comments without end, too many recipients, non-ASCII local parts, unverified senders."""

    async def story() -> None:
        terms = SesTerms(keys={}, verified=frozenset({"here.example"}))
        async with ses_stand(terms) as (provider, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(body) + post())
            status, headers, text = await answered(reader)
            assert (status, headers["x-amzn-errortype"]) == (400, kind)
            assert json.loads(text)["message"]
            assert (await answered(reader))[0] == 200
            assert len(provider.mailbox) == 1
            writer.close()

    run(story())


def test_scripts_answer_per_recipient(run: Run) -> None:
    """A scripted recipient is refused once, then taken."""

    async def story() -> None:
        scripts = {"a@there.example": ["400 MessageRejected Address blacklisted.", "200"]}
        async with ses_stand(UNSIGNED, scripts=scripts) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post() + post())
            status, headers, text = await answered(reader)
            assert (status, headers["x-amzn-errortype"]) == (400, "MessageRejected")
            assert json.loads(text) == {"message": "Address blacklisted."}
            assert (await answered(reader))[0] == 200
            writer.close()

    run(story())


def test_faults_after_the_last_byte(run: Run) -> None:
    """Reset and half an answer have taken the mail; garbage, silence and a lie have not."""

    async def story() -> None:
        expected = {
            Fault.RESET_AFTER_LAST_BYTE: (Verdict.TAKEN_UNANSWERED, 1),
            Fault.HALF_ANSWER: (Verdict.TAKEN_UNANSWERED, 1),
            Fault.GARBAGE_200: (Verdict.LOST, 0),
            Fault.NEVER_ANSWER: (Verdict.LOST, 0),
            Fault.ACCEPT_AND_DROP: (Verdict.DROPPED, 0),
        }
        for fault, (verdict, arrived) in expected.items():
            async with ses_stand(UNSIGNED) as (provider, port):
                await provider.set_fault(FaultSetting(fault=fault))
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(post())
                await _see(fault, reader)
                assert provider.counts == {verdict: 1}
                assert len(provider.mailbox) == arrived
                writer.close()

    run(story())


async def _see(fault: Fault, reader: asyncio.StreamReader) -> None:
    match fault:
        case Fault.RESET_AFTER_LAST_BYTE:
            with pytest.raises(ConnectionResetError):
                await reader.read()
        case Fault.HALF_ANSWER:
            with pytest.raises(asyncio.IncompleteReadError):
                await answered(reader)
        case Fault.GARBAGE_200:
            status, headers, body = await answered(reader)
            assert (status, headers["content-type"], body) == (200, "text/html", GARBAGE.encode())
        case Fault.NEVER_ANSWER:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await reader.read(1)
        case _:
            status, _, body = await answered(reader)
            assert status == 200
            assert json.loads(body)["MessageId"]


def test_a_hanging_answer_comes_late(run: Run) -> None:
    """Taken and silent; when the fault ends the true answer arrives, then the one behind it."""

    async def story() -> None:
        async with ses_stand(UNSIGNED) as (provider, port):
            await provider.set_fault(FaultSetting(fault=Fault.HANG_AFTER_DOT))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post() + post(path="/v2/email/nowhere"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await reader.read(1)
            assert len(provider.mailbox) == 1
            await provider.set_fault(None)
            assert json.loads((await answered(reader))[2])["MessageId"]
            assert (await answered(reader))[0] == 404
            writer.close()

    run(story())


def test_an_unread_request_is_read_when_the_fault_ends_even_if_the_client_left(run: Run) -> None:
    """The kernel took a small body: a client that gave up cannot know that it will still be delivered."""

    async def story() -> None:
        async with ses_stand(UNSIGNED) as (provider, port):
            await provider.set_fault(FaultSetting(fault=Fault.NEVER_READ))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post())
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert len(provider.mailbox) == 0
            await provider.set_fault(None)
            while provider.connections_open:  # noqa: ASYNC110 - a turn of the loop is all it takes
                await asyncio.sleep(0)
            assert len(provider.mailbox) == 1
            del reader

    run(story())


def test_a_client_may_wait_for_continue_or_ask_to_close(run: Run) -> None:
    """Expect: 100-continue is honoured; Connection: close ends after the answer."""

    async def story() -> None:
        async with ses_stand(UNSIGNED) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            request = post(head="Expect: 100-continue\r\nConnection: close\r\n")
            head, _, body = request.partition(b"\r\n\r\n")
            writer.write(head + b"\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            status, headers, _ = await answered(reader)
            assert (status, headers["connection"]) == (200, "close")
            assert await reader.read() == b""
            writer.close()

    run(story())


def test_what_is_not_http_is_refused_once(run: Run) -> None:
    """A line of SMTP gets 400 and the door."""

    async def story() -> None:
        async with ses_stand(UNSIGNED) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"EHLO client.example\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()

    run(story())


def test_ses_rewrites_only_what_is_its_own() -> None:
    """Message-ID, Date and Return-Path are replaced, Bcc and X-SES-* go, From follows the request, the body stays."""
    mail = read_send_email(send_body(FromEmailAddress="Other <other@here.example>"))
    got = rewritten(mail, message_id="0100-x-000000", region="eu-west-1", now=1_700_000_000_000_000)
    assert got == (
        b"Return-Path: <0100-x-000000@amazonses.com>\r\nMessage-ID: <0100-x-000000@eu-west-1.amazonses.com>\r\n"
        b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: Other <other@here.example>\r\nTo: a@there.example\r\n"
        b"X-Posthorse-Id: 01aa\r\n\r\nDate: body\r\n"
    )


def test_without_a_destination_the_header_names_the_recipients() -> None:
    """To, Cc and Bcc of the raw mail serve when the request names nobody."""
    mail = read_send_email(send_body(Destination=None))
    assert mail.recipients == ("a@there.example", "hidden@there.example")


def test_requests_are_cut_at_any_border() -> None:
    """A request fed byte by byte is the same request; garbage raises."""
    reader = RequestReader()
    for byte in post(MAIL) + post(MAIL, path="/b?x=1&y="):
        reader.feed(bytes([byte]))
    first, second = reader.complete
    assert (first.method, first.path, first.body) == ("POST", "/v2/email/outbound-emails", MAIL)
    assert (second.path, second.query, second.header("host")) == ("/b", {"x": "1", "y": ""}, "x")
    with pytest.raises(BadRequest):
        RequestReader().feed(b"\x16\x03\x01 not http\r\n\r\n")
    assert Answer(status=299).render().startswith(b"HTTP/1.1 299 Unknown\r\n")
