"""The seeded world as a whole: fifty seeds hold every invariant, every safeguard taken out is missed, seeds repeat."""

import subprocess
import sys

import pytest

from posthorse.lab.world.breaks import Break
from posthorse.lab.world.play import play


@pytest.mark.parametrize("seed", range(1, 51))
def test_a_world_holds_its_invariants(seed: int) -> None:
    """Whatever the weather of the seed, I1 to I8 and I10 hold, and all comes to rest."""
    outcome = play(seed)
    assert outcome.violations == (), "\n".join((*outcome.weather, *outcome.story))
    assert outcome.messages >= 10


FOUND_AS = {
    Break.COMMIT: {"I1"},
    Break.FENCING: {"I4"},
    Break.RELEASE: {"I3"},
    Break.BUDGET: {"I3", "I6"},
    Break.SUPPRESSION: {"I7"},
    Break.LAST_OPEN: {"I10"},
}
"""The invariants that a missing safeguard breaks."""


@pytest.mark.parametrize("break_", FOUND_AS, ids=lambda break_: break_.value)
def test_a_safeguard_taken_out_is_missed(break_: Break) -> None:
    """Some world among two hundred sees that the safeguard is gone, by the invariant that it stands for."""
    assert any(
        violation.invariant in FOUND_AS[break_] for seed in range(1, 201) for violation in play(seed, break_).violations
    )


def digest_of(seed: int, hash_seed: str) -> str:
    """The digest of a world, told in a process of its own."""
    code = f"from posthorse.lab.world.play import play; print(play({seed}).digest)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return told.stdout.strip()


@pytest.mark.parametrize("seed", [3, 5, 18])
def test_a_world_is_the_same_in_every_process(seed: int) -> None:
    """Two processes with different hashing tell the same story to the last byte of its trace."""
    first, second = digest_of(seed, "1"), digest_of(seed, "77")
    assert len(first) == 32
    assert first == second
