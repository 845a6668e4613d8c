"""The seeded world as a whole: fifty seeds hold every invariant, every safeguard taken out is missed, seeds repeat."""

import subprocess
import sys

import pytest

from posthorse.lab.faults import Fault
from posthorse.lab.world.breaks import Break
from posthorse.lab.world.play import Climate, play, tell
from posthorse.lab.world.weather import Happening, Kind


@pytest.mark.parametrize("seed", range(1, 51))
def test_a_world_holds_its_invariants(seed: int) -> None:
    """Whatever the weather of the seed, I1 to I8 and I10 to I12 hold, and all comes to rest."""
    outcome = play(seed)
    assert outcome.violations == (), "\n".join((*outcome.weather, *outcome.story))
    assert outcome.messages >= 10


FOUND_AS = {
    Break.COMMIT: {"I1"},
    Break.FENCING: {"I4"},
    Break.RELEASE: {"I3"},
    Break.BUDGET: {"I3", "I6"},
    Break.SUPPRESSION: {"I7"},
    Break.KNOWN_MESSAGE: {"I11"},
    Break.UNTAKEN: {"I12"},
    Break.LAST_OPEN: {"I10"},
    Break.PROBE: {"I10"},
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


def test_mail_in_doubt_goes_elsewhere_once_the_others_are_well() -> None:
    """Two providers refused it for certain, the third left it in doubt: later one of the first two is tried again."""
    faults = {"provider-a": Fault.REFUSE, "provider-b": Fault.REFUSE, "provider-c": Fault.HALF_ANSWER}
    weather = [
        Happening(at_s=4.0, for_s=10.0, kind=Kind.FAULT, who=(name,), fault=fault) for name, fault in faults.items()
    ]
    world = tell(4, climate=Climate(weather=weather, latency_s=0.02, skew_us=0))
    assert world.referee.violations == []


def run_command(*arguments: str) -> tuple[int, str]:
    """Exit status and output of the command."""
    command = [sys.executable, "-m", "posthorse.lab.world", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


def test_the_command_tells_how_to_repeat_a_failing_world() -> None:
    """Status 1, the violation, the weather and the command for that seed; nothing of it when all holds.

    With a safeguard taken out the last line says that this is how it must be.
    """
    status, told = run_command("--seeds", "2", "--first", "10")
    assert (status, "2 worlds" in told, "repeat it" in told) == (0, True, False)
    status, told = run_command("--seeds", "5", "--first", "11", "--break", "release")
    assert status == 1
    assert "seed 11" in told
    assert "I3: " in told
    assert "--first 11 --seeds 1 --break release" in told
    assert told.splitlines()[-1] == "found, as it must be: seed 11 misses release by I3 (status 1)"
    status, told = run_command("--seeds", "1", "--first", "10", "--break", "last-open")
    assert status == 0
    assert told.splitlines()[-1].startswith("NOT found")
