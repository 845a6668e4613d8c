"""The lint for ports sees every way past them, and nothing else."""

from pathlib import Path

import pytest

from tools import lint_ports

BREACHES = [
    ("import time", "imports time"),
    ("import random as chance", "imports random"),
    ("import concurrent.futures", "imports concurrent.futures"),
    ("from concurrent import futures", "imports concurrent.futures"),
    ("from time import monotonic", "imports time"),
    ("from secrets import token_hex", "imports secrets"),
    ("from multiprocessing.pool import Pool", "imports multiprocessing.pool"),
    ("def f():\n    import socket", "imports socket"),
    ("import uuid, threading", "imports uuid"),
    ("import subprocess", "imports subprocess"),
    ("from asyncio import to_thread", "imports to_thread from asyncio"),
    ("from os import urandom", "imports urandom from os"),
    ("async def f(loop):\n    await loop.run_in_executor(None, print)", "calls run_in_executor"),
    ("import asyncio\nasyncio.to_thread(print)", "calls to_thread"),
    ("import asyncio\nasyncio.open_connection('a', 1)", "calls open_connection"),
    ("import asyncio\nasyncio.start_server(print)", "calls start_server"),
    ("import asyncio\nasyncio.create_subprocess_exec('a')", "calls create_subprocess_exec"),
    ("import datetime\ndatetime.datetime.now()", "calls datetime.now"),
    ("from datetime import datetime, UTC\ndatetime.now(UTC)", "calls datetime.now"),
    ("from datetime import date\ndate.today()", "calls date.today"),
    ("from datetime import datetime\ndatetime.utcnow()", "calls utcnow"),
]

FINE = [
    "import asyncio\nasyncio.sleep(1)",
    "import asyncio\nasyncio.timeout(1)",
    "clock.now()",
    "self.clock.now()",
    "from posthorse.mail.ports import Clock",
    "from datetime import UTC, datetime\ndatetime.fromtimestamp(1, UTC)",
    "from posthorse.mail import time_words",
    "import timeit_of_ours",
]


@pytest.mark.parametrize(("source", "what"), BREACHES)
def test_a_reach_past_the_ports_is_found(source: str, what: str) -> None:
    """Each forbidden import and call is named, however it is spelt."""
    assert [breach.what for breach in lint_ports.breaches_in(source, "m.py")][:1] == [what]


@pytest.mark.parametrize("source", FINE)
def test_what_goes_through_a_port_is_fine(source: str) -> None:
    """The loop's own sleeps, a Clock's reading and fixed dates are left alone."""
    assert list(lint_ports.breaches_in(source, "m.py")) == []


def test_a_breach_says_where_and_what_to_do() -> None:
    """The line a person reads has the place and the remedy."""
    (breach,) = lint_ports.breaches_in("x = 1\nimport random\n", "src/posthorse/dispatch/retry.py")
    assert str(breach) == "src/posthorse/dispatch/retry.py:2: imports random: take an Rng"


def test_only_the_edge_is_excused() -> None:
    """The decisions and the stages are never excused; the adapters are."""
    assert lint_ports.excuse_for("src/posthorse/adapters/clock.py")
    assert lint_ports.excuse_for("src/posthorse/dispatch/plan.py") is None
    assert lint_ports.excuse_for("src/posthorse/mail/ports.py") is None


def test_every_excuse_has_a_reason() -> None:
    """No path is allowed without a sentence of why."""
    assert all(len(reason.split()) >= 4 for reason in lint_ports.ALLOWED.values())


def test_the_command_fails_on_a_breach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with one breach gives exit status 1 and one line; a clean one gives 0 and none."""
    module = tmp_path / "late.py"
    module.write_text("import time\n")
    assert lint_ports.main([str(tmp_path)]) == 1
    assert "imports time: take a Clock" in capsys.readouterr().out
    module.write_text("import asyncio\n")
    assert lint_ports.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
