"""The judge: total over every outcome, scope and stream."""

from collections.abc import Callable
from itertools import product

import pytest

from posthorse.dispatch.judge import given_back, is_final, next_step, settlement, telling
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import AttemptId, MessageId, ProviderName
from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Scope, Throttle, Unclear, scope_of
from posthorse.mail.stream import RULES, SECOND, Stream
from posthorse.spool.port import LeasedRecipient

A, B, X = (ProviderName(name) for name in "ABX")
RELEASED_AT, NOW = 1_000 * SECOND, 1_003 * SECOND
OF_THE_MAIL = {Scope.MESSAGE, Scope.RECIPIENT, Scope.OPERATOR}
KINDS: tuple[Callable[..., Outcome], ...] = (Deferral, Rejection, Fault, Throttle, Unclear)
SCOPED: list[Outcome] = [kind(scope=scope) for kind, scope in product(KINDS, Scope)]
ALL: list[Outcome] = [Handover(), *SCOPED]


def recipient(
    *, tried: tuple[ProviderName, ...] = (X,), copies: int = 0, attempts: int = 1, base: Carriage = Carriage.QUEUED
) -> LeasedRecipient:
    """A leased recipient that was refused by X before."""
    return LeasedRecipient(
        n=0,
        address="a@example.net",
        fence=4,
        leased_from=base,
        attempts=attempts,
        tried=tried,
        copies_released=copies,
        copies_allowed=2,
    )


def step(
    outcome: Outcome,
    who: LeasedRecipient | None = None,
    stream: Stream = Stream.STANDARD,
    roll: float = 0.5,
    *,
    crowded: bool = False,
) -> tuple[int | None, tuple[ProviderName, ...]]:
    """The next step after this outcome at A."""
    return next_step(
        outcome,
        recipient=who or recipient(),
        rule=RULES[stream],
        provider=A,
        crowded=crowded,
        released_at=RELEASED_AT,
        now=NOW,
        roll=roll,
    )


@pytest.mark.parametrize("stream", Stream, ids=lambda stream: stream.value)
@pytest.mark.parametrize("outcome", ALL, ids=repr)
def test_every_outcome_of_every_scope_has_its_next_step(outcome: Outcome, stream: Stream) -> None:
    """The table of the judge, written out once more."""
    rule = RULES[stream]
    expected: tuple[int | None, tuple[ProviderName, ...]]
    match outcome:
        case Handover():
            expected = (None, (A,))
        case Unclear():
            after_s = rule.elsewhere_after_s
            expected = (None if after_s is None else RELEASED_AT + int(after_s * SECOND), (A,))
        case Rejection(scope=Scope.MESSAGE | Scope.RECIPIENT):
            expected = (None, (X, A))
        case Deferral(scope=Scope.MESSAGE | Scope.RECIPIENT | Scope.OPERATOR):
            expected = (NOW + int(rule.retry_base_s * 2 * 0.5) * SECOND, ())
        case Fault(scope=Scope.US):
            expected = (NOW + SECOND, (X,))
        case _:
            expected = (NOW, (X, A))
    assert step(outcome, stream=stream) == expected


@pytest.mark.parametrize("outcome", ALL, ids=repr)
def test_one_too_many_for_a_group_goes_to_the_same_provider_again(outcome: Outcome) -> None:
    """If others of the group went; were it alone, nothing would have changed by then. Other outcomes know no group."""
    alone = step(outcome)
    if outcome == Throttle(scope=Scope.MESSAGE):
        assert step(outcome, crowded=True) == (NOW, (X,))
        assert alone == (NOW, (X, A))
    else:
        assert step(outcome, crowded=True) == alone


@pytest.mark.parametrize("outcome", ALL, ids=repr)
def test_only_rejections_of_bytes_or_address_are_final(outcome: Outcome) -> None:
    """No other provider would answer otherwise; everything else may go elsewhere."""
    final = isinstance(outcome, Rejection) and outcome.scope in (Scope.MESSAGE, Scope.RECIPIENT)
    assert is_final(outcome) is final


@pytest.mark.parametrize("outcome", ALL, ids=repr)
def test_who_may_hold_a_copy_stays_first_among_the_tried(outcome: Outcome) -> None:
    """In doubt at B: whatever A says, B leads the list and is never forgotten."""
    doubted = recipient(tried=(B, X), copies=1, base=Carriage.IN_DOUBT)
    _, tried = step(outcome, doubted)
    assert tried[0] == B
    if isinstance(outcome, Unclear | Handover):
        assert tried == (B, A)


def test_a_deferral_waits_as_long_as_it_was_asked_to() -> None:
    """Within the cap of the schedule."""
    assert step(Deferral(scope=Scope.RECIPIENT, retry_after_s=600.0))[0] == NOW + 600 * SECOND
    assert step(Deferral(scope=Scope.RECIPIENT, retry_after_s=1e12))[0] == NOW + 4_000 * SECOND


def test_nobody_is_named_twice() -> None:
    """A provider tried again, by a person's word, keeps its place."""
    _, tried = step(Fault(scope=Scope.PROVIDER), recipient(tried=(A, X)))
    assert tried == (A, X)


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([], None),
        ([Handover()], Handover()),
        ([Rejection(scope=Scope.RECIPIENT), Handover()], Handover()),
        ([Handover(), Unclear()], Unclear()),
        ([Handover(), Fault(scope=Scope.CHANNEL), Throttle(scope=Scope.ACCOUNT)], Fault(scope=Scope.CHANNEL)),
        ([Throttle(scope=Scope.ACCOUNT), Handover()], Throttle(scope=Scope.ACCOUNT)),
        ([Throttle(scope=Scope.MESSAGE), Handover()], Handover()),
        ([Deferral(scope=Scope.OPERATOR), Rejection(scope=Scope.RECIPIENT)], Deferral(scope=Scope.OPERATOR)),
        ([Rejection(scope=Scope.RECIPIENT), Rejection(scope=Scope.ACCOUNT)], Rejection(scope=Scope.ACCOUNT)),
    ],
)
def test_of_a_group_that_outcome_tells_which_says_most_of_the_provider(
    outcomes: list[Outcome], told: Outcome | None
) -> None:
    """What speaks of the provider before what speaks of the mail; doubt and faults before success."""
    assert telling(outcomes) == told
    assert telling(reversed(outcomes)) == told


@pytest.mark.parametrize("one", ALL, ids=repr)
def test_the_telling_outcome_is_one_of_the_group(one: Outcome) -> None:
    """Total over every pair, and a recipient's rejection never outweighs a word about the provider."""
    for other in ALL:
        told = telling([one, other])
        assert told in (one, other)
        if any(scope_of(said) not in OF_THE_MAIL for said in (one, other)):
            assert scope_of(told) not in OF_THE_MAIL


def test_a_settlement_carries_all_that_the_spool_must_know() -> None:
    """Fence, outcome, finality, next step, attempt and reason in one value."""
    due = settlement(
        Rejection(scope=Scope.RECIPIENT),
        message_id=MessageId(bytes(16)),
        recipient=recipient(),
        rule=RULES[Stream.STANDARD],
        provider=A,
        attempt=AttemptId(b"x" * 16),
        released=True,
        released_at=RELEASED_AT,
        started_at=RELEASED_AT - 5,
        now=NOW,
        roll=0.5,
        reason="next in order",
    )
    assert (due.n, due.fence, due.final, due.next_at) == (0, 4, True, None)
    assert (due.provider, due.attempt, due.released) == (A, b"x" * 16, True)
    assert (due.started_at, due.reason, due.tried) == (RELEASED_AT - 5, "next in order", (X, A))


def test_a_lease_given_back_changes_nothing_but_when_to_look_again() -> None:
    """No outcome, no provider, the round as it was."""
    back = given_back(MessageId(bytes(16)), recipient(tried=(X,)), NOW, "no room")
    assert (back.n, back.fence, back.outcome, back.next_at, back.tried) == (0, 4, None, NOW, (X,))
    assert (back.provider, back.final, back.released, back.reason) == ("", False, False, "no room")
