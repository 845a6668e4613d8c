"""Logs on paper."""

import pytest

from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from tests.unit.watch.paper import Paper, StoppedClock


@pytest.fixture
def paper() -> Paper:
    """Where the log goes."""
    return Paper()


@pytest.fixture
def log(paper: Paper) -> Log:
    """A log on paper."""
    return Log(paper, StoppedClock())


@pytest.fixture
def mail_log(log: Log) -> MailLog:
    """Mail events on that log."""
    return MailLog(log, b"key of this installation")
