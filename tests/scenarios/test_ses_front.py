"""Applications that send with boto3 through a running gateway: what arrives, what errors they catch, and that a call
that boto3 repeats by itself is one message, through a lost answer, a throttle, and a crash between commit and answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from posthorse.control.requests import KeyCreate, KeyRevoke, StartSending, StopSending
from posthorse.lab.mailbox import Arrival
from posthorse.lab.rehearsal import Rehearsal, Script, rehearsal
from posthorse.lab.roster import SECRET_ACCESS_KEY
from tests.scenarios.between import Act, between

KEY = "AKIAFRONT00000000001"
GATEWAY = f"""
[[access_keys]]
id = "{KEY}"
secret = "env:REHEARSAL_SES_SECRET"
[[domains]]
name = "example.com"
[[classify]]
match = {{ configuration_set = "codes" }}
stream = "urgent"
"""
RAW = b"From: Shop <shop@example.com>\nTo: ada@example.net\nSubject: Hello\n\nHello Ada.\n"
SERVICES = ("sesv2", "ses")
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[Rehearsal]:
    """A gateway with one provider."""
    async with rehearsal(folder, Script(providers=(("first", "smtp"),), more_config=GATEWAY)) as running:
        yield running


def client(service: str, url: str, retries: str = "standard", attempts: int = 4, **more: Any) -> Any:
    """A boto3 client of its own, with nothing taken from this machine."""
    session = boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=SECRET_ACCESS_KEY, region_name="us-east-1")
    config = Config(retries={"mode": retries, "total_max_attempts": attempts}, read_timeout=20)
    return session.client(service, endpoint_url=url, config=config, **more)


def send(one: Any, raw: bytes = RAW) -> str:
    """The receipt of a raw message, by either version."""
    if one.meta.service_model.service_name == "sesv2":
        return str(one.send_email(Content={"Raw": {"Data": raw}})["MessageId"])
    return str(one.send_raw_email(RawMessage={"Data": raw})["MessageId"])


async def arrived(running: Rehearsal, messages: int) -> list[Arrival]:
    """Everything in the mailbox, once so many messages are there and the gateway owes nothing."""
    await asyncio.to_thread(running.remote.mailbox_with, messages, 30.0)
    async with asyncio.timeout(30):
        while any(row.state not in ("handed_over", "in_doubt") for row in await running.recipients()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # nothing tells us across processes
    return await asyncio.to_thread(running.remote.arrivals)


def test_boto3_sends_and_mail_arrives(run: Run, tmp_path: Path) -> None:
    """Raw and Simple by v2, raw and structured by v1, 38 MiB by v2 and 9 MiB by v1: each arrives once, at everybody."""

    async def story() -> None:
        async with gateway(tmp_path) as running:
            receipts = await asyncio.to_thread(_send_all, f"http://127.0.0.1:{running.http_port}")
            arrivals = await arrived(running, len(receipts))
            got = sorted((one.id, one.recipient) for one in arrivals)
            wanted = sorted((receipt, address) for receipt, to in receipts.items() for address in to)
            assert got == wanted
            rows = await running.recipients()
            streams = {row.id: row.stream for row in rows}
            assert list(streams.values()).count("urgent") == 1

    run(story())


def _send_all(url: str) -> dict[str, list[str]]:
    v2, v1 = client("sesv2", url), client("ses", url)
    receipts = {send(v2): ["ada@example.net"], send(v1): ["ada@example.net"]}
    simple = {"Subject": {"Data": "Grüße"}, "Body": {"Text": {"Data": "Hällo"}, "Html": {"Data": "<p>Hällo"}}}
    simple |= {"Attachments": [{"FileName": "ä.txt", "RawContent": b"abc"}]}
    to = {
        "ToAddresses": ["Ada <ada@example.net>"],
        "CcAddresses": ["bob@example.net"],
        "BccAddresses": ["c@example.net"],
    }
    by_v2 = v2.send_email(
        FromEmailAddress="Shop <shop@example.com>",
        Destination=to,
        Content={"Simple": simple},
        ConfigurationSetName="codes",
        EmailTags=[{"Name": "campaign", "Value": "welcome"}],
    )
    by_v1 = v1.send_email(
        Source="shop@example.com",
        Destination={"ToAddresses": ["ada@example.net"]},
        Message={"Subject": {"Data": "a & <b>"}, "Body": {"Text": {"Data": "100 % + ü"}}},
    )
    receipts[by_v2["MessageId"]] = ["ada@example.net", "bob@example.net", "c@example.net"]
    receipts[by_v1["MessageId"]] = ["ada@example.net"]
    line = b"x" * 75 + b"\n"
    receipts[send(v2, RAW + line * (38 * 1_048_576 // 76))] = ["ada@example.net"]
    receipts[send(v1, RAW + line * (9 * 1_048_576 // 76))] = ["ada@example.net"]
    return receipts


def test_boto3_catches_the_errors_it_knows(run: Run, tmp_path: Path) -> None:
    """Its own exception classes and codes, with a request id each, and none of them repeated."""

    async def story() -> None:
        async with gateway(tmp_path) as running:
            await asyncio.to_thread(_provoke, f"http://127.0.0.1:{running.http_port}")

    run(story())


def _provoke(url: str) -> None:
    v2, v1 = client("sesv2", url), client("ses", url)
    foreign = RAW.replace(b"shop@example.com", b"shop@evil.example")
    for one in (v1, v2):
        with pytest.raises(one.exceptions.MessageRejected, match="Email address is not verified") as refused:
            send(one, foreign)
        assert refused.value.response["ResponseMetadata"]["RequestId"]
        assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    template = {"Template": {"TemplateName": "welcome", "TemplateData": "{}"}}
    with pytest.raises(v2.exceptions.BadRequestException, match="Template content is not offered"):
        v2.send_email(FromEmailAddress="shop@example.com", Content=template)
    with pytest.raises(v2.exceptions.BadRequestException, match="CreateEmailTemplate is not offered"):
        v2.create_email_template(TemplateName="a", TemplateContent={"Subject": "b"})
    with pytest.raises(v2.exceptions.NotFoundException):
        v2.get_email_identity(EmailIdentity="evil.example")
    with pytest.raises(ClientError, match="InvalidAction"):
        v1.list_templates()
    for service, code in (("sesv2", "UnrecognizedClientException"), ("ses", "InvalidClientTokenId")):
        for key, secret in ((KEY, "wrong"), ("AKIANOBODY", SECRET_ACCESS_KEY)):
            session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
            with pytest.raises(ClientError, match="The security token included in the request") as error:
                send(session.client(service, endpoint_url=url))
            assert error.value.response["Error"]["Code"] == code


def test_clients_learn_what_they_ask_at_start_up(run: Run, tmp_path: Path) -> None:
    """Quota, identities and sets as they are here, page by page."""

    async def story() -> None:
        async with gateway(tmp_path) as running:
            await asyncio.to_thread(_ask_at_start, f"http://127.0.0.1:{running.http_port}")

    run(story())


def _ask_at_start(url: str) -> None:
    v2, v1 = client("sesv2", url), client("ses", url)
    send(v2)
    assert v2.get_account()["SendQuota"]["SentLast24Hours"] == 1.0
    assert v1.get_send_quota()["Max24HourSend"] == -1.0
    assert v1.get_send_statistics()["SendDataPoints"][0]["DeliveryAttempts"] == 1
    assert v2.list_email_identities(PageSize=1)["EmailIdentities"][0]["IdentityName"] == "example.com"
    assert v1.list_identities(IdentityType="Domain")["Identities"] == ["example.com"]
    assert v1.list_identities(IdentityType="EmailAddress")["Identities"] == []
    assert v2.get_email_identity(EmailIdentity="shop@example.com")["VerifiedForSendingStatus"]
    assert v2.list_configuration_sets()["ConfigurationSets"] == ["codes"]
    assert v1.list_configuration_sets()["ConfigurationSets"] == [{"Name": "codes"}]
    attributes = v1.get_identity_verification_attributes(Identities=["example.com", "evil.example"])
    assert attributes["VerificationAttributes"] == {"example.com": {"VerificationStatus": "Success"}}
    assert v1.list_verified_email_addresses()["VerifiedEmailAddresses"] == []
    assert v1.get_account_sending_enabled()["Enabled"]


def test_key_counts_from_its_making_to_its_revocation(run: Run, tmp_path: Path) -> None:
    """A key made while the gateway runs signs at once, a revoked one no more; both without a restart."""

    async def story() -> None:
        async with gateway(tmp_path) as running:
            url = f"http://127.0.0.1:{running.http_port}"
            made = await running.ask(KeyCreate(tenant="main", note="shop"))
            session = boto3.Session(made.id, made.secret, region_name="eu-west-3")
            one = session.client("sesv2", endpoint_url=url)
            receipt = await asyncio.to_thread(send, one)
            assert [row.id for row in await arrived(running, 1)] == [receipt]
            await running.ask(KeyRevoke(id=made.id))
            with pytest.raises(ClientError, match="UnrecognizedClientException"):
                await asyncio.to_thread(send, one)

    run(story())


@pytest.mark.parametrize("retries", ["legacy", "standard"])
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("act", [Act.LOSE, Act.THROTTLE, Act.FAIL])
def test_repeated_call_is_one_message(run: Run, tmp_path: Path, act: Act, service: str, retries: str) -> None:
    """boto3 repeats a call whose answer was lost after the commit, or that was throttled: received exactly once."""

    async def story() -> None:
        async with gateway(tmp_path) as running, between(running.http_port, plan=(act,)) as way:
            one = client(service, way.url, retries)
            receipts = [await asyncio.to_thread(send, one) for _ in range(2)]
            assert len(way.seen) == 3
            assert way.seen[0].invocation == way.seen[1].invocation != way.seen[2].invocation
            assert sorted(one.id for one in await arrived(running, 2)) == sorted(receipts)
            assert len({row.id for row in await running.recipients()}) == 2

    run(story())


@pytest.mark.parametrize("service", SERVICES)
def test_call_repeated_after_a_crash_is_one_message(run: Run, tmp_path: Path, service: str) -> None:
    """The gateway commits, is killed before its answer leaves, and starts again: the repetition finds the receipt."""

    async def story() -> None:
        async with gateway(tmp_path) as running, between(running.http_port, plan=(Act.HOLD,)) as way:
            await running.ask(StopSending(reason="what is released when the gateway is killed is in doubt for longer"))
            calling = asyncio.create_task(asyncio.to_thread(send, client(service, way.url, attempts=4)))
            await way.holds(1)
            committed = [row.id for row in await running.recipients()]
            await running.kill_gateway()
            await running.start_gateway()
            await way.let_go()
            receipt = await calling
            assert committed == [receipt]
            assert len(way.seen) == 2
            await running.ask(StartSending())
            assert [one.id for one in await arrived(running, 1)] == [receipt]

    run(story())
