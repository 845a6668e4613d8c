"""A stage for every test of the command line."""

from pathlib import Path

import pytest

from tests.unit.cli.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stage:
    """An empty folder with a configuration."""
    return Stage(tmp_path, capsys)
