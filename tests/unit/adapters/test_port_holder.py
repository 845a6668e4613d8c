"""Who has a port: found on this machine, and never an error."""

import os
import socket
from pathlib import Path

import pytest

from posthorse.adapters import port_holder
from posthorse.adapters.port_holder import any_free, holder_of, is_free


def test_whoever_listens_is_named() -> None:
    """The process and its command, for a port of either family; a port of nobody is free."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as listening:
            listening.bind((host, 0))
            listening.listen()
            port = listening.getsockname()[1]
            assert holder_of(port).startswith(f"process {os.getpid()} (")
            assert not is_free(host, port)
        assert is_free(host, port)
    assert is_free("127.0.0.1", any_free("127.0.0.1"))


def test_where_the_system_does_not_say_the_answer_is_less_precise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tables of the system, or rights to look, somebody has it."""
    monkeypatch.setattr(port_holder, "Path", lambda text: Path("/nonexistent") / text.lstrip("/"))
    assert holder_of(25) == "a process that cannot be seen from here"
