"""Paths and methods of the native API: what is not there says so."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.accept.api.desk import Desk

Run = Callable[[Any], Any]


@pytest.mark.parametrize("path", ["", "message", "messages/", "messages/x/y", "messages/batch/x", "../v2/email", "%2e"])
def test_other_paths_do_not_exist(run: Run, path: str) -> None:
    """404 as a problem, whatever is asked for there."""

    async def story() -> None:
        answered = await Desk().ask("GET", f"/api/v1/{path}")
        assert (answered.status, answered.json["code"]) == (404, "not_found")

    run(story())


def test_other_methods_are_told_which_there_are(run: Run) -> None:
    """405 with Allow; HEAD has no body."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.ask("PUT", "/api/v1/messages")
        assert (answered.status, answered.headers["allow"]) == (405, "POST, GET, HEAD")
        answered = await desk.ask("GET", "/api/v1/messages/batch")
        assert (answered.status, answered.json["code"]) == (405, "method_not_allowed")
        answered = await desk.ask("HEAD", "/api/v1/messages")
        assert (answered.status, answered.body) == (200, b"")

    run(story())
