"""The quickstart as a process: however it ends, its lab ends too; and it never borrows somebody else's."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.scenarios.ends import children_of, has_ended

COMMAND = [sys.executable, "-m", "posthorse", "serve", "--quickstart"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A quickstart that takes mail; killed at the end if it still runs."""
    process = started(tmp_path)
    labs = children_of(process.pid)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)
        for lab in labs:
            with suppress(ProcessLookupError):
                os.kill(lab, signal.SIGKILL)


def started(folder: Path) -> subprocess.Popen[str]:
    """A quickstart in this folder, once it takes mail."""
    process = subprocess.Popen(
        COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Ctrl-C stops it"):
            return process
    raise AssertionError(f"it ended with {process.wait()}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_lab_ends_with_whoever_started_it(running: subprocess.Popen[str], number: signal.Signals) -> None:
    """Killed, ended or interrupted: no simulated provider is left on its port to mislead the next run."""
    (lab,) = children_of(running.pid)
    running.send_signal(number)
    assert has_ended(lab)
    assert running.wait(30) == (-number if number is signal.SIGKILL else 0)


def test_a_second_run_in_the_same_folder_says_who_has_the_ports(running: subprocess.Popen[str], tmp_path: Path) -> None:
    """It keeps the configuration, names the first run, and ends with 1 instead of sharing anything with it."""
    done = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "quickstart/posthorse.toml is kept" in done.stdout
    assert re.search(rf"is taken by process {running.pid} \(", done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_after_a_kill_the_next_run_finds_everything_free(running: subprocess.Popen[str], tmp_path: Path) -> None:
    """The same folder starts again at the same addresses, with a lab of its own."""
    (lab,) = children_of(running.pid)
    running.kill()
    assert has_ended(lab)
    again = started(tmp_path)
    try:
        assert children_of(again.pid) != [lab]
    finally:
        again.terminate()
        again.communicate(timeout=30)
    assert again.returncode == 0


def test_what_became_of_mail_is_told_in_each_run(tmp_path: Path) -> None:
    """Mail is shown as delivered at the first start, and at the next, whose lab has the same certificate."""
    for _ in range(2):
        process = started(tmp_path)
        try:
            assert delivered(tmp_path)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def delivered(folder: Path) -> bool:
    """Whether a message sent now is told as delivered within the time that this takes at most."""
    config = ["--config", "quickstart/posthorse.toml"]
    sent = asked(folder, "send", "--from", "app@example.com", "--to", "you@example.net", *config)
    return any("fate delivered" in asked(folder, "explain", sent.split()[0], *config) for _ in range(40))


def asked(folder: Path, *words: str) -> str:
    """What a command prints."""
    environ = {**os.environ, "POSTHORSE_SMTP_PASSWORD": ""}
    command = [sys.executable, "-m", "posthorse", *words]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
