"""What sending clients ask before they send: by the paths of older and newer libraries alike."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from tests.scenarios.clients import Call, Runner, Said, Shop

pytestmark = pytest.mark.needs("node")

CALLS: dict[str, Call] = {
    "quota": {"service": "ses", "operation": "GetSendQuota", "input": {}},
    "statistics": {"service": "ses", "operation": "GetSendStatistics", "input": {}},
    "enabled": {"service": "ses", "operation": "GetAccountSendingEnabled", "input": {}},
    "identities v1": {"service": "ses", "operation": "ListIdentities", "input": {"IdentityType": "Domain"}},
    "addresses v1": {"service": "ses", "operation": "ListVerifiedEmailAddresses", "input": {}},
    "verified v1": {
        "service": "ses",
        "operation": "GetIdentityVerificationAttributes",
        "input": {"Identities": ["example.com", "shop@example.com", "elsewhere.example"]},
    },
    "sets v1": {"service": "ses", "operation": "ListConfigurationSets", "input": {}},
    "account": {"service": "sesv2", "operation": "GetAccount", "input": {}},
    "identities v2": {"service": "sesv2", "operation": "ListEmailIdentities", "input": {}},
    "identities v2, first page": {"service": "sesv2", "operation": "ListEmailIdentities", "input": {"PageSize": 1}},
    "identity": {"service": "sesv2", "operation": "GetEmailIdentity", "input": {"EmailIdentity": "shop@example.com"}},
    "sets v2": {"service": "sesv2", "operation": "ListConfigurationSets", "input": {}},
}
TYPED = ("identities v1", "verified v1", "account", "identities v2", "sets v2")
"""Those that the AWS command line is asked for; its library is older and asks by other paths."""

CONFIG = """
[[domains]]
name = "news.example.com"
[[classify]]
match = { configuration_set = "codes" }
stream = "urgent"
[limits]
messages = "50/s"
"""

Told = Mapping[str, Mapping[str, Said]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Every answer, by client and call."""
    runner = Runner(tmp_path_factory.mktemp("start"), CONFIG)
    try:
        yield runner.run(_asked(runner.shop))
    finally:
        runner.close()


async def _asked(shop: Shop) -> Told:
    calls = list(CALLS.values())
    boto3, javascript, aws = await asyncio.gather(
        shop.boto3(calls), shop.javascript(calls), shop.aws([CALLS[name] for name in TYPED])
    )
    return {
        "boto3": dict(zip(CALLS, boto3, strict=True)),
        "JavaScript": dict(zip(CALLS, javascript, strict=True)),
        "AWS CLI": dict(zip(TYPED, aws, strict=True)),
    }


PAIRS = [(client, name) for client in ("boto3", "JavaScript") for name in CALLS] + [("AWS CLI", name) for name in TYPED]


@pytest.mark.parametrize(("client", "name"), PAIRS)
def test_what_a_client_asks_when_it_starts_is_answered(client: str, name: str, told: Told) -> None:
    """Its library can read the answer, and it says what is configured here."""
    said = told[client][name]
    assert not said.error, said
    answer = said.answer
    match name:
        case "quota":
            assert (answer["MaxSendRate"], answer["SentLast24Hours"]) == (50, 0)
        case "enabled":
            assert answer["Enabled"] is True
        case "identities v1":
            assert answer["Identities"] == ["example.com", "news.example.com"]
        case "verified v1":
            verified = {"VerificationStatus": "Success"}
            assert answer["VerificationAttributes"] == {"example.com": verified, "shop@example.com": verified}
        case "sets v1":
            assert answer["ConfigurationSets"] == [{"Name": "codes"}]
        case "account":
            assert answer["ProductionAccessEnabled"] is True
            assert answer["SendQuota"]["MaxSendRate"] == 50
        case "identities v2":
            names = [one["IdentityName"] for one in answer["EmailIdentities"]]
            assert names == ["example.com", "news.example.com"]
        case "identities v2, first page":
            assert [one["IdentityName"] for one in answer["EmailIdentities"]] == ["example.com"]
            assert answer["NextToken"]
        case "identity":
            assert answer["VerifiedForSendingStatus"] is True
        case "sets v2":
            assert answer["ConfigurationSets"] == ["codes"]
        case _:
            assert name in ("statistics", "addresses v1")
