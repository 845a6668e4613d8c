"""Whatever happens to a recipient, in whatever order: no copy too many, no illegal move, no answer counted twice."""

import random
from collections.abc import Callable, Sequence
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthorse.mail.carriage import Carriage
from tests.unit.spool.row_life import RowLife

WALKS = 3_000
STEPS = 60


def chooser(choices: Sequence[int]) -> Callable[[Sequence[int]], int]:
    """Picks as the numbers say, then always the first."""
    numbers = iter(choices)
    return lambda options: options[next(numbers, 0) % len(options)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 255), max_size=400))
def test_any_story_of_a_row_keeps_every_rule(choices: list[int]) -> None:
    """A story told by any list of choices keeps every rule at every step; a failing one is cut down to the shortest."""
    life = RowLife(chooser(choices))
    for _ in range(len(choices) // 4):
        life.step()


@pytest.mark.thorough
def test_many_stories_of_a_row_keep_every_rule_and_reach_every_state() -> None:
    """Thousands of seeded stories keep every rule, and together they come to every state of carriage and every rest."""
    reached: set[Carriage] = set()
    most_attempts = 0
    for seed in range(WALKS):
        dice = random.Random(seed)
        life = RowLife(dice.choice)
        for _ in range(STEPS):
            try:
                life.step()
            except Exception:
                pytest.fail(f"seed {seed}: " + "\n".join(life.story[-12:]), pytrace=True)
            reached.add(life.row.carriage)
            if life.rests:
                break
        most_attempts = max(most_attempts, len(life.attempts))
    assert reached == set(Carriage)
    assert most_attempts > 8


def test_a_story_can_be_told_again() -> None:
    """The same choices give the same story, so that a failing one can be looked at."""
    first, second = (RowLife(chooser(list(range(7, 400)))) for _ in range(2))
    for _, _ in zip(range(50), count(), strict=False):
        first.step()
        second.step()
    assert first.story == second.story
