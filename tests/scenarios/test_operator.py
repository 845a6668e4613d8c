"""One gateway as a process of its own, from its first line to its last, with the commands of an operator beside it."""

import base64
import http.client
import json
import os
import signal
import socket
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
def serving(desk: Stage, more: str = "") -> Iterator[dict[str, Any]]:
    """A running gateway with its addresses; it is stopped by its id, and must end in order."""
    desk.config.write_text(CONFIG + more)
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
        status, page = got(ready["http"], "/readyz")
        assert (status, b"the set before it stays in effect: limits.recipients" in page) == (200, True)
        assert got(ready["http"], "/readyz?require=configuration")[0] == 503
        desk.config.write_text(CONFIG + "[limits]\nrecipients = \n")
        status, _, err = desk.call("config", "reload")
        assert (status, f"{desk.config}: is not TOML" in err, ", column 14" in err) == (1, True, True)
        assert got(ready["http"], "/readyz")[0] == 200
        desk.config.write_text(CONFIG)

        assert desk.data("backup", str(desk.folder / "copy.db"))["size_bytes"] > 0
    assert desk.data("status")["running"] is False


def test_the_password_of_a_hook_is_changed_without_a_start(desk: Stage) -> None:
    """After the reload the new one opens and the old one no longer; the answer says that it took effect."""
    telling = (
        '[[providers]]\nname = "marks"\nkind = "postmark"\nserver_token = "file:secret"\n'
        'notifications = { username = "hook", password = "file:first" }\n'
    )
    for word in ("first", "second"):
        (desk.folder / word).write_text(f"{word}, long enough to be a password\n")
    with serving(desk, telling) as ready:

        def told(word: str) -> int:
            login = base64.b64encode(f"hook:{word}, long enough to be a password".encode()).decode()
            connection = http.client.HTTPConnection(ready["http"].removeprefix("http://"), timeout=10)
            connection.request("POST", "/hooks/marks", body=b"{}", headers={"Authorization": f"Basic {login}"})
            answer = connection.getresponse().status
            connection.close()
            return answer

        assert (told("first"), told("second")) == (200, 401)
        desk.config.write_text(CONFIG + telling.replace("file:first", "file:second"))
        answer = desk.data("config", "reload")
        assert answer == {"applied": ["providers[marks].notifications"], "needs_restart": []}
        assert (told("first"), told("second")) == (401, 200)


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
    """Sealed keys without their key file keep a gateway from starting; it says what to do, and that helps."""
    with serving(desk):
        key = desk.data("keys", "create")
    (key_file,) = desk.folder.glob("*.key")
    key_file.unlink()
    status, _, err = desk.call("serve")
    assert (status, len(err.splitlines())) == (1, 1), err
    assert (str(key_file) in err, f"posthorse keys revoke {key['id']}" in err) == (True, True)
    assert not key_file.exists()
    desk.data("keys", "revoke", key["id"])
    with serving(desk):
        assert key_file.exists()


def test_a_second_gateway_through_a_link_leaves_nothing_behind(desk: Stage) -> None:
    """It is refused before it makes anything, and commands given at the link reach the gateway that runs."""
    with serving(desk) as ready:
        here = desk.config
        desk.config = desk.folder / "other" / "posthorse.toml"
        desk.config.parent.mkdir()
        desk.config.write_text(CONFIG)
        (desk.config.parent / "secret").write_text("the secret of this test\n")
        (desk.config.parent / "posthorse.db").symlink_to(desk.spool_file)
        before = sorted(desk.config.parent.iterdir())
        done = serve_in_vain(desk.config)
        assert f"in use by process {ready['pid']}" in done.stderr
        assert sorted(desk.config.parent.iterdir()) == before
        assert desk.data("status")["running"] is True
        desk.config = here


def test_sighup_reads_the_file_again(desk: Stage) -> None:
    """A reload by signal does what the command does, so that the command then finds nothing left to do."""
    with serving(desk) as ready:
        desk.config.write_text(CONFIG + "[limits]\nrecipients = 5\n")
        os.kill(ready["pid"], signal.SIGHUP)
        assert got(ready["http"], "/healthz")[0] == 200, "it turned at least once since"
        assert desk.data("config", "reload") == {"applied": [], "needs_restart": []}


def serve_in_vain(config: Path) -> subprocess.CompletedProcess[str]:
    """A gateway that cannot start, until it ended by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "posthorse", "serve", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    return done


def test_an_address_that_is_taken_is_told(desk: Stage) -> None:
    """A port in use ends the start with one line: no trouble with the spool, no socket or lock left, no mail sent."""
    message_id = desk.accept("jane@b.example")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        desk.config.write_text(CONFIG.replace('http = "127.0.0.1:0"', f'http = "127.0.0.1:{port}"'))
        (desk.folder / "secret").write_text("the secret of this test\n")
        done = serve_in_vain(desk.config)
    assert done.stderr.startswith(f"the gateway cannot start: cannot listen at 127.0.0.1:{port}: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (desk.folder / "posthorse.db.control").exists()
    assert desk.data("queue", "show", message_id)["recipients"][0]["state"] == "queued"
    with serving(desk):
        pass


def test_a_gateway_that_cannot_tidy_up_has_still_stopped(desk: Stage) -> None:
    """On a disk that became read-only the socket stays: that is no failed start, and nothing else is left undone."""
    with serving(desk) as ready:
        control = Path(ready["control"])
        control.unlink()
        control.mkdir()  # as little to be unlinked as on a read-only disk
    control.rmdir()
    assert desk.data("status")["running"] is False
