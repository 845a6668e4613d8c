"""The translation table of SMTP replies, row by row, and that it is total."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear
from posthorse.providers.smtp_core import reply_of
from posthorse.providers.smtp_replies import QUOTA_PAUSE_S, RATE_PAUSE_S, ROWS, Stage, row_for, translate

CASES: list[tuple[Stage, str, type[Outcome], Scope]] = [
    (Stage.OURS, "000 no certificate", Deferral, Scope.US),
    (Stage.DOT, "250 2.0.0 Ok: queued as 4XYZ", Handover, Scope.PROVIDER),
    (Stage.DOT, "250 Ok 0102018f-1234", Handover, Scope.PROVIDER),
    (Stage.DOT, "251 ok", Handover, Scope.PROVIDER),
    # throttling: by text and by enhanced code
    (Stage.GREETING, "421 Too many concurrent SMTP connections", Throttle, Scope.ACCOUNT),
    (Stage.MAIL, "454 Throttling failure: Maximum sending rate exceeded.", Throttle, Scope.ACCOUNT),
    (Stage.DOT, "454 Throttling failure: Maximum sending rate exceeded.", Throttle, Scope.ACCOUNT),
    (Stage.DOT, "454 Throttling failure: Daily message quota exceeded.", Throttle, Scope.ACCOUNT),
    (Stage.AUTH, "454 Throttling failure: Maximum sending rate exceeded.", Throttle, Scope.ACCOUNT),
    (Stage.DATA, "452 4.7.1 Come back later", Throttle, Scope.ACCOUNT),
    (Stage.MAIL, "451 4.7.1 Try again later", Throttle, Scope.ACCOUNT),
    (Stage.RCPT, "452 4.5.3 Too many recipients", Throttle, Scope.MESSAGE),
    (Stage.RCPT, "452 Too many recipients", Throttle, Scope.MESSAGE),
    # the way in
    (Stage.GREETING, "421 4.3.2 Service shutting down", Fault, Scope.CHANNEL),
    (Stage.MAIL, "421 4.4.2 Timeout", Fault, Scope.CHANNEL),
    (Stage.DOT, "421 4.3.2 Service shutting down", Fault, Scope.CHANNEL),
    (Stage.GREETING, "554 5.7.1 Client host refused", Fault, Scope.CHANNEL),
    (Stage.GREETING, "521 no mail here", Fault, Scope.CHANNEL),
    (Stage.EHLO, "502 5.5.1 Command not implemented", Fault, Scope.CHANNEL),
    (Stage.STARTTLS, "454 4.7.0 TLS not available", Fault, Scope.CHANNEL),
    # our account
    (Stage.AUTH, "454 4.7.0 Temporary authentication failure", Deferral, Scope.ACCOUNT),
    (Stage.AUTH, "535 Authentication Credentials Invalid", Rejection, Scope.ACCOUNT),
    (Stage.AUTH, "534 5.7.9 Authentication mechanism is too weak", Rejection, Scope.ACCOUNT),
    (Stage.AUTH, "538 5.7.11 Encryption required", Rejection, Scope.ACCOUNT),
    (Stage.MAIL, "454 4.5.0 Not just now", Deferral, Scope.ACCOUNT),
    (Stage.MAIL, "530 5.7.0 Must issue a STARTTLS command first", Rejection, Scope.ACCOUNT),
    (Stage.MAIL, "530 Authentication required", Rejection, Scope.ACCOUNT),
    (
        Stage.DOT,
        "554 Access denied: User `arn:x` is not authorized to perform `ses:SendRawEmail`",
        Rejection,
        Scope.ACCOUNT,
    ),
    (Stage.DOT, "550 5.7.1 Your account has been suspended", Rejection, Scope.ACCOUNT),
    (Stage.RCPT, "554 5.7.1 <bob@example.org>: Relay access denied", Rejection, Scope.ACCOUNT),
    (Stage.RCPT, "550 5.7.1 relaying denied", Rejection, Scope.ACCOUNT),
    (
        Stage.RCPT,
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list",
        Rejection,
        Scope.ACCOUNT,
    ),
    # our sender
    (
        Stage.DOT,
        "554 Message rejected: Email address is not verified. The following identities failed the check in region X: a",
        Rejection,
        Scope.SENDER_DOMAIN,
    ),
    (Stage.MAIL, "550 5.7.1 Sender address rejected: not owned by user", Rejection, Scope.SENDER_DOMAIN),
    (Stage.RCPT, "553 5.7.1 <a@b.example>: Sender address rejected: not logged in", Rejection, Scope.SENDER_DOMAIN),
    (Stage.MAIL, "553 5.1.8 Domain of sender does not exist", Rejection, Scope.SENDER_DOMAIN),
    (Stage.MAIL, "550 No", Rejection, Scope.SENDER_DOMAIN),
    (Stage.MAIL, "553 no", Rejection, Scope.SENDER_DOMAIN),
    # what this way cannot carry
    (Stage.MAIL, "552 5.3.4 Message size exceeds fixed limit", Rejection, Scope.CHANNEL),
    (Stage.MAIL, "552 Message is too long", Rejection, Scope.CHANNEL),
    (Stage.DOT, "552 Message is too long", Rejection, Scope.CHANNEL),
    (Stage.DOT, "523 the message length exceeds our limit", Rejection, Scope.CHANNEL),
    (Stage.RCPT, "552 5.2.3 Message length exceeds limit", Rejection, Scope.CHANNEL),
    (Stage.MAIL, "550 5.6.7 SMTPUTF8 required", Rejection, Scope.CHANNEL),
    (Stage.DOT, "554 5.6.3 Conversion required but not supported", Rejection, Scope.CHANNEL),
    # trouble inside the server
    (Stage.MAIL, "452 4.3.1 Insufficient system storage", Deferral, Scope.PROVIDER),
    (Stage.RCPT, "451 4.3.0 Temporary lookup failure", Deferral, Scope.PROVIDER),
    (Stage.DOT, "451 4.3.0 Error: queue file write error", Deferral, Scope.PROVIDER),
    (Stage.DOT, "554 5.3.0 Error: transaction failed", Fault, Scope.PROVIDER),
    # the recipient
    (Stage.RCPT, "450 4.2.0 Greylisted", Deferral, Scope.RECIPIENT),
    (Stage.RCPT, "451 4.7.1 Greylisting in action", Deferral, Scope.RECIPIENT),
    (Stage.RCPT, "452 4.2.2 Mailbox full", Deferral, Scope.RECIPIENT),
    (Stage.RCPT, "450 mailbox busy", Deferral, Scope.RECIPIENT),
    (Stage.RCPT, "550 5.1.1 User unknown", Rejection, Scope.RECIPIENT),
    (Stage.RCPT, "551 5.1.6 User has moved", Rejection, Scope.RECIPIENT),
    (Stage.RCPT, "553 5.1.3 Bad address syntax", Rejection, Scope.RECIPIENT),
    (Stage.RCPT, "501 5.1.3 Bad recipient address syntax", Rejection, Scope.RECIPIENT),
    (Stage.RCPT, "552 5.2.2 Over quota", Rejection, Scope.RECIPIENT),
    (Stage.RCPT, "556 5.1.10 Recipient has null MX", Rejection, Scope.RECIPIENT),
    (Stage.RCPT, "550 No such user", Rejection, Scope.RECIPIENT),
    (Stage.RCPT, "503 5.5.1 Bad sequence of commands", Fault, Scope.CHANNEL),
    (Stage.RCPT, "555 5.5.4 Unsupported parameter", Fault, Scope.CHANNEL),
    (Stage.DOT, "450 4.2.1 Mailbox busy", Deferral, Scope.RECIPIENT),
    (Stage.DOT, "550 5.1.1 User unknown", Rejection, Scope.RECIPIENT),
    (Stage.DOT, "552 5.2.2 Mailbox full", Rejection, Scope.RECIPIENT),
    # the whole transaction
    (Stage.DOT, "451 Temporary service failure", Deferral, Scope.PROVIDER),
    (Stage.DATA, "451 Local error in processing", Deferral, Scope.PROVIDER),
    (Stage.MAIL, "450 busy", Deferral, Scope.PROVIDER),
    (Stage.MAIL, "500 5.5.2 Syntax error", Fault, Scope.CHANNEL),
    (Stage.MAIL, "501 5.5.4 Syntax error in parameters", Fault, Scope.CHANNEL),
    (Stage.DATA, "503 5.5.1 Bad sequence", Fault, Scope.CHANNEL),
    (Stage.MAIL, "555 5.5.4 Unsupported option", Fault, Scope.CHANNEL),
    (Stage.DATA, "554 5.6.0 No", Rejection, Scope.MESSAGE),
    (Stage.DOT, "554 5.7.1 Message contains spam", Rejection, Scope.MESSAGE),
    (Stage.DOT, "554 5.6.0 Malformed message", Rejection, Scope.MESSAGE),
    (Stage.DOT, "550 5.7.26 Unauthenticated mail is not accepted", Rejection, Scope.MESSAGE),
    (Stage.DOT, "554 Transaction failed", Rejection, Scope.MESSAGE),
    # what is no answer to the question
    (Stage.DOT, "354 go on", Unclear, Scope.PROVIDER),
    (Stage.DOT, "220 hello again", Unclear, Scope.PROVIDER),
    (Stage.DOT, "221 bye", Unclear, Scope.PROVIDER),
    (Stage.MAIL, "354 go on", Fault, Scope.CHANNEL),
    (Stage.DATA, "250 ok", Fault, Scope.CHANNEL),
    (Stage.AUTH, "334 ", Fault, Scope.CHANNEL),
]


def reply(line: str) -> Reply:
    """The reply written as it stands on the wire."""
    return reply_of(int(line[:3]), line[4:])


@pytest.mark.parametrize(("stage", "line", "kind", "scope"), CASES, ids=[f"{c[0].value}: {c[1][:40]}" for c in CASES])
def test_each_reply_has_its_outcome(stage: Stage, line: str, kind: type[Outcome], scope: Scope) -> None:
    """A reply seen in the wild, at its stage, gives this kind and scope."""
    outcome = translate(stage, reply(line))
    assert type(outcome) is kind
    assert isinstance(outcome, Handover) or outcome.scope is scope
    assert outcome.reply == reply(line)


def test_every_row_of_the_table_is_reached() -> None:
    """No row is dead: each one decides at least one case, or is the last (silence)."""
    reached = {id(row_for(stage, reply(line))) for stage, line, _, _ in CASES}
    assert [row for row in ROWS if id(row) not in reached] == []


def test_pauses_follow_the_text() -> None:
    """The rate text asks for a second, the quota text for minutes, though code and scope are the same."""
    rate = translate(Stage.DOT, reply("454 Throttling failure: Maximum sending rate exceeded."))
    quota = translate(Stage.DOT, reply("454 Throttling failure: Daily message quota exceeded."))
    assert isinstance(rate, Throttle)
    assert isinstance(quota, Throttle)
    assert (rate.retry_after_s, quota.retry_after_s) == (RATE_PAUSE_S, QUOTA_PAUSE_S)


def test_an_address_in_the_text_says_nothing() -> None:
    """A recipient whose address contains a word of the table changes no verdict."""
    for line in ("450 4.2.0 <throttle@example.com>: greylisted", "450 4.2.0 daily-quota@example.com is greylisted"):
        assert translate(Stage.RCPT, reply(line)) == Deferral(scope=Scope.RECIPIENT, reply=reply(line))


@given(
    stage=st.sampled_from(Stage),
    code=st.one_of(st.just(0), st.integers(200, 599)),
    enhanced=st.one_of(st.just(""), st.from_regex(r"[245]\.\d{1,3}\.\d{1,3}", fullmatch=True)),
    text=st.text(max_size=80),
)
def test_the_table_is_total_and_certain_only_where_it_may_be(stage: Stage, code: int, enhanced: str, text: str) -> None:
    """Any reply gives one outcome; unclear exactly when released and not plainly yes or no; handed over only by 25x."""
    outcome = translate(stage, Reply(code=code, enhanced=enhanced, text=text))
    released = stage is Stage.DOT
    assert isinstance(outcome, Handover) == (released and 250 <= code < 260)
    assert isinstance(outcome, Unclear) == (released and code < 400 and not 250 <= code < 260)
    if isinstance(outcome, Rejection):
        assert code >= 500


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in (Stage.OURS, Stage.DOT)])
def test_silence_before_the_release_is_a_fault(stage: Stage) -> None:
    """No reply at all, before anything was released, is certain."""
    assert isinstance(translate(stage, Reply(text="connection lost")), Fault)


def test_silence_after_the_release_is_unclear() -> None:
    """No reply at all after the dot proves nothing."""
    assert isinstance(translate(Stage.DOT, Reply(text="connection lost")), Unclear)
