"""How many copies are known to be taken: a matter of what was said, not of its order."""

from itertools import permutations

import pytest

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import ProviderName
from posthorse.spool.proof import Trail, is_forestalled, proven, proves_second
from tests.unit.spool.rows import A, B


def yes(provider: ProviderName, fence: int) -> Trail:
    """A handover, answered."""
    return Trail(
        kind="moved", new=Carriage.HANDED_OVER, cause=Cause.ANSWER, fence=fence, provider=provider, is_yes=True
    )


def word(provider: ProviderName, fence: int = 9) -> Trail:
    """An event; its fence is the row's, and says nothing of the copy."""
    return Trail(kind="event", new=None, cause=None, fence=fence, provider=provider)


def out(provider: ProviderName, fence: int) -> Trail:
    """A release."""
    return Trail(kind="moved", new=Carriage.RELEASED, cause=Cause.RELEASE, fence=fence, provider=provider)


OUT_TWICE = (out(A, 1), out(B, 2))


@pytest.mark.parametrize(
    ("said", "copies"),
    [
        ((), 0),
        ((word(A),), 1),
        ((word(A), word(A)), 1),
        ((yes(A, 1), word(A)), 1),
        ((yes(A, 1), yes(A, 1)), 1),
        ((yes(A, 1), word(B)), 2),
        ((word(A), word(B), yes(B, 2)), 2),
        ((yes(A, 1), yes(A, 2), word(A)), 2),
        ((yes(A, 1), yes(B, 2), yes(A, 3)), 3),
    ],
)
def test_copies_are_counted_the_same_in_every_order(said: tuple[Trail, ...], copies: int) -> None:
    """Each order comes to the same number, and tells each further copy once, where it is proven."""
    for order in permutations(said):
        trails = list(OUT_TWICE)
        told = 0
        for one in order:
            told += proves_second(trails, one)
            trails.append(one)
        assert proven(trails) == copies
        assert told == max(0, copies - 1)


def test_an_answer_that_was_waited_for_comes_after_an_event_once() -> None:
    """Not after a doubt (nobody waits), nor a second time, nor for another attempt."""
    settled = Trail(kind="event", new=Carriage.HANDED_OVER, cause=Cause.EVENT, fence=1, provider=A)
    doubt = Trail(kind="moved", new=Carriage.IN_DOUBT, cause=Cause.LAPSE, fence=1, provider=A)
    again = Trail(kind="after_event", new=None, cause=None, fence=1, provider=A, is_yes=True)
    assert is_forestalled([out(A, 1), settled], 1)
    assert not is_forestalled([out(A, 1), settled], 2)
    assert not is_forestalled([out(A, 1), doubt, settled], 1)
    assert not is_forestalled([out(A, 1), settled, again], 1)
    assert not is_forestalled([out(A, 1), yes(A, 1)], 1)
