"""What a simulated provider says when its fault, or its account's rules, are a complete no: one table per wire.

Duty: the exact words of each refusal, as the real provider has them. Promise: every wire has an answer for every fault
that is a refusal. Left out: refusals of one malformed request, which each wire says itself.
Sources: RFC 5321 section 4.2 and SES's SMTP replies; SES API v2, common errors; SendGrid v3 Mail Send, errors; Postmark
API, error codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from posthorse.lab.faults import SHEETS, Fault, Stage, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpRefusal:
    """A complete negative SMTP reply and the stage at which it is given unless a setting names another."""

    stage: Stage
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRefusal:
    """A complete negative answer of an HTTP API."""

    status: int
    kind: str
    """SES: `x-amzn-ErrorType`; SendGrid: the `field`, empty for null; Postmark: the `ErrorCode`, empty for no JSON."""
    text: str
    """The message; `{sender}` in a table is the address that sent."""

    @classmethod
    def scripted(cls, reply: str) -> "HttpRefusal":
        """From `STATUS KIND TEXT`, where `-` is no kind."""
        status, kind, text = (*reply.split(" ", 2), "", "")[:3]
        return cls(status=int(status), kind="" if kind == "-" else kind, text=text)


SMTP_REFUSALS: Mapping[Fault, SmtpRefusal] = {
    Fault.ANSWER_4XX: SmtpRefusal(stage=Stage.MAIL, reply="451 4.3.0 Temporary service failure"),
    Fault.ANSWER_5XX: SmtpRefusal(stage=Stage.DOT, reply="554 5.3.0 Transaction failed: mail system error"),
    Fault.ANSWER_429: SmtpRefusal(
        stage=Stage.MAIL, reply="454 4.7.0 Throttling failure: Maximum sending rate exceeded."
    ),
    Fault.AUTH_REVOKED: SmtpRefusal(stage=Stage.AUTH, reply="535 5.7.8 Authentication credentials invalid"),
    Fault.ACCOUNT_PAUSED: SmtpRefusal(stage=Stage.MAIL, reply="554 5.7.1 Sending paused for this account"),
}
"""The reply of each fault that is a refusal. Where AUTH is refused, MAIL is answered with 530 5.7.0 as well."""

SES_REFUSALS: Mapping[Fault, HttpRefusal] = {
    Fault.ANSWER_4XX: HttpRefusal(
        status=400,
        kind="MessageRejected",
        text="Email address is not verified. The following identities failed the check in region US-EAST-1: {sender}",
    ),
    Fault.ANSWER_5XX: HttpRefusal(
        status=500, kind="InternalServiceErrorException", text="An internal service error occurred."
    ),
    Fault.ANSWER_429: HttpRefusal(status=429, kind="TooManyRequestsException", text="Maximum sending rate exceeded."),
    Fault.AUTH_REVOKED: HttpRefusal(
        status=403,
        kind="UnrecognizedClientException",
        text="The security token included in the request is invalid.",
    ),
    Fault.ACCOUNT_PAUSED: HttpRefusal(
        status=400, kind="SendingPausedException", text="Email sending is paused for this account."
    ),
}

SENDGRID_REFUSALS: Mapping[Fault, HttpRefusal] = {
    Fault.ANSWER_4XX: HttpRefusal(
        status=403,
        kind="from",
        text="The from address does not match a verified Sender Identity. Mail cannot be sent until this error is "
        "resolved.",
    ),
    Fault.ANSWER_5XX: HttpRefusal(status=500, kind="", text="Internal server error"),
    Fault.ANSWER_429: HttpRefusal(status=429, kind="", text="too many requests"),
    Fault.AUTH_REVOKED: HttpRefusal(
        status=401, kind="", text="The provided authorization grant is invalid, expired, or revoked"
    ),
    Fault.ACCOUNT_PAUSED: HttpRefusal(status=403, kind="", text="access forbidden"),
}

POSTMARK_REFUSALS: Mapping[Fault, HttpRefusal] = {
    Fault.ANSWER_4XX: HttpRefusal(
        status=422,
        kind="400",
        text="The 'From' address you supplied ({sender}) is not a Sender Signature on your account.",
    ),
    Fault.ANSWER_5XX: HttpRefusal(status=500, kind="", text="Internal Server Error"),
    Fault.ANSWER_429: HttpRefusal(status=429, kind="", text="Too Many Requests"),
    Fault.AUTH_REVOKED: HttpRefusal(
        status=401,
        kind="10",
        text="Request does not contain a valid Server token.",
    ),
    Fault.ACCOUNT_PAUSED: HttpRefusal(
        status=422, kind="413", text="Your account may not send: the server is not allowed to send from this account."
    ),
}

HTTP_REFUSALS: Mapping[Wire, Mapping[Fault, HttpRefusal]] = {
    Wire.SES: SES_REFUSALS,
    Wire.SENDGRID: SENDGRID_REFUSALS,
    Wire.POSTMARK: POSTMARK_REFUSALS,
}
"""Of each HTTP wire, the answer of each fault that is a refusal."""


def refusal_of(wire: Wire, fault: Fault | None, sender: str = "") -> HttpRefusal | None:
    """What an HTTP wire answers under this fault; None: the fault is no refusal."""
    refusal = HTTP_REFUSALS[wire].get(fault) if fault else None
    return refusal and replace(refusal, text=refusal.text.format(sender=sender))


def wire_words(fault: Fault, wire: Wire) -> str:
    """For people: what the fault is on this wire."""
    sheet = SHEETS[fault]
    if wire is Wire.SMTP:
        return sheet.smtp
    refusal = refusal_of(wire, fault)
    return sheet.http if refusal is None else f"{f'{refusal.status} {refusal.kind}'.strip()}: {sheet.http}"
