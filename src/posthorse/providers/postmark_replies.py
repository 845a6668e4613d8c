"""What an answer of Postmark (`POST /email`) means for us: one table from status, error code and text to an outcome.

Promise: total, and the first row that fits decides. The error code in the body decides before the status, and a code
that is known and not 0 is a certain no under 200 too. A 5xx, a redirect, and a 2xx without an id prove nothing once the
request was complete, save the code for maintenance. A handover may be for some only: which addresses were left out
stands in the text alone.

Source: the API's pages on error codes and on sending a single email.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear
from posthorse.mail.ports import HttpResponse
from posthorse.providers.answered import excerpt, kept, named_in, paused, shared
from posthorse.providers.table import Phase, Row, first_fit, row

RATE_PAUSE_S = 5.0
"""A throttle does not say how long."""
QUOTA_PAUSE_S = 600.0
"""Credits come back by the month, or are bought."""
MAINTENANCE = "100"
INACTIVE = "406"

_LONGEST_TEXT = 4_000
"""Fifty addresses may stand in it."""
_MESSAGE_ID = re.compile(r"[!-~]{1,256}")
_ADDRESSES = re.compile(r"inactive addresses?:(.*)", re.IGNORECASE | re.DOTALL)
_COMPLETE = "(200|4)"

ROWS: tuple[Row[Phase], ...] = (
    # ourselves: certificates that cannot be read; it speaks of nobody else, and another way out is tried
    row(Deferral, Scope.US, Phase.OURS),
    # taken: only with a readable id, see `read`
    row(Handover, Scope.PROVIDER, Phase.AFTER, code="200", enhanced="accepted$"),
    # closed for maintenance: it says so itself, so nothing was taken
    row(Fault, Scope.PROVIDER, code="(200|4|503)", enhanced=MAINTENANCE + "$"),
    # too much or too fast
    row(Throttle, Scope.ACCOUNT, code="429", retry_after_s=RATE_PAUSE_S),
    row(Throttle, Scope.ACCOUNT, code=_COMPLETE, enhanced="405$", retry_after_s=QUOTA_PAUSE_S),
    # our account: the token, not approved, not allowed; a message stream that is not there
    row(Rejection, Scope.ACCOUNT, code=_COMPLETE, enhanced="(10|412|413|12[23][0-9])$"),
    row(Rejection, Scope.ACCOUNT, code="40[13]"),
    # our sender
    row(Rejection, Scope.SENDER_DOMAIN, code=_COMPLETE, enhanced="40[01]$"),
    # the recipient
    row(Rejection, Scope.RECIPIENT, code=_COMPLETE, enhanced=INACTIVE + "$"),
    row(Rejection, Scope.RECIPIENT, code=_COMPLETE, enhanced="300$", text="'(to|cc|bcc)'"),
    # what this way cannot carry and another may
    row(Rejection, Scope.CHANNEL, code=_COMPLETE, enhanced="(300|402|403|409|410|411)$"),
    row(Rejection, Scope.CHANNEL, code="413"),
    row(Rejection, Scope.CHANNEL, code="422"),
    # any other refusal: certain, but it says nothing about the mail
    row(Deferral, Scope.PROVIDER, code="408"),
    row(Fault, Scope.PROVIDER, code="4"),
    # anything else, and silence
    row(Unclear, Scope.PROVIDER, Phase.AFTER),
    row(Fault, Scope.CHANNEL, code="000"),
    row(Fault, Scope.PROVIDER),
)
"""The first row that fits decides; the last ones fit everything."""


class _Body(msgspec.Struct):
    """Body of any answer."""

    ErrorCode: Any = None
    Message: Any = ""
    MessageID: Any = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was said, in our words."""

    reply: Reply
    """`enhanced`: the error code; `accepted` for a positive answer."""
    message_id: str = ""


def translate(phase: Phase, answer: Answer) -> Outcome:
    """The outcome of an answer; code 0: there was no complete one, the text says why."""
    outcome = first_fit(ROWS, phase, answer.reply).outcome(answer.reply)
    if isinstance(outcome, Handover):
        return Handover(reply=Reply(code=answer.reply.code), provider_message_id=answer.message_id)
    return outcome


def outcomes_of(phase: Phase, response: HttpResponse, recipients: Sequence[tuple[int, str]]) -> Mapping[int, Outcome]:
    """For each recipient."""
    answer = read(response)
    outcome = paused(translate(phase, answer), _pause_s(response))
    text = answer.reply.text
    named = named_in(text, recipients)
    if isinstance(outcome, Handover) and "inactive" in text.lower():
        return _taken_in_part(outcome, text, recipients)
    if answer.reply.enhanced == INACTIVE and not named:
        named = frozenset(n for n, _ in recipients)  # it names nobody where all are inactive
    return shared(outcome, recipients, named)


def _taken_in_part(outcome: Handover, text: str, recipients: Sequence[tuple[int, str]]) -> Mapping[int, Outcome]:
    """Some addresses were left out; if none of ours can be told from the text, nobody's fate is known."""
    found = _ADDRESSES.search(text)
    left_out = named_in(found[1] if found else text, recipients)
    reply = Reply(code=outcome.reply.code, enhanced=INACTIVE, text=text)
    if not left_out:
        return {n: Unclear(scope=Scope.PROVIDER, reply=reply) for n, _ in recipients}
    refused = Rejection(scope=Scope.RECIPIENT, reply=reply)
    return {n: refused if n in left_out else outcome for n, _ in recipients}


def read(response: HttpResponse) -> Answer:
    """The answer in our words."""
    try:
        body = msgspec.json.decode(response.body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = _Body()
    code, text = body.ErrorCode, kept(body.Message, _LONGEST_TEXT) or excerpt(response.body)
    if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code < 100_000:
        return Answer(reply=Reply(code=response.status, text=text))
    if code or response.status != 200:
        return Answer(reply=Reply(code=response.status, enhanced=str(code), text=text))
    if not isinstance(body.MessageID, str) or _MESSAGE_ID.fullmatch(body.MessageID) is None:
        return Answer(reply=Reply(code=200, text="unreadable: " + excerpt(response.body)))
    return Answer(reply=Reply(code=200, enhanced="accepted", text=text), message_id=body.MessageID)


def _pause_s(response: HttpResponse) -> float | None:
    """A number of seconds, if it gives one."""
    asked = response.headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
