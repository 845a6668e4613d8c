"""What a reply of an SMTP server means for us: one table from stage, code, enhanced code and text to an outcome.

Promise: total, and the first row that fits decides. A complete 4xx or 5xx is a certain no at every stage, also after
the final dot (RFC 5321 section 4.2.5); whatever else comes after the dot, or does not come, is unclear; before the dot
it is a fault. The enhanced code is preferred to the basic one (RFC 3463), because it says whom the reply is about.

What is about our account, our sender or this way in goes to the next candidate; only what is about the bytes or the
address ends the duty. Left out: who acts on it (dispatch), and which reply belongs to which recipient (`smtp`).
"""

import re
from dataclasses import dataclass
from enum import Enum
from re import Pattern

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear


class Stage(Enum):
    """Where in the dialogue a reply came, or did not come."""

    CONNECT = "connect"
    """Name, TCP and TLS; there is no reply yet."""
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    """From the DATA command until the release."""
    DOT = "dot"
    """From the release on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. An empty pattern fits everything; all patterns must fit from their beginning."""

    stages: tuple[Stage, ...] = ()
    code: Pattern[str] | None = None
    enhanced: Pattern[str] | None = None
    text: Pattern[str] | None = None
    """Sought anywhere in the text, case does not matter."""
    kind: type[Outcome]
    scope: Scope = Scope.PROVIDER
    retry_after_s: float | None = None

    def fits(self, stage: Stage, reply: Reply) -> bool:
        """Whether this row speaks about the reply."""
        return (
            (not self.stages or stage in self.stages)
            and (self.code is None or self.code.match(f"{reply.code:03}") is not None)
            and (self.enhanced is None or self.enhanced.match(reply.enhanced) is not None)
            and (self.text is None or self.text.search(reply.text) is not None)
        )

    def outcome(self, reply: Reply) -> Outcome:
        """The outcome this row gives."""
        if self.kind is Handover:
            return Handover(reply=reply)
        if self.kind is Deferral:
            return Deferral(scope=self.scope, reply=reply, retry_after_s=self.retry_after_s)
        if self.kind is Throttle:
            return Throttle(scope=self.scope, reply=reply, retry_after_s=self.retry_after_s)
        if self.kind is Rejection:
            return Rejection(scope=self.scope, reply=reply)
        if self.kind is Fault:
            return Fault(scope=self.scope, reply=reply)
        return Unclear(scope=self.scope, reply=reply)


def _row(
    kind: type[Outcome],
    scope: Scope,
    *stages: Stage,
    code: str = "",
    enhanced: str = "",
    text: str = "",
    retry_after_s: float | None = None,
) -> Row:
    return Row(
        stages=stages,
        code=re.compile(code) if code else None,
        enhanced=re.compile(enhanced) if enhanced else None,
        text=re.compile(text, re.IGNORECASE) if text else None,
        kind=kind,
        scope=scope,
        retry_after_s=retry_after_s,
    )


RATE_PAUSE_S = 1.0
"""Sending rates are counted per second."""
QUOTA_PAUSE_S = 600.0
"""A daily quota moves with the day; asking every ten minutes is enough."""

_ADDRESS = re.compile(r"<[^>]*>|\S+@\S+")
"""An address quoted in a reply is no statement: `<throttle@example.com>` asks for nothing."""

_OPENING = (Stage.GREETING, Stage.EHLO, Stage.STARTTLS)
_MAIL, _RCPT = Stage.MAIL, Stage.RCPT
_WHOLE = (Stage.MAIL, Stage.DATA, Stage.DOT)
"""Where replies speak about the whole transaction."""
_BYTES = (Stage.DATA, Stage.DOT)

_QUOTA = r"daily\b.*\b(quota|limit)|quota.*\b(day|24)"
_RATE = r"throttl|too many (concurrent|connections|messages|requests)|(sending|maximum) rate|rate (limit|exceeded)"
_TOO_MANY_RECIPIENTS = r"too many recipients"
_NOT_PERMITTED = r"not authorized to perform|authentication required|(account|sending)\b.*\b(suspended|paused|disabled)"
_NO_RELAY = r"relay(ing)? (access )?(is )?(denied|not permitted|not allowed)|client host .*(blocked|rejected)"
_NOT_VERIFIED = r"address is not verified|identit(y|ies) failed the check"
_SENDER_REFUSED = r"\bsender\b.*\b(rejected|denied|not (allowed|verified|owned))"

ROWS: tuple[Row, ...] = (
    # taken
    _row(Handover, Scope.PROVIDER, Stage.DOT, code="25"),
    # too much or too fast: the text tells a rate from a daily quota, the code does not
    _row(Throttle, Scope.ACCOUNT, code="4", text=_QUOTA, retry_after_s=QUOTA_PAUSE_S),
    _row(Throttle, Scope.ACCOUNT, code="4", text=_RATE, retry_after_s=RATE_PAUSE_S),
    _row(Throttle, Scope.MESSAGE, _RCPT, code="4", enhanced=r"4\.5\.3", retry_after_s=0.0),
    _row(Throttle, Scope.MESSAGE, _RCPT, code="4", text=_TOO_MANY_RECIPIENTS, retry_after_s=0.0),
    _row(Throttle, Scope.ACCOUNT, *_WHOLE, code="4", enhanced=r"4\.7\.", retry_after_s=RATE_PAUSE_S),
    # the way in
    _row(Fault, Scope.CHANNEL, code="421"),
    _row(Fault, Scope.CHANNEL, *_OPENING, code="[45]"),
    # our account
    _row(Deferral, Scope.ACCOUNT, Stage.AUTH, code="4"),
    _row(Rejection, Scope.ACCOUNT, Stage.AUTH, code="5"),
    _row(Deferral, Scope.ACCOUNT, code="454"),
    _row(Rejection, Scope.ACCOUNT, code="53[0458]"),
    _row(Rejection, Scope.ACCOUNT, code="5", text=_NOT_PERMITTED),
    _row(Rejection, Scope.ACCOUNT, code="5", text=_NO_RELAY),
    # our sender
    _row(Rejection, Scope.SENDER_DOMAIN, code="5", text=_NOT_VERIFIED),
    _row(Rejection, Scope.SENDER_DOMAIN, code="5", text=_SENDER_REFUSED),
    _row(Rejection, Scope.SENDER_DOMAIN, code="5", enhanced=r"5\.1\.[78]"),
    # what this way cannot carry and another may: size, 8-bit, SMTPUTF8
    _row(Rejection, Scope.CHANNEL, code="5", enhanced=r"5\.3\.4|5\.2\.3|5\.6\.[37]"),
    _row(Rejection, Scope.CHANNEL, code="523"),
    _row(Rejection, Scope.CHANNEL, *_WHOLE, code="552", enhanced=r"(?!5\.2\.2)"),
    # trouble inside the server
    _row(Deferral, Scope.PROVIDER, code="4", enhanced=r"4\.3\."),
    _row(Fault, Scope.PROVIDER, code="5", enhanced=r"5\.3\."),
    # the recipient
    _row(Deferral, Scope.RECIPIENT, _RCPT, code="4"),
    _row(Fault, Scope.CHANNEL, _RCPT, code="50[0234]|555"),
    _row(Rejection, Scope.RECIPIENT, _RCPT, code="5"),
    _row(Deferral, Scope.RECIPIENT, *_BYTES, code="4", enhanced=r"4\.[12]\."),
    _row(Rejection, Scope.RECIPIENT, *_BYTES, code="5", enhanced=r"5\.1\.[1-6]|5\.2\."),
    # the whole transaction
    _row(Deferral, Scope.PROVIDER, code="4"),
    _row(Fault, Scope.CHANNEL, code="50|521|555|556"),
    _row(Rejection, Scope.SENDER_DOMAIN, _MAIL, code="5"),
    _row(Rejection, Scope.MESSAGE, *_BYTES, code="5"),
    # anything else, and silence
    _row(Unclear, Scope.PROVIDER, Stage.DOT),
    _row(Fault, Scope.CHANNEL),
)
"""The first row that fits decides; the last two fit everything."""


def translate(stage: Stage, reply: Reply) -> Outcome:
    """The outcome a reply gives at this stage; a reply with code 0 is silence, its text says how it ended."""
    if "\n" in reply.text:
        reply = Reply(code=reply.code, enhanced=reply.enhanced, text=reply.text.replace("\n", " "))
    return row_for(stage, reply).outcome(reply)


def row_for(stage: Stage, reply: Reply) -> Row:
    """The row that decides."""
    without_addresses = Reply(code=reply.code, enhanced=reply.enhanced, text=_ADDRESS.sub("", reply.text))
    return next(row for row in ROWS if row.fits(stage, without_addresses))
