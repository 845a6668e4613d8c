"""Judge: what the outcome of an attempt means for a recipient's next step; pure.

A certain no that speaks about the provider sends the mail to the next candidate at once; one that speaks about the
recipient or the mail waits by the retry schedule or ends the duty; unclear follows the rule of the stream. Who was one
too many for a group (452 4.5.3) goes to the same provider again, in a smaller one.
"""

from collections.abc import Iterable

from posthorse.dispatch.retry import retry_delay_s
from posthorse.mail.ids import AttemptId, MessageId, ProviderName
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear
from posthorse.mail.stream import SECOND, StreamRule
from posthorse.spool.port import LeasedRecipient, Settlement

_OF_THE_MAIL = frozenset({Scope.MESSAGE, Scope.RECIPIENT, Scope.OPERATOR})
_FINAL = frozenset({Scope.MESSAGE, Scope.RECIPIENT})


def is_final(outcome: Outcome) -> bool:
    """A rejection of these bytes or this address: no other provider would answer otherwise."""
    return isinstance(outcome, Rejection) and outcome.scope in _FINAL


def next_step(
    outcome: Outcome,
    *,
    recipient: LeasedRecipient,
    rule: StreamRule,
    provider: ProviderName,
    crowded: bool = False,
    released_at: int,
    now: int,
    roll: float,
) -> tuple[int | None, tuple[ProviderName, ...]]:
    """(when it may be leased again, providers tried in this round). Times in microseconds UTC; None: never by itself.

    `crowded`: others of its group got as far as the release, it did not. `released_at` is read only for an unclear
    outcome. Holders of copies lead the providers tried, so that a new round can leave them out.
    """
    tried = recipient.tried if provider in recipient.tried else (*recipient.tried, provider)
    match outcome:
        case Handover():
            return None, (*recipient.holders, provider)
        case Unclear():
            due = None if rule.elsewhere_after_s is None else released_at + int(rule.elsewhere_after_s * SECOND)
            return due if due is None else max(now, due), (*recipient.holders, provider)
        case Deferral(scope=scope, retry_after_s=asked_s) if scope in _OF_THE_MAIL:
            return now + _delay(rule, recipient, roll, asked_s), recipient.holders
        case Rejection() if is_final(outcome):
            return None, tried
        case Throttle(scope=Scope.MESSAGE) if crowded:
            return now, recipient.tried  # the others are gone, so this comes to an end
        case Fault(scope=Scope.US):
            return now + SECOND, recipient.tried
        case Deferral() | Rejection() | Fault() | Throttle():
            return now, tried


def _delay(rule: StreamRule, recipient: LeasedRecipient, roll: float, asked_s: float | None) -> int:
    return int(retry_delay_s(rule.retry_base_s, recipient.attempts, roll, asked_s) * SECOND)


def telling(outcomes: Iterable[Outcome]) -> Outcome | None:
    """Of a group's outcomes the one that says most about the provider; None for none."""
    return min(outcomes, key=_telling_rank, default=None)


_TELLING = {kind: rank for rank, kind in enumerate((Unclear, Fault, Throttle, Handover, Deferral, Rejection))}


def _telling_rank(outcome: Outcome) -> int:
    """What speaks of the provider comes before what speaks of the mail."""
    of_the_mail = not isinstance(outcome, Handover) and outcome.scope in _OF_THE_MAIL
    return _TELLING[type(outcome)] + len(_TELLING) * of_the_mail


def settlement(
    outcome: Outcome,
    *,
    message_id: MessageId,
    recipient: LeasedRecipient,
    rule: StreamRule,
    provider: ProviderName,
    attempt: AttemptId,
    released: bool,
    crowded: bool = False,
    released_at: int,
    started_at: int,
    now: int,
    roll: float,
    reason: str,
) -> Settlement:
    """The settlement of one recipient of an attempt."""
    next_at, tried = next_step(
        outcome,
        recipient=recipient,
        rule=rule,
        provider=provider,
        crowded=crowded,
        released_at=released_at,
        now=now,
        roll=roll,
    )
    return Settlement(
        message_id=message_id,
        n=recipient.n,
        fence=recipient.fence,
        outcome=outcome,
        final=is_final(outcome),
        next_at=next_at,
        tried=tried,
        provider=provider,
        attempt=attempt,
        released=released,
        started_at=started_at,
        reason=reason,
    )


def given_back(message_id: MessageId, recipient: LeasedRecipient, next_at: int, reason: str) -> Settlement:
    """The settlement of one recipient with whom nothing was tried: its lease ends unused, until `next_at`."""
    return Settlement(
        message_id=message_id,
        n=recipient.n,
        fence=recipient.fence,
        outcome=None,
        next_at=next_at,
        tried=recipient.tried,
        reason=reason,
    )
