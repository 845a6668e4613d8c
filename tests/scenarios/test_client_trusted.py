"""Clients that a gateway cannot verify, on a machine it trusts; and one that may send from any domain."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenarios.clients import KEY, Call, Runner, Shop

pytestmark = pytest.mark.needs("node")

CONFIG = '[[trusted_sources]]\ncidr = "127.0.0.1/32"\n'

TEMPORARY = {"key": "ASIATEMPORARY0000001", "secret": "temporary/secret", "token": "session-token"}
"""Credentials of a role, as a machine in the cloud has them: only AWS could verify them."""

UNKNOWN = {"key": "AKIANOBODY0000000001", "secret": "a/secret"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A gateway without domains that trusts this machine."""
    runner = Runner(tmp_path_factory.mktemp("trusted"), CONFIG, domain="")
    yield runner
    runner.close()


def _calls(client: str) -> list[Call]:
    mail = b"From: shop@anywhere.example\r\nSubject: Hi\r\n\r\nHello\r\n"
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("ses", "SendRawEmail", {"Destinations": [f"v1@{client}.example.net"], "RawMessage": {"Data": mail}}),
        ("sesv2", "SendEmail", {
            "Destination": {"ToAddresses": [f"v2@{client}.example.net"]}, "Content": {"Raw": {"Data": mail}},
        }),
    ]  # fmt: skip
    whose = (TEMPORARY, UNKNOWN)
    return [
        {"service": service, "operation": operation, "input": words} | who
        for (service, operation, words), who in zip(asked, whose, strict=True)
    ]


def test_temporary_credentials_are_taken_from_a_trusted_source(stage: Runner) -> None:
    """Whoever has credentials that only AWS can verify sends unchanged, once its address is configured."""

    async def told(shop: Shop) -> None:
        said = [
            one
            for answers in await asyncio.gather(shop.boto3(_calls("boto3")), shop.javascript(_calls("javascript")))
            for one in answers
        ]
        arrived = await shop.arrived([one.receipt for one in said])
        recipients = sorted(one.recipient for arrivals in arrived.values() for one in arrivals)
        assert recipients == sorted(f"{v}@{c}.example.net" for v in ("v1", "v2") for c in ("boto3", "javascript"))

    stage.run(told(stage.shop))


def test_a_wrong_signature_of_a_key_of_ours_is_refused_even_there(stage: Runner) -> None:
    """Trust is for what cannot be verified, not for what is wrong."""
    calls: list[Call] = [
        {"service": "sesv2", "operation": "GetAccount", "input": {}, "key": KEY, "secret": "another/secret"},
    ]
    (said,) = stage.run(stage.shop.boto3(calls))
    assert (said.code, said.status, said.attempts) == ("UnrecognizedClientException", 403, 1)


def test_asking_whether_all_is_well_sends_nothing_where_any_domain_may_send(stage: Runner) -> None:
    """Nodemailer asks with a mail from nobody; a gateway without domains must not take it for mail."""

    async def told(shop: Shop) -> None:
        before = len(await shop.running.recipients())
        (said,) = await shop.nodemailer([{"transport": "ses", "verify": True}])
        assert (said.error, said.answer) == ("", {"verified": True})
        assert len(await shop.running.recipients()) == before

    stage.run(told(stage.shop))
