"""What a reply of an SMTP server means for us: one table from stage, code, enhanced code and text to an outcome.

Promise: total, and the first row that fits decides. A complete 4xx or 5xx is a certain no at every stage, also after
the final dot (RFC 5321 section 4.2.5); whatever else comes after the dot, or does not come, is unclear; before the dot
it is a fault. The enhanced code is preferred to the basic one (RFC 3463), because it says whom the reply is about.

What is about our account, our sender or this way in goes to the next candidate; only what is about the bytes or the
address ends the duty. Left out: who acts on it (dispatch), and which reply belongs to which recipient (`smtp`).
"""

from enum import Enum

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear
from posthorse.providers.table import Row, first_fit, row


class Stage(Enum):
    """Where in the dialogue a reply came, or did not come."""

    OURS = "ours"
    """Before anything was asked: what we bring to the connection is wrong."""
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


RATE_PAUSE_S = 1.0
"""Sending rates are counted per second."""
QUOTA_PAUSE_S = 600.0
"""A daily quota moves with the day; asking every ten minutes is enough."""

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

ROWS: tuple[Row[Stage], ...] = (
    # ourselves: certificates that cannot be read; it speaks of nobody else, and another way out is tried
    row(Deferral, Scope.US, Stage.OURS),
    # taken
    row(Handover, Scope.PROVIDER, Stage.DOT, code="25"),
    # too much or too fast: the text tells a rate from a daily quota, the code does not
    row(Throttle, Scope.ACCOUNT, code="4", text=_QUOTA, retry_after_s=QUOTA_PAUSE_S),
    row(Throttle, Scope.ACCOUNT, code="4", text=_RATE, retry_after_s=RATE_PAUSE_S),
    row(Throttle, Scope.MESSAGE, _RCPT, code="4", enhanced=r"4\.5\.3", retry_after_s=0.0),
    row(Throttle, Scope.MESSAGE, _RCPT, code="4", text=_TOO_MANY_RECIPIENTS, retry_after_s=0.0),
    row(Throttle, Scope.ACCOUNT, *_WHOLE, code="4", enhanced=r"4\.7\.", retry_after_s=RATE_PAUSE_S),
    # the way in
    row(Fault, Scope.CHANNEL, code="421"),
    row(Fault, Scope.CHANNEL, *_OPENING, code="[45]"),
    # our account
    row(Deferral, Scope.ACCOUNT, Stage.AUTH, code="4"),
    row(Rejection, Scope.ACCOUNT, Stage.AUTH, code="5"),
    row(Deferral, Scope.ACCOUNT, code="454"),
    row(Rejection, Scope.ACCOUNT, code="53[0458]"),
    row(Rejection, Scope.ACCOUNT, code="5", text=_NOT_PERMITTED),
    row(Rejection, Scope.ACCOUNT, code="5", text=_NO_RELAY),
    # our sender
    row(Rejection, Scope.SENDER_DOMAIN, code="5", text=_NOT_VERIFIED),
    row(Rejection, Scope.SENDER_DOMAIN, code="5", text=_SENDER_REFUSED),
    row(Rejection, Scope.SENDER_DOMAIN, code="5", enhanced=r"5\.1\.[78]"),
    # what this way cannot carry and another may: size, 8-bit, SMTPUTF8
    row(Rejection, Scope.CHANNEL, code="5", enhanced=r"5\.3\.4|5\.2\.3|5\.6\.[37]"),
    row(Rejection, Scope.CHANNEL, code="523"),
    row(Rejection, Scope.CHANNEL, *_WHOLE, code="552", enhanced=r"(?!5\.2\.2)"),
    # trouble inside the server
    row(Deferral, Scope.PROVIDER, code="4", enhanced=r"4\.3\."),
    row(Fault, Scope.PROVIDER, code="5", enhanced=r"5\.3\."),
    # the recipient
    row(Deferral, Scope.RECIPIENT, _RCPT, code="4"),
    row(Fault, Scope.CHANNEL, _RCPT, code="50[0234]|555"),
    row(Rejection, Scope.RECIPIENT, _RCPT, code="5"),
    row(Deferral, Scope.RECIPIENT, *_BYTES, code="4", enhanced=r"4\.[12]\."),
    row(Rejection, Scope.RECIPIENT, *_BYTES, code="5", enhanced=r"5\.1\.[1-6]|5\.2\."),
    # the whole transaction
    row(Deferral, Scope.PROVIDER, code="4"),
    row(Fault, Scope.CHANNEL, code="50|521|555|556"),
    row(Rejection, Scope.SENDER_DOMAIN, _MAIL, code="5"),
    row(Rejection, Scope.MESSAGE, *_BYTES, code="5"),
    # anything else, and silence
    row(Unclear, Scope.PROVIDER, Stage.DOT),
    row(Fault, Scope.CHANNEL),
)
"""The first row that fits decides; the last two fit everything."""


def translate(stage: Stage, reply: Reply) -> Outcome:
    """The outcome a reply gives at this stage; a reply with code 0 is silence, its text says how it ended."""
    if "\n" in reply.text:
        reply = Reply(code=reply.code, enhanced=reply.enhanced, text=reply.text.replace("\n", " "))
    return row_for(stage, reply).outcome(reply)


def row_for(stage: Stage, reply: Reply) -> Row[Stage]:
    """The row that decides."""
    return first_fit(ROWS, stage, reply)
