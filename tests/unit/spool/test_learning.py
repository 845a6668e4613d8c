"""The rule for events: what a provider's word does to a row, wherever it stands."""

from dataclasses import replace

import pytest

from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.ids import ProviderName
from posthorse.spool.learning import Given, given_to, is_plain, learn
from posthorse.spool.proof import Trail
from posthorse.spool.rules import Change, Row
from tests.unit.spool.rows import (
    DOUBTED,
    ENDS,
    HANDED_OVER,
    IN_DOUBT,
    LEASED,
    NOW,
    OUT,
    QUEUED,
    RELEASED,
    RESCUE_OUT,
    SECOND,
    SECOND_OUT,
    A,
    B,
    C,
    steps,
)

BY_A, BY_B = Given(provider=A, fences=frozenset({3})), Given(provider=B, fences=frozenset({4}))


def trail(new: Carriage | None, provider: ProviderName = A, fence: int = 3, **fields: object) -> Trail:
    """One fact."""
    usual = {"kind": "moved", "cause": None}
    return Trail(**{**usual, "new": new, "provider": provider, "fence": fence, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "given", "end", "fence"),
    [
        (DOUBTED, BY_A, HANDED_OVER, 3),
        (SECOND, BY_A, HANDED_OVER, 3),
        (SECOND_OUT, BY_A, RELEASED, 3),
        (SECOND_OUT, BY_B, HANDED_OVER, 4),
        (replace(OUT, fence=4), BY_B, HANDED_OVER, 4),
        (replace(DOUBTED, carriage=HANDED_OVER, next_at=None), BY_A, HANDED_OVER, 3),
        (replace(DOUBTED, carriage=HANDED_OVER, next_at=None), BY_B, HANDED_OVER, None),
        (replace(DOUBTED, carriage=QUEUED, copies_released=0, tried=()), BY_A, HANDED_OVER, 3),
        (replace(DOUBTED, withdrawn="superseded"), BY_A, HANDED_OVER, 3),
        (replace(DOUBTED, carriage=Carriage.CANCELLED, next_at=None), BY_A, Carriage.CANCELLED, 3),
        (RESCUE_OUT, BY_B, HANDED_OVER, 4),
    ],
)
def test_a_word_answers_the_copy_that_its_provider_was_given(
    row: Row, given: Given, end: Carriage, fence: int | None
) -> None:
    """Doubts end, a newer lease is fenced off, the present attempt is answered."""
    lesson = learn(row, given)
    assert (lesson.change.row.carriage, lesson.fence) == (end, fence)
    assert fence not in lesson.change.row.doubtful
    assert lesson.change.row.copies_released == max(1, row.copies_released)
    assert lesson.change.row.fence == row.fence + (row.carriage is LEASED)
    if end is HANDED_OVER and row.carriage is not HANDED_OVER:
        assert steps(lesson.change) == [(HANDED_OVER, Cause.EVENT)]
        assert (lesson.change.row.leased_from, lesson.change.row.next_at) == (None, None)
        assert lesson.change.row.provider == given.provider
    if end is RELEASED:
        assert (lesson.change.row.leased_from, lesson.change.row.tried[0]) == (HANDED_OVER, given.provider)


@pytest.mark.parametrize("row", [DOUBTED, SECOND, SECOND_OUT, OUT, replace(DOUBTED, carriage=HANDED_OVER)])
def test_a_second_word_says_nothing_new_about_copies(row: Row) -> None:
    """Whoever told already, or answered, leaves the row as it is, whatever else is out."""
    lesson = learn(row, replace(BY_A, has_told=True))
    assert (lesson.change, lesson.fence) == (Change(row=row), None)


def test_of_two_copies_at_one_provider_the_older_is_answered() -> None:
    """It has at least one; the other stays doubtful, so nothing is given back."""
    row = replace(DOUBTED, copies_released=2, fence=5, doubtful=(3, 5))
    lesson = learn(row, Given(provider=A, fences=frozenset({3, 5})))
    assert (lesson.fence, lesson.change.row.doubtful, lesson.change.row.copies_released) == (3, (5,), 2)


@pytest.mark.parametrize("carriage", [QUEUED, LEASED, IN_DOUBT])
def test_a_copy_that_was_refused_and_is_there_after_all_counts_again(carriage: Carriage) -> None:
    """It is out, within what the row can say of it, and nothing more is sent."""
    base = {QUEUED: replace(DOUBTED, carriage=QUEUED), LEASED: SECOND, IN_DOUBT: DOUBTED}[carriage]
    row = replace(base, doubtful=(2,), copies_released=1)
    lesson = learn(row, Given(provider=B, fences=frozenset({1})))
    assert lesson.change.row.carriage is HANDED_OVER
    assert (lesson.change.row.copies_released, lesson.change.row.doubtful) == (2, (2,))
    full = learn(replace(row, copies_released=2), Given(provider=B, fences=frozenset({1})))
    assert full.change.row.copies_released == 2


@pytest.mark.parametrize("end", [end for end in ENDS if end is not HANDED_OVER])
def test_where_duty_ended_the_row_stays(end: Carriage) -> None:
    """What is owed is answered; nothing moves."""
    row = replace(DOUBTED, carriage=end, next_at=None)
    assert learn(row, BY_A).change == Change(row=replace(row, doubtful=()))


def test_history_says_who_was_given_a_copy() -> None:
    """Released or handed over to it; facts about others, mere waiting, and doubt about a copy elsewhere say nothing.

    Mail in doubt that is tried once more, and of which nothing leaves then, is in doubt again by the word of that try.
    """
    others = [trail(RELEASED, B), trail(QUEUED), trail(IN_DOUBT, ProviderName("")), trail(IN_DOUBT)]
    assert given_to(A, others) is None
    assert given_to(A, []) is None
    assert given_to(A, [*others, trail(RELEASED, fence=3), trail(RELEASED, fence=5)]) == Given(
        provider=A, fences=frozenset({3, 5})
    )
    assert given_to(A, [trail(HANDED_OVER)]) == BY_A


@pytest.mark.parametrize(
    "said",
    [
        trail(HANDED_OVER, is_yes=True),
        trail(None, kind="event"),
        trail(None, kind="duplicate"),
        trail(None, A, 9, kind="event"),
    ],
)
def test_history_says_who_is_known_to_have_one(said: Trail) -> None:
    """A handover, an event and a counted duplicate all say so."""
    given = given_to(A, [trail(RELEASED), said])
    assert given is not None
    assert given.has_told
    assert given_to(B, [trail(RELEASED, B), said]) == Given(provider=B, fences=frozenset({3}))


def test_after_a_restore_anybody_may_have_been_given_one() -> None:
    """The copy of the spool does not know."""
    assert given_to(C, [trail(IN_DOUBT, ProviderName(""), cause=Cause.RESTORE)]) == Given(provider=C)


def test_only_the_one_that_took_the_only_copy_needs_no_history() -> None:
    """Anything else about copies must be looked up."""
    done = replace(DOUBTED, carriage=HANDED_OVER, doubtful=(), next_at=None)
    assert is_plain(done, A)
    assert not is_plain(done, B)
    assert not is_plain(replace(done, doubtful=(2,)), A)
    assert not is_plain(replace(done, copies_released=2), A)
    assert not is_plain(OUT, B)
    assert done.expires_at > NOW
