"""The translation table of SES's answers, row by row in the shapes of the wire, and that it is total."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear
from posthorse.mail.ports import HttpResponse
from posthorse.providers.ses_replies import QUOTA_PAUSE_S, RATE_PAUSE_S, ROWS, reply_of, translate
from posthorse.providers.table import Phase, first_fit

UNVERIFIED = (
    "Email address is not verified. The following identities failed the check in region EU-WEST-1: a@example.com"
)
EXPIRED = "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)"
EARLY = "Signature not yet current: 20260101T002000Z is still later than 20260101T001500Z (20260101T001000Z + 5 min.)"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
)

CASES: list[tuple[int, str, str, type[Outcome], Scope]] = [
    (429, "TooManyRequestsException", "Maximum sending rate exceeded.", Throttle, Scope.ACCOUNT),
    (429, "TooManyRequestsException", "Too Many Requests", Throttle, Scope.ACCOUNT),
    (429, "TooManyRequestsException", "Daily message quota exceeded.", Throttle, Scope.ACCOUNT),
    (429, "", "", Throttle, Scope.ACCOUNT),
    (400, "ThrottlingException", "Maximum sending rate exceeded.", Throttle, Scope.ACCOUNT),
    (400, "Throttling", "Daily message quota exceeded.", Throttle, Scope.ACCOUNT),
    (400, "LimitExceededException", "There are too many instances of the resource type.", Throttle, Scope.ACCOUNT),
    (403, "InvalidSignatureException", EXPIRED, Fault, Scope.US),
    (403, "InvalidSignatureException", EARLY, Fault, Scope.US),
    (403, "SignatureDoesNotMatch", EXPIRED, Fault, Scope.US),
    (
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        Fault,
        Scope.US,
    ),
    (400, "RequestExpired", "Request has expired.", Fault, Scope.US),
    (403, "InvalidSignatureException", MISMATCH, Rejection, Scope.ACCOUNT),
    (
        403,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        Rejection,
        Scope.ACCOUNT,
    ),
    (403, "MissingAuthenticationTokenException", "Missing Authentication Token", Rejection, Scope.ACCOUNT),
    (403, "AccessDeniedException", "User is not authorized to perform `ses:SendEmail`", Rejection, Scope.ACCOUNT),
    (403, "ExpiredTokenException", "The security token included in the request is expired", Rejection, Scope.ACCOUNT),
    (401, "", "", Rejection, Scope.ACCOUNT),
    (400, "IncompleteSignatureException", "'Signature' is missing", Rejection, Scope.ACCOUNT),
    (400, "AccountSuspendedException", "", Rejection, Scope.ACCOUNT),
    (400, "SendingPausedException", "Sending is paused for this account.", Rejection, Scope.ACCOUNT),
    (
        400,
        "MessageRejected",
        "Sending suspended for this account. For more information, see ...",
        Rejection,
        Scope.ACCOUNT,
    ),
    (404, "NotFoundException", "Configuration set <x> does not exist.", Rejection, Scope.ACCOUNT),
    (400, "MailFromDomainNotVerifiedException", "", Rejection, Scope.SENDER_DOMAIN),
    (400, "MessageRejected", UNVERIFIED, Rejection, Scope.SENDER_DOMAIN),
    (413, "", "Request Entity Too Large", Rejection, Scope.CHANNEL),
    (
        400,
        "BadRequestException",
        "Message length is more than 41943040 bytes long: '50000000'.",
        Rejection,
        Scope.CHANNEL,
    ),
    (400, "BadRequestException", "Missing final '@domain'", Rejection, Scope.RECIPIENT),
    (400, "BadRequestException", "Local address contains control or whitespace", Rejection, Scope.RECIPIENT),
    (400, "BadRequestException", "Domain contains illegal character", Rejection, Scope.RECIPIENT),
    (400, "BadRequestException", "Missing required header 'From'.", Rejection, Scope.MESSAGE),
    (400, "MessageRejected", "Email content contains a virus.", Rejection, Scope.MESSAGE),
    (400, "InvalidParameterValue", "Duplicate header 'Subject'.", Rejection, Scope.MESSAGE),
    (400, "ValidationException", "1 validation error detected", Rejection, Scope.MESSAGE),
    (408, "", "Request Timeout", Deferral, Scope.PROVIDER),
    (400, "SomethingNewException", "?", Fault, Scope.PROVIDER),
    (405, "", "", Fault, Scope.PROVIDER),
    (500, "InternalServiceErrorException", "An internal service error occurred.", Unclear, Scope.PROVIDER),
    (503, "ServiceUnavailable", "", Unclear, Scope.PROVIDER),
    (504, "", "", Unclear, Scope.PROVIDER),
    (301, "", "", Unclear, Scope.PROVIDER),
]


def answer(status: int, name: str, text: str) -> HttpResponse:
    """An error as SES writes it."""
    headers = {"content-type": "application/json"} | ({"x-amzn-errortype": name} if name else {})
    return HttpResponse(status=status, headers=headers, body=json.dumps({"message": text}).encode())


@pytest.mark.parametrize(
    ("status", "name", "text", "kind", "scope"), CASES, ids=[f"{c[0]} {c[1]} {c[2][:30]}" for c in CASES]
)
def test_each_answer_has_its_outcome(status: int, name: str, text: str, kind: type[Outcome], scope: Scope) -> None:
    """An error of SES after the release gives this kind and scope, and keeps what was said."""
    outcome = translate(Phase.AFTER, reply_of(answer(status, name, text)))
    assert type(outcome) is kind
    assert not isinstance(outcome, Handover)
    assert outcome.scope is scope
    assert (outcome.reply.code, outcome.reply.enhanced) == (status, name)


def test_every_row_of_the_table_is_reached() -> None:
    """No row is dead."""
    reached = {id(first_fit(ROWS, Phase.AFTER, reply_of(answer(*case[:3])))) for case in CASES}
    reached.add(id(first_fit(ROWS, Phase.AFTER, reply_of(HttpResponse(status=200, body=b'{"MessageId":"x"}')))))
    reached.add(id(first_fit(ROWS, Phase.BEFORE, Reply(text="connection lost"))))
    reached.add(id(first_fit(ROWS, Phase.BEFORE, reply_of(answer(500, "", "")))))
    reached.add(id(first_fit(ROWS, Phase.OURS, Reply(text="no certificate"))))
    assert [row for row in ROWS if id(row) not in reached] == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-errortype": "MessageRejected"}, {"message": "no"}),
        (
            {"x-amzn-errortype": "MessageRejected:http://internal.amazon.com/coral/com.amazonaws.ses.v2/"},
            {"message": "no"},
        ),
        ({}, {"__type": "MessageRejected", "message": "no"}),
        ({}, {"__type": "com.amazonaws.sesv2#MessageRejected", "Message": "no"}),
        ({}, {"code": "MessageRejected", "message": "no"}),
    ],
)
def test_all_spellings_of_an_error_are_read(headers: dict[str, str], body: dict[str, str]) -> None:
    """The error's name comes by header or in the body, bare or with a name space; its text in either case."""
    reply = reply_of(HttpResponse(status=400, headers=headers, body=json.dumps(body).encode()))
    assert reply == Reply(code=400, enhanced="MessageRejected", text="no")


def test_quota_and_rate_differ_by_their_text_only() -> None:
    """Same status, same name: a second for the rate, minutes for the quota."""
    pauses = []
    for text in ("Maximum sending rate exceeded.", "Daily message quota exceeded."):
        outcome = translate(Phase.AFTER, reply_of(answer(429, "TooManyRequestsException", text)))
        assert isinstance(outcome, Throttle)
        pauses.append(outcome.retry_after_s)
    assert pauses == [RATE_PAUSE_S, QUOTA_PAUSE_S]


def test_a_readable_yes_is_a_handover_with_the_providers_id() -> None:
    """200 with a MessageId hands over; the id is kept for matching events."""
    outcome = translate(Phase.AFTER, reply_of(HttpResponse(status=200, body=b'{"MessageId":"0102018f-6b-000000"}')))
    assert outcome == Handover(reply=Reply(code=200), provider_message_id="0102018f-6b-000000")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html>It works!</html>",
        b'{"MessageId":',
        b'{"MessageId":null}',
        b'{"MessageId":7}',
        b'{"MessageId":""}',
        b'{"MessageId":"a\\r\\nb"}',
        b'{"MessageId":"<script> x"}',
        b'{"MessageId":"' + b"x" * 300 + b'"}',
        b'["MessageId"]',
        b'{"MessageId":"\xff"}',
        b"[" * 100_000,
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
def test_an_unreadable_yes_is_unclear(body: bytes) -> None:
    """B98: a 2xx whose body is not SES's, or whose id is no id, proves nothing; its text is safe to show."""
    outcome = translate(Phase.AFTER, reply_of(HttpResponse(status=200, body=body)))
    assert isinstance(outcome, Unclear)
    assert outcome.reply.text.isprintable()


@given(
    phase=st.sampled_from(Phase),
    status=st.integers(100, 599),
    name=st.one_of(st.sampled_from(sorted({case[1] for case in CASES})), st.text(max_size=30)),
    body=st.one_of(
        st.binary(max_size=60),
        st.dictionaries(
            st.sampled_from(["message", "Message", "__type", "code", "MessageId"]), st.text(max_size=20)
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_the_table_is_total_and_certain_only_where_it_may_be(phase: Phase, status: int, name: str, body: bytes) -> None:
    """Any answer gives one outcome: after the release unclear or a complete 4xx, before it never unclear."""
    outcome = translate(phase, reply_of(HttpResponse(status=status, headers={"x-amzn-errortype": name}, body=body)))
    if phase is Phase.OURS:
        assert outcome == Deferral(scope=Scope.US, reply=outcome.reply)
    elif phase is Phase.BEFORE:
        assert not isinstance(outcome, (Unclear, Handover))
    elif isinstance(outcome, Handover):
        assert 200 <= status < 300
        assert outcome.provider_message_id
    else:
        assert isinstance(outcome, Unclear) == (not 400 <= status < 500)


def test_silence_is_a_fault_before_and_unclear_after_the_release() -> None:
    """No complete answer at all."""
    silence = Reply(text="connection lost")
    assert translate(Phase.BEFORE, silence) == Fault(scope=Scope.CHANNEL, reply=silence)
    assert translate(Phase.AFTER, silence) == Unclear(scope=Scope.PROVIDER, reply=silence)
