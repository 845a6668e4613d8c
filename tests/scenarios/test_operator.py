"""One gateway as a process of its own, from its first line to its last, with the commands of an operator beside it."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.stage import Stage

CONFIG = """
[node]
name = "localhost"
[[listen]]
smtp = "127.0.0.1:0"
[[listen]]
http = "127.0.0.1:0"
[[access_keys]]
id = "AKIATEST"
secret = "file:secret"
[[domains]]
name = "a.example"
[[providers]]
name = "here"
kind = "mailbox"
folder = "mail"
[[providers]]
name = "there"
kind = "mailbox"
folder = "mail2"
"""


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stage:
    """A folder with a configuration, and the command line."""
    return Stage(tmp_path, capsys)


@contextmanager
def serving(desk: Stage) -> Iterator[dict[str, Any]]:
    """A running gateway with its addresses; it is stopped by its id, and must end in order."""
    desk.config.write_text(CONFIG)
    (desk.folder / "secret").write_text("the secret of this test\n")
    command = [sys.executable, "-m", "posthorse", "serve", "--json", "--config", str(desk.config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield json.loads(line)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def got(address: str, path: str) -> tuple[int, bytes]:
    """One page of the gateway."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_a_day_in_the_life_of_an_operator(desk: Stage) -> None:
    """Mail goes in and out; commands, pages and log tell of it; a reload and a backup disturb nothing."""
    with serving(desk) as ready:
        server = ("--server", ready["smtp"].removeprefix("smtp://"), "--user", "AKIATEST")
        sent = desk.data("send", *server, "--from", "app@a.example", "--to", "jane@b.example")
        story = desk.data("explain", sent["id"])
        assert story["steps"][0]["words"] == "accepted for 1 recipient"
        assert desk.data("status")["running"] is True
        assert [each["name"] for each in desk.data("providers", "list")["providers"]] == ["here", "there"]

        assert got(ready["http"], "/readyz")[0] == 200
        metrics = got(ready["http"], "/metrics")[1].decode()
        assert 'posthorse_messages_accepted_total{front="smtp",stream="standard"} 1.0' in metrics
        assert "@" not in metrics
        values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
        assert float(values["posthorse_spool_commit_seconds_count"]) >= 3, "accepted, released, settled"
        assert float(values["posthorse_spool_commit_calls_total"]) >= 3
        assert float(values['posthorse_accept_seconds_count{front="smtp"}']) == 1

        desk.config.write_text(CONFIG + "[limits]\nrecipients = 5\n[dispatch]\nslots = 3\n")
        assert desk.data("config", "reload") == {"applied": ["limits.recipients"], "needs_restart": ["dispatch.slots"]}
        desk.config.write_text(CONFIG + "[limits]\nrecipients = 0\n")
        status, _, err = desk.call("config", "reload")
        assert (status, "limits.recipients" in err) == (1, True)

        assert desk.data("backup", str(desk.folder / "copy.db"))["size_bytes"] > 0
    assert desk.data("status")["running"] is False


def test_a_new_key_opens_the_door_until_it_is_revoked(desk: Stage) -> None:
    """A key made while the gateway runs logs in at once, and no longer once it is revoked."""
    with serving(desk) as ready:
        key = desk.data("keys", "create")
        password = key["smtp_password"]["eu-west-1"]
        door = ("--server", ready["smtp"].removeprefix("smtp://"), "--user", key["id"], "--password", password)
        arguments = ("send", *door, "--from", "app@a.example", "--to", "jane@b.example")
        assert desk.call(*arguments)[0] == 0
        desk.data("keys", "revoke", key["id"])
        status, _, err = desk.call(*arguments)
        assert (status, "535" in err) == (1, True)


def test_a_second_gateway_on_the_same_spool_is_refused(desk: Stage) -> None:
    """Two processes on one spool would send mail twice: the second says who has it."""
    with serving(desk) as ready:
        status, _, err = desk.call("serve")
        assert status == 1
        assert f"in use by process {ready['pid']}" in err


def test_a_lost_key_file_is_told_in_one_line(desk: Stage) -> None:
    """Keys sealed with another key file keep a gateway from starting, and it says what to do."""
    with serving(desk):
        key = desk.data("keys", "create")
    (key_file,) = desk.folder.glob("*.key")
    key_file.unlink()
    status, _, err = desk.call("serve")
    assert (status, len(err.splitlines())) == (1, 1), err
    assert f"posthorse keys revoke {key['id']}" in err


def test_sighup_reads_the_file_again(desk: Stage) -> None:
    """A reload by signal does what the command does, so that the command then finds nothing left to do."""
    with serving(desk) as ready:
        desk.config.write_text(CONFIG + "[limits]\nrecipients = 5\n")
        os.kill(ready["pid"], signal.SIGHUP)
        assert desk.data("config", "reload") == {"applied": [], "needs_restart": []}
        assert got(ready["http"], "/healthz")[0] == 200


def test_an_address_that_is_taken_is_told(desk: Stage) -> None:
    """A port in use ends the start with one line, and the spool is free again."""
    with serving(desk) as ready:
        port = ready["http"].rpartition(":")[2]
        other = desk.folder / "other.toml"
        other.write_text(
            CONFIG.replace('http = "127.0.0.1:0"', f'http = "127.0.0.1:{port}"') + '[spool]\nurl = "sqlite:o.db"\n'
        )
        done = subprocess.run(
            [sys.executable, "-m", "posthorse", "serve", "--config", str(other)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"cannot listen at 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
