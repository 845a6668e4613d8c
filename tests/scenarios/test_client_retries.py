"""What clients do by themselves when an answer is bad or missing: they try again, and the mail arrives exactly once."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from posthorse.control.requests import StartSending, StopSending
from tests.scenarios.between import Act, Between, between
from tests.scenarios.clients import KEY, REGION, SECRET, Call, Runner, Said, Shop

pytestmark = pytest.mark.needs("node")

Sending = Callable[[Shop, str, str], Awaitable[list[Said]]]
"""One client's mails by a way to the gateway, each to an address below this domain."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A gateway that takes mail from example.com."""
    runner = Runner(tmp_path_factory.mktemp("retries"), "")
    yield runner
    runner.close()


# --- the clients, and one mail of each by either version of the API ---------------------------------------------------


def _v1(domain: str) -> Call:
    mail = b"From: shop@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"
    asked = {"Destinations": [f"v1@{domain}"], "RawMessage": {"Data": mail}}
    return {"service": "ses", "operation": "SendRawEmail", "input": asked}


def _v2(domain: str) -> Call:
    simple = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}
    asked = {"FromEmailAddress": "shop@example.com", "Destination": {"ToAddresses": [f"v2@{domain}"]}}
    return {"service": "sesv2", "operation": "SendEmail", "input": asked | {"Content": {"Simple": simple}}}


def _boto3(retries: str, call: Callable[[str], Call]) -> Sending:
    return lambda shop, url, domain: shop.boto3([dict(call(domain)) | {"retries": retries}], url)


async def _javascript(shop: Shop, url: str, domain: str) -> list[Said]:
    return await shop.javascript([_v1(domain), _v2(domain)], url)


async def _aws(shop: Shop, url: str, domain: str) -> list[Said]:
    return await shop.aws([_v1(domain), _v2(domain)], url)


async def _nodemailer(shop: Shop, url: str, domain: str) -> list[Said]:
    mail = {"from": "shop@example.com", "to": f"ses@{domain}", "subject": "Hi", "text": "Hello"}
    return await shop.nodemailer([{"transport": "ses", "mail": mail}], url)


def _django(settings: Mapping[str, Any], mailbox: str) -> Sending:
    def send(shop: Shop, url: str, domain: str) -> Awaitable[list[Said]]:
        mail = {"from_email": "shop@example.com", "to": [f"{mailbox}@{domain}"], "subject": "Hi", "body": "Hello"}
        return shop.django({**settings, "AWS_SES_REGION_ENDPOINT_URL": url}, [mail], url)

    return send


DJANGO_SES = {
    "EMAIL_BACKEND": "django_ses.SESBackend",
    "AWS_SES_ACCESS_KEY_ID": KEY,
    "AWS_SES_SECRET_ACCESS_KEY": SECRET,
    "AWS_SES_REGION_NAME": REGION,
    "AWS_SES_AUTO_THROTTLE": None,
}
ANYMAIL = {"EMAIL_BACKEND": "anymail.backends.amazon_ses.EmailBackend", "ANYMAIL": {}}

CLIENTS: dict[str, tuple[Sending, frozenset[str]]] = {
    "boto3-legacy-v1": (_boto3("legacy", _v1), frozenset({"v1"})),
    "boto3-legacy-v2": (_boto3("legacy", _v2), frozenset({"v2"})),
    "boto3-standard-v1": (_boto3("standard", _v1), frozenset({"v1"})),
    "boto3-standard-v2": (_boto3("standard", _v2), frozenset({"v2"})),
    "javascript": (_javascript, frozenset({"v1", "v2"})),
    "aws-cli": (_aws, frozenset({"v1", "v2"})),
    "nodemailer": (_nodemailer, frozenset({"ses"})),
    "django-ses-v1": (_django(DJANGO_SES, "v1"), frozenset({"v1"})),
    "django-ses-v2": (_django(DJANGO_SES | {"USE_SES_V2": True}, "v2"), frozenset({"v2"})),
    "django-anymail": (_django(ANYMAIL, "v2"), frozenset({"v2"})),
}
"""How each sends, and to which mailboxes."""

MAILS = sum(len(mailboxes) for _, mailboxes in CLIENTS.values())


async def _all_send(shop: Shop, way: Between, story: str) -> dict[str, list[Said]]:
    """Every client at once, by this way."""
    domains = [f"{client}.{story}.example.net" for client in CLIENTS]
    told = await asyncio.gather(
        *(send(shop, way.url, domain) for (send, _), domain in zip(CLIENTS.values(), domains, strict=True))
    )
    return dict(zip(CLIENTS, told, strict=True))


async def _assert_each_came_once(shop: Shop, told: Mapping[str, list[Said]], story: str) -> None:
    receipts = [_receipt(said) for answers in told.values() for said in answers]
    assert len(set(receipts)) == MAILS, "each mail has a receipt of its own"
    arrived = await shop.arrived(receipts)
    wanted = {f"{mailbox}@{client}.{story}.example.net" for client, (_, boxes) in CLIENTS.items() for mailbox in boxes}
    assert Counter(one.recipient for arrivals in arrived.values() for one in arrivals) == Counter(wanted)
    rows = [row for row in await shop.running.recipients() if row.address.endswith(f".{story}.example.net")]
    assert len(rows) == MAILS, "nothing was admitted twice"
    assert {row.state for row in rows} <= {"released", "handed_over"}  # an arrival comes before our answer


def _receipt(said: Said) -> str:
    assert not said.error, said
    return str(said.answer.get("MessageId") or said.answer["response"])


def _tries(way: Between) -> Counter[int]:
    """How many calls took how many tries."""
    calls = Counter(one.invocation for one in way.seen)
    assert "" not in calls, "every client names its call"
    return Counter(calls.values())


# --- the stories ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "acts"),
    [
        ("throttled", (Act.THROTTLE, Act.THROTTLE)),
        ("lost", (Act.LOSE, Act.LOSE)),
        ("mixed", (Act.FAIL, Act.LOSE)),
    ],
)
def test_a_client_that_must_try_again_sends_once(story: str, acts: tuple[Act, ...], stage: Runner) -> None:
    """Told to come later, told of a failure, or told nothing after the mail was accepted: the third try ends it."""

    async def told(shop: Shop) -> None:
        async with between(shop.running.http_port, per_call=acts) as way:
            answers = await _all_send(shop, way, story)
            await _assert_each_came_once(shop, answers, story)
            assert _tries(way) == {3: MAILS}
        counted = {client: {said.attempts for said in answers[client]} for client in ("boto3-legacy-v1", "javascript")}
        assert counted == {"boto3-legacy-v1": {3}, "javascript": {3}}

    stage.run(told(stage.shop))


def test_a_crash_between_the_commit_and_the_answer_sends_once(stage: Runner) -> None:
    """`kill -9` when everything is stored and nobody has been told: the repetition finds the first receipt."""

    async def told(shop: Shop) -> None:
        running = shop.running
        await running.ask(StopSending(reason="so that nothing leaves before the crash"))
        async with between(running.http_port, per_call=(Act.HOLD,)) as way:
            sending = asyncio.create_task(_all_send(shop, way, "crash"))
            await way.holds(MAILS - 1)  # the one of JavaScript sends its second mail after the first
            stored = {row.id for row in await running.recipients() if row.state == "queued"}
            await running.kill_gateway()
            await running.start_gateway()
            await way.let_go()
            answers = await sending
            receipts = {_receipt(said) for client in answers for said in answers[client]}
            assert stored <= receipts, "the first receipt counts, not one of the repetition"
            assert len(stored) == MAILS - 1
            assert _tries(way) == {2: MAILS}
        await running.ask(StartSending())
        await _assert_each_came_once(shop, answers, "crash")

    stage.run(told(stage.shop))


# --- more than may be sent --------------------------------------------------------------------------------------------

ERRORS = {
    "boto3-legacy-v1": ("ClientError", "Throttling", 400, 5),
    "boto3-legacy-v2": ("TooManyRequestsException", "TooManyRequestsException", 429, 5),
    "boto3-standard-v1": ("ClientError", "Throttling", 400, 3),
    "boto3-standard-v2": ("TooManyRequestsException", "TooManyRequestsException", 429, 3),
    "javascript-v1": ("Throttling", "Throttling", 400, 3),
    "javascript-v2": ("TooManyRequestsException", "TooManyRequestsException", 429, 3),
    "aws-cli-v1": ("ClientError", "Throttling", 0, 5),
    "nodemailer": ("TooManyRequestsException", "ESES", 429, 3),  # its own code for whatever SES says
}
"""Per client: class, code, HTTP status (0: it does not say), tries."""


@pytest.fixture(scope="module")
def slow_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A gateway where every key may send one message, and then none for minutes."""
    keys = "".join(f'[[access_keys]]\nid = "{_key(client)}"\nsecret = "file:shop-secret"\n' for client in ERRORS)
    runner = Runner(tmp_path_factory.mktemp("slow"), keys + '[limits]\nmessages = "0.002/s"\n')
    yield runner
    runner.close()


def _key(client: str) -> str:
    return "AKIA" + client.replace("-", "").upper()


async def _too_much(shop: Shop) -> dict[str, list[Said]]:
    """Two mails by each client, of which the first takes all it may send."""

    def twice(client: str, call: Call, retries: str = "legacy") -> list[Call]:
        return [dict(call) | {"key": _key(client), "secret": SECRET, "retries": retries}] * 2

    mail = {"from": "shop@example.com", "to": "ada@example.net", "subject": "Hi", "text": "Hello"}
    credentials = {"accessKeyId": _key("nodemailer"), "secretAccessKey": SECRET}
    v1, v2 = _v1("example.net"), _v2("example.net")
    standard_v1, standard_v2 = "boto3-standard-v1", "boto3-standard-v2"
    told = await asyncio.gather(
        shop.boto3(twice("boto3-legacy-v1", v1)),
        shop.boto3(twice("boto3-legacy-v2", v2)),
        shop.boto3([*twice(standard_v1, v1, "standard"), *twice(standard_v2, v2, "standard")]),
        shop.javascript([*twice("javascript-v1", v1), *twice("javascript-v2", v2)]),
        _one_by_one(shop, twice("aws-cli-v1", v1)),
        shop.nodemailer([{"transport": "ses", "mail": mail}] * 2, ses={"credentials": credentials}),
    )
    said = [one for answers in told for one in answers]
    return {client: said[2 * place : 2 * place + 2] for place, client in enumerate(ERRORS)}


async def _one_by_one(shop: Shop, calls: list[Call]) -> list[Said]:
    return [(await shop.aws([call]))[0] for call in calls]


def test_who_sends_too_fast_is_told_so_after_its_own_number_of_tries(slow_stage: Runner) -> None:
    """Each library's own error and patience; what was refused was not sent, however often it was tried."""

    async def told(shop: Shop) -> None:
        answers = await _too_much(shop)
        receipts = [_receipt(first) for first, _ in answers.values()]
        found = {client: (said.error, said.code, said.status, said.attempts) for client, (_, said) in answers.items()}
        assert found == ERRORS
        assert {said.text for _, said in answers.values()} == {"Maximum sending rate exceeded."}
        arrived = await shop.arrived(receipts)
        assert [len(arrivals) for arrivals in arrived.values()] == [1] * len(ERRORS)
        assert len(await shop.running.recipients()) == len(ERRORS)

    slow_stage.run(told(slow_stage.shop))


def test_a_rate_limit_is_told_to_who_asks_before_it_sends(slow_stage: Runner) -> None:
    """django-ses waits by itself for what GetAccount and GetSendQuota say; so it is the limit that holds."""
    calls: list[Call] = [
        {"service": "ses", "operation": "GetSendQuota", "input": {}},
        {"service": "sesv2", "operation": "GetAccount", "input": {}},
    ]
    v1, v2 = slow_stage.run(slow_stage.shop.boto3(calls))
    assert v1.answer["MaxSendRate"] == v2.answer["SendQuota"]["MaxSendRate"] == 0.002
    assert re.fullmatch("[0-9a-f-]{36}", v1.request_id)


# --- no room ----------------------------------------------------------------------------------------------------------


def test_a_spool_without_room_is_our_trouble_and_tried_again(tmp_path: Path) -> None:
    """Nothing is taken, each library comes back as often as for a failure of SES, and then says whose it was."""

    async def told(shop: Shop) -> list[tuple[str, int, int]]:
        v1, v2 = _v1("example.net"), _v2("example.net")
        answers = await asyncio.gather(
            shop.boto3([v1]),
            shop.boto3([dict(v2) | {"retries": "standard"}]),
            shop.javascript([v1, v2]),
        )
        assert await shop.running.recipients() == []
        return [(one.code, one.status, one.attempts) for said in answers for one in said]

    runner = Runner(tmp_path, '[limits]\nfree_space = "1000000GiB"\n')
    try:
        assert runner.run(told(runner.shop)) == [
            ("InternalFailure", 500, 5),
            ("InternalServiceErrorException", 500, 3),
            ("InternalFailure", 500, 3),
            ("InternalServiceErrorException", 500, 3),
        ]
    finally:
        runner.close()
