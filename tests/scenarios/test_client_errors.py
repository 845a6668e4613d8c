"""Every error that sending by the SES API can end with, as the applications' own libraries raise it, tried once."""

import asyncio
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.clients import KEY, SECRET, Call, Runner, Said, Shop

CASES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent.parent / "corpus/clients/errors.toml").read_text(encoding="utf-8")
)["case"]

CLIENTS = ("boto3 legacy", "boto3 standard", "JavaScript")
PAIRS = [(case, client) for case in CASES for client in (*CLIENTS, *(["AWS CLI"] if "cli" in case else []))]

Answers = Mapping[str, Mapping[str, Said]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A gateway that takes at most 1 MiB from example.com."""
    runner = Runner(tmp_path_factory.mktemp("errors"), '[limits]\nmessage_size = "1MiB"\n')
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def answers(stage: Runner) -> Answers:
    """What each client says of each case; each makes all its calls in one process."""
    return stage.run(_asked(stage.shop))


async def _asked(shop: Shop) -> Answers:
    names = [case["name"] for case in CASES]
    calls = [_call(case) for case in CASES]
    typed = [place for place, case in enumerate(CASES) if "cli" in case]
    standard = [dict(call) | {"retries": "standard"} for call in calls]
    told = await asyncio.gather(
        shop.boto3(calls), shop.boto3(standard), shop.javascript(calls), shop.aws([calls[place] for place in typed])
    )
    found = {client: dict(zip(names, said, strict=True)) for client, said in zip(CLIENTS, told[:3], strict=True)}
    return found | {"AWS CLI": dict(zip((names[place] for place in typed), told[3], strict=True))}


def _call(case: Mapping[str, Any]) -> Call:
    call = {"service": case["service"], "operation": case["operation"], "input": json.loads(
        case.get("input", "{}"), object_hook=_written_out
    )}  # fmt: skip
    if "secret" in case:
        call |= {"key": case.get("key", KEY), "secret": case["secret"], "token": case.get("token")}
    else:
        call |= {"key": KEY, "secret": SECRET}
    return call


def _written_out(value: dict[str, Any]) -> Any:
    if "$text" in value:
        return value["$text"].encode()
    if "$times" in value:
        return [value["of"] % number for number in range(value["$times"])]
    if "$large" in value:
        head = b"From: shop@example.com\r\nTo: ada@example.net\r\nSubject: Large\r\n\r\n"
        return head + b"0123456789 and so on, until it is long enough for a line\r\n" * (value["$large"] // 58)
    return value


@pytest.mark.needs("node")
@pytest.mark.parametrize(("case", "client"), PAIRS, ids=[f"{case['name']}, {client}" for case, client in PAIRS])
def test_a_client_raises_its_own_error_at_the_first_try(case: Mapping[str, Any], client: str, answers: Answers) -> None:
    """The class an application catches, the code, the status, words that help, and no repetition."""
    said = answers[client][case["name"]]
    assert said.code == case["code"], said
    assert case["text"] in said.text, said
    assert said.attempts == 1, said
    if client == "AWS CLI":
        return
    assert said.status == case["status"], said
    assert said.request_id, "every answer carries the id that support asks for"
    assert said.error == (case.get("boto3", case["code"]) if client.startswith("boto3") else case["code"]), said


def test_nothing_that_was_refused_is_kept(stage: Runner, answers: Answers) -> None:
    """An error says that nothing was taken: the spool holds nothing of it."""
    assert answers
    assert stage.run(stage.shop.running.recipients()) == []


def test_who_signs_nothing_is_told_so(stage: Runner) -> None:
    """A call without a signature is refused by the name that says what is missing, in either version."""
    calls = [
        {"service": "ses", "operation": "GetSendQuota", "input": {}, "unsigned": True},
        {"service": "sesv2", "operation": "GetAccount", "input": {}, "unsigned": True},
    ]
    said = stage.run(stage.shop.boto3(calls))
    assert [(one.code, one.status, one.attempts) for one in said] == [
        ("MissingAuthenticationToken", 403, 1),
        ("MissingAuthenticationTokenException", 403, 1),
    ]


def test_a_request_larger_than_any_is_refused_while_it_comes(stage: Runner) -> None:
    """What no message may be is not read to its end; libraries get an answer all the same, and do not repeat it."""
    mail = b"From: shop@example.com\r\n\r\n" + b"x" * 76 + b"\r\n"
    calls: list[Call] = [
        {"service": "ses", "operation": "SendRawEmail", "input": {"RawMessage": {"Data": mail * 180_000}}}
    ]
    boto3, javascript = stage.run(_both(stage.shop, calls))
    for one in (*boto3, *javascript):
        assert (one.code.startswith("RequestEntityTooLarge"), one.status, one.attempts) == (True, 413, 1), one


async def _both(shop: Shop, calls: list[Call]) -> tuple[list[Said], list[Said]]:
    return await shop.boto3(calls), await shop.javascript(calls)


@pytest.mark.needs("node")
def test_a_client_with_a_wrong_clock_learns_the_time(stage: Runner) -> None:
    """The refusal carries our time, by which a library corrects itself: its second try is let in."""
    calls = [
        {"service": service, "operation": operation, "input": {}, "clock_ahead_ms": 1_200_000}
        for service, operation in (("ses", "GetSendQuota"), ("sesv2", "GetAccount"))
    ]
    said = stage.run(stage.shop.javascript(calls))
    assert [(one.error, one.attempts) for one in said] == [("", 2), ("", 2)], said  # a client of its own each


FROM_OUTSIDE = {"from_email": "boss@elsewhere.example", "to": ["ada@example.net"], "subject": "Hi", "body": "Hello"}
BY_TEMPLATE = FROM_OUTSIDE | {"subject": "", "body": "", "extra": {"template_id": "welcome"}}


@pytest.mark.needs("node")
def test_mail_libraries_raise_what_the_api_said(stage: Runner) -> None:
    """django-ses, django-anymail and Nodemailer give the application the reason, each in an exception of its own."""

    async def told(shop: Shop) -> list[tuple[str, str, int, int]]:
        django_ses = {
            "EMAIL_BACKEND": "django_ses.SESBackend",
            "AWS_SES_ACCESS_KEY_ID": KEY,
            "AWS_SES_SECRET_ACCESS_KEY": SECRET,
            "AWS_SES_REGION_ENDPOINT_URL": shop.url,
        }
        anymail = {"EMAIL_BACKEND": "anymail.backends.amazon_ses.EmailBackend", "ANYMAIL": {}}
        mail = {"from": "boss@elsewhere.example", "to": "ada@example.net", "subject": "Hi", "text": "Hello"}
        answers = await asyncio.gather(
            shop.django(django_ses, [FROM_OUTSIDE]),
            shop.django(django_ses | {"USE_SES_V2": True}, [FROM_OUTSIDE]),
            shop.django(anymail, [FROM_OUTSIDE, BY_TEMPLATE]),
            shop.nodemailer([{"transport": one, "mail": mail} for one in ("ses", "smtp")]),
        )
        return [(one.error, one.code, one.status, one.attempts) for said in answers for one in said]

    assert stage.run(told(stage.shop)) == [
        ("MessageRejected", "MessageRejected", 400, 1),
        ("MessageRejected", "MessageRejected", 400, 1),
        ("AnymailAPIError", "MessageRejected", 400, 1),
        ("AnymailAPIError", "BadRequestException", 400, 1),
        ("MessageRejected", "ESES", 400, 1),
        ("Error", "EENVELOPE", 554, 0),
    ]
