"""A run of the bench that is ended by a signal, and the lines that tell how far it is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.rounds import rounds

ROOT = Path(__file__).resolve().parents[3]
RUN = """
import subprocess, time
from bench.ending import end_cleanly
end_cleanly()
child = subprocess.Popen(["sleep", "60"])
try:
    print(child.pid, flush=True)
    time.sleep(60)
finally:
    child.terminate()
    print(child.wait(10), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_what_was_started(number: signal.Signals) -> None:
    """What a part stops at an error it stops at SIGTERM and SIGINT, and the status says which it was."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert run.stdout is not None
    child = int(run.stdout.readline())
    run.send_signal(number)
    told, warned = run.communicate(timeout=30)
    assert told.strip() == str(-signal.SIGTERM)
    assert warned == f"stopping by {number.name}\n"
    assert run.returncode == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_each_round_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that warms up is number 0, and is left out where nothing needs to."""
    assert list(rounds("drain", 2)) == [0, 1, 2]
    assert list(rounds("p99", 1, warms_up=False)) == [1]
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["drain: warming up", "drain: round 1 of 2", "drain: round 2 of 2", "p99: round 1 of 1"]
