"""What an answer of SendGrid (v3 Mail Send) means for us: one table from status, field and text to an outcome.

Promise: total, and the first row that fits decides. A complete 4xx is a certain no; a 5xx, a redirect, and any 2xx
other than 202 with an id proves nothing once the request was complete. Exhausted credits and a wrong key share their
status and differ in their text only. A refusal of our fields speaks of this way (another may carry the mail as it is).

Source: the API's pages on responses, errors and rate limits.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear
from posthorse.mail.ports import HttpResponse
from posthorse.mail.stream import SECOND
from posthorse.providers.answered import excerpt, kept, paused, shared
from posthorse.providers.seating import Seating
from posthorse.providers.table import Phase, Row, first_fit, row

RATE_PAUSE_S = 10.0
"""When a throttle does not say when its window ends."""
QUOTA_PAUSE_S = 600.0
"""Credits come back by the day or the month, or are bought."""

_MESSAGE_ID = re.compile(r"[!-~]{1,256}")
_SEAT = re.compile(r"personalizations\.0\.(to|cc|bcc)\.(\d{1,4})(?:\.email)?")

ROWS: tuple[Row[Phase], ...] = (
    # ourselves: certificates that cannot be read; it speaks of nobody else, and another way out is tried
    row(Deferral, Scope.US, Phase.OURS),
    # taken: only with a readable id, see `reply_of`
    row(Handover, Scope.PROVIDER, Phase.AFTER, code="202", enhanced="accepted$"),
    # too much or too fast
    row(Throttle, Scope.ACCOUNT, code="429", retry_after_s=RATE_PAUSE_S),
    row(Throttle, Scope.ACCOUNT, code="40[13]", text=r"\bcredits?\b|\bquota\b", retry_after_s=QUOTA_PAUSE_S),
    # our sender
    row(Rejection, Scope.SENDER_DOMAIN, code="40[03]", text="verified sender identity"),
    row(Rejection, Scope.SENDER_DOMAIN, code="403", enhanced=r"from(\.|$)"),
    # our account
    row(Rejection, Scope.ACCOUNT, code="40[13]"),
    # the recipient
    row(Rejection, Scope.RECIPIENT, code="400", enhanced=_SEAT.pattern),
    # what this way cannot carry and another may
    row(Rejection, Scope.CHANNEL, code="413"),
    row(Rejection, Scope.CHANNEL, code="400"),
    # any other refusal: certain, but it says nothing about the mail
    row(Deferral, Scope.PROVIDER, code="408"),
    row(Fault, Scope.PROVIDER, code="4"),
    # anything else, and silence
    row(Unclear, Scope.PROVIDER, Phase.AFTER),
    row(Fault, Scope.CHANNEL, code="000"),
    row(Fault, Scope.PROVIDER),
)
"""The first row that fits decides; the last ones fit everything."""


class _Error(msgspec.Struct):
    message: Any = ""
    field: Any = ""


class _Refused(msgspec.Struct):
    errors: list[_Error] = []


def translate(phase: Phase, reply: Reply) -> Outcome:
    """The outcome of an answer as `reply_of` reads it; code 0: there was no complete one, the text says why."""
    outcome = first_fit(ROWS, phase, reply).outcome(reply)
    if isinstance(outcome, Handover):
        return Handover(reply=Reply(code=reply.code), provider_message_id=reply.text)
    return outcome


def outcomes_of(
    phase: Phase, response: HttpResponse, seating: Seating, recipients: Sequence[tuple[int, str]], now: int
) -> Mapping[int, Outcome]:
    """For each recipient; an error that names the place of an address speaks of that address."""
    outcome = paused(translate(phase, reply_of(response)), _pause_s(response, now))
    return shared(outcome, recipients, _named(response, seating))


def reply_of(response: HttpResponse) -> Reply:
    """The answer in our words: status, field of the first error, text; of a positive one `accepted` and the id."""
    if 200 <= response.status < 300:
        found = response.headers.get("x-message-id", "")
        if response.status == 202 and _MESSAGE_ID.fullmatch(found):
            return Reply(code=202, enhanced="accepted", text=found)
        return Reply(code=response.status, text="unreadable: " + excerpt(response.body))
    first = next(iter(_errors(response)), _Error())
    text = kept(first.message) or excerpt(response.body)
    return Reply(code=response.status, enhanced=kept(first.field)[:80], text=text)


def _named(response: HttpResponse, seating: Seating) -> frozenset[int]:
    """Recipients whose place stands in an error."""
    if response.status != 400:
        return frozenset()
    fields = {"to": seating.to, "cc": seating.cc, "bcc": seating.bcc}
    found = [_SEAT.match(error.field) for error in _errors(response) if isinstance(error.field, str)]
    places = [(fields[match[1]], int(match[2])) for match in found if match]
    return frozenset(numbers[place] for numbers, place in places if place < len(numbers))


def _pause_s(response: HttpResponse, now: int) -> float | None:
    """Until the window of a rate limit ends; SendGrid names the second (Unix time)."""
    try:
        at = int(response.headers.get("x-ratelimit-reset", "")[:20])
    except ValueError:
        return None
    return at - now / SECOND if response.status == 429 else None


def _errors(response: HttpResponse) -> Sequence[_Error]:
    try:
        return msgspec.json.decode(response.body, type=_Refused).errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ()
