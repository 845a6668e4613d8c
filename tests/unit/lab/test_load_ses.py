"""Load by the SES API: the lab's own client and AWS's, against a simulated SES."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posthorse.lab.faults import Fault, FaultSetting
from posthorse.lab.load import LoadPlan, run_load
from posthorse.lab.load_mail import Offer, read_receipts
from posthorse.lab.load_ses import ApiPlan, SigningSession, client_words, has_boto3
from posthorse.lab.load_session import Never, NotNow
from posthorse.lab.simulated import Verdict
from posthorse.mail.stream import Stream
from tests.unit.lab.catcher import Catcher
from tests.unit.lab.stand import ses_stand, smtp_stand

Run = Callable[[Coroutine[Any, Any, Any]], Any]
OFFER = Offer(
    load_id="run-1",
    stream=Stream.URGENT,
    sender="app@sender.example",
    recipient="r1@mailbox.example",
    content=b"From: app@sender.example\r\nTo: r1@mailbox.example\r\nSubject: x\r\n\r\nhello\r\n",
)


def api(url: str, **more: Any) -> ApiPlan:
    """A plan for the simulated SES."""
    return ApiPlan(url=url, access_key_id="AKIALAB0000000000001", secret="lab-secret", **more)


@pytest.mark.parametrize("with_boto3", [False, True])
def test_a_share_goes_by_the_api(run: Run, tmp_path: Path, with_boto3: bool) -> None:
    """Every third message by the API and the others by SMTP; each has its receipt, which the API's answer gave."""
    file = tmp_path / "receipts.jsonl"

    async def story() -> None:
        async with smtp_stand() as (relay, smtp_port), ses_stand() as (ses, ses_port):
            plan = LoadPlan(
                host="127.0.0.1",
                port=smtp_port,
                messages=9,
                receipts=file,
                api=api(f"http://127.0.0.1:{ses_port}", every=3, with_boto3=with_boto3),
            )
            report = await run_load(plan)
            assert (report.accepted, report.by_api) == (9, 3)
            assert (relay.counts[Verdict.TAKEN], ses.counts[Verdict.TAKEN]) == (6, 3)
            given = {one.answer.removeprefix("200 ") for one in ses.exchanges}
            assert given <= {one.receipt for one in read_receipts(file)}

    run(story())


def test_who_sends_is_said() -> None:
    """By name and version, or that it is not installed."""
    assert client_words(api("http://127.0.0.1:1", with_boto3=has_boto3())).startswith("boto3 1.")
    assert "own signing client" in client_words(api("http://127.0.0.1:1"))


def test_another_try_is_the_same_call(run: Run) -> None:
    """A lost answer is no doubt: the next try of the message has the same invocation id, another message another."""

    async def story() -> None:
        async with Catcher((500,)).listening() as catcher:
            session = SigningSession(api(catcher.url.removesuffix("/hooks/name")), 5.0)
            for _ in range(2):
                with pytest.raises(NotNow) as told:
                    await session.send(OFFER)
                assert not told.value.is_doubtful
            with pytest.raises(NotNow):
                await session.send(replace(OFFER, load_id="run-2"))
            await session.close()
            first, second, other = (one.header("amz-sdk-invocation-id") for one in catcher.requests)
            assert first == second != other
            assert json.loads(catcher.requests[0].body)["Destination"] == {"ToAddresses": ["r1@mailbox.example"]}

    run(story())


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.ANSWER_429, NotNow), (Fault.ANSWER_5XX, NotNow), (Fault.AUTH_REVOKED, Never), (Fault.REFUSE, NotNow)],
)
def test_what_is_tried_again_and_what_is_not(run: Run, fault: Fault, kind: type[Exception]) -> None:
    """Throttling, errors of the server and no connection are tried again; refused credentials are not."""

    async def story() -> None:
        async with ses_stand() as (ses, port):
            await ses.set_fault(FaultSetting(fault=fault))
            session = SigningSession(api(f"http://127.0.0.1:{port}"), 5.0)
            with pytest.raises(kind):
                await session.send(OFFER)
            await session.close()
            await asyncio.sleep(0)

    run(story())
