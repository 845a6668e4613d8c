"""What an answer of Amazon SES (API v2) means for us: one table from status, error name and text to an outcome.

Promise: total, and the first row that fits decides. A complete 4xx is a certain no; a 5xx or an unreadable 2xx proves
nothing once the request was complete, so it is unclear then and a fault before. A quota and a rate differ in their text
only; a clock of ours that is wrong looks like bad credentials, save for the text.

Source: the errors of SendEmail in the service's model, the developer guide's pages on quotas and on errors, and wire
logs of common clients.
"""

import re
from typing import Any

import msgspec

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear
from posthorse.mail.ports import HttpResponse
from posthorse.providers.answered import excerpt, kept
from posthorse.providers.table import Phase, Row, first_fit, row

RATE_PAUSE_S = 1.0
"""Sending rates are counted per second."""
QUOTA_PAUSE_S = 600.0
"""The daily quota counts the last 24 hours; asking every ten minutes is enough."""

_MESSAGE_ID = re.compile(r"[!-~]{1,256}")

_QUOTA = r"daily\b.*\b(quota|limit)|quota.*\b(day|24)"
_SKEW = r"signature (expired|not yet current)|is now (earlier|later) than|clock|too skewed"
_NOT_VERIFIED = r"not verified|failed the check"
_PAUSED = r"(sending|account)\b.*\b(paused|disabled|suspended|shut ?down)"
_TOO_LONG = r"(size|length|too (long|large)).*(exceed|limit|maximum|more than)|exceed.*(size|length)|too (long|large)"
_BAD_ADDRESS = (
    r"(invalid|illegal) (email )?address|final '@domain'|domain (contains|starts|ends)"
    r"|local (address|part) (contains|starts|ends)|address (contains|is not valid)"
)

ROWS: tuple[Row[Phase], ...] = (
    # ourselves: certificates that cannot be read; it speaks of nobody else, and another way out is tried
    row(Deferral, Scope.US, Phase.OURS),
    # taken: only with a readable id, see `reply_of`
    row(Handover, Scope.PROVIDER, Phase.AFTER, code="2", enhanced="accepted$"),
    # too much or too fast
    row(Throttle, Scope.ACCOUNT, code="4", text=_QUOTA, retry_after_s=QUOTA_PAUSE_S),
    row(Throttle, Scope.ACCOUNT, code="4", enhanced="LimitExceeded", retry_after_s=QUOTA_PAUSE_S),
    row(Throttle, Scope.ACCOUNT, code="4", enhanced="TooManyRequests|Throttling", retry_after_s=RATE_PAUSE_S),
    row(Throttle, Scope.ACCOUNT, code="429", retry_after_s=RATE_PAUSE_S),
    # ourselves: a clock that is wrong
    row(Fault, Scope.US, code="4", enhanced="RequestTimeTooSkewed|RequestExpired|RequestInTheFuture"),
    row(Fault, Scope.US, code="40[013]", enhanced="(Invalid)?Signature", text=_SKEW),
    # our account
    row(Rejection, Scope.ACCOUNT, code="4", enhanced="AccountSuspended|SendingPaused|AccountSendingPaused"),
    row(
        Rejection,
        Scope.ACCOUNT,
        code="4",
        enhanced="ConfigurationSetSendingPaused|NotFound|ConfigurationSetDoesNotExist",
    ),
    row(Rejection, Scope.ACCOUNT, code="4", enhanced="(Message|Email)Rejected", text=_PAUSED),
    row(Rejection, Scope.ACCOUNT, code="40[13]"),
    row(
        Rejection,
        Scope.ACCOUNT,
        code="400",
        enhanced="IncompleteSignature|MissingAuthentication|UnrecognizedClient|ExpiredToken|AccessDenied|InvalidClientToken|InvalidSignature",
    ),
    # our sender
    row(Rejection, Scope.SENDER_DOMAIN, code="4", enhanced="MailFromDomainNotVerified"),
    row(Rejection, Scope.SENDER_DOMAIN, code="4", enhanced="MessageRejected", text=_NOT_VERIFIED),
    # what this way cannot carry and another may
    row(Rejection, Scope.CHANNEL, code="413"),
    row(
        Rejection,
        Scope.CHANNEL,
        code="400",
        enhanced="BadRequest|InvalidParameter|Validation|MessageRejected",
        text=_TOO_LONG,
    ),
    # the recipient, the bytes
    row(Rejection, Scope.RECIPIENT, code="400", enhanced="BadRequest|InvalidParameter|Validation", text=_BAD_ADDRESS),
    row(Rejection, Scope.MESSAGE, code="400", enhanced="MessageRejected|BadRequest|InvalidParameter|Validation"),
    # any other refusal: certain, but it says nothing about the mail
    row(Deferral, Scope.PROVIDER, code="408"),
    row(Fault, Scope.PROVIDER, code="4"),
    # anything else, and silence
    row(Unclear, Scope.PROVIDER, Phase.AFTER),
    row(Fault, Scope.CHANNEL, code="000"),
    row(Fault, Scope.PROVIDER),
)
"""The first row that fits decides; the last ones fit everything."""


class _Taken(msgspec.Struct):
    """Body of a positive answer."""

    MessageId: str


class _Refused(msgspec.Struct):
    """Body of an error, in all spellings AWS's own clients understand."""

    message: Any = ""
    Message: Any = ""
    type_: Any = msgspec.field(default="", name="__type")
    code: Any = ""


def translate(phase: Phase, reply: Reply) -> Outcome:
    """The outcome of an answer as `reply_of` reads it; code 0: there was no complete one, the text says why."""
    outcome = first_fit(ROWS, phase, reply).outcome(reply)
    if isinstance(outcome, Handover):
        return Handover(reply=Reply(code=reply.code), provider_message_id=reply.text)
    return outcome


def reply_of(response: HttpResponse) -> Reply:
    """The answer in our words: status, error name, text; of a readable positive one `accepted` and the message id."""
    if 200 <= response.status < 300:
        return _accepted(response)
    refused = _refused(response.body)
    name = response.headers.get("x-amzn-errortype") or _text(refused.type_) or _text(refused.code)
    # "MessageRejected:http://internal.amazon.com/..." and "com.amazonaws.sesv2#MessageRejected" name the same error
    name = name.partition(":")[0].rpartition("#")[2]
    text = _text(refused.message) or _text(refused.Message)
    return Reply(code=response.status, enhanced=kept(name)[:80], text=kept(text) or excerpt(response.body))


def _accepted(response: HttpResponse) -> Reply:
    try:
        taken = msgspec.json.decode(response.body, type=_Taken)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Reply(code=response.status, text="unreadable: " + excerpt(response.body))
    if _MESSAGE_ID.fullmatch(taken.MessageId) is None:
        return Reply(code=response.status, text="unreadable message id: " + kept(taken.MessageId))
    return Reply(code=response.status, enhanced="accepted", text=taken.MessageId)


def _refused(body: bytes) -> _Refused:
    try:
        return msgspec.json.decode(body, type=_Refused)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Refused()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
