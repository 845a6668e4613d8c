"""`posthorse webhooks`: how endpoints stand and are told again, without a running gateway, and a test event."""

import asyncio
import json
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
from standardwebhooks.webhooks import Webhook

from posthorse.adapters.clock import SystemClock
from posthorse.cli.webhooks_command import moment
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.stream import SECOND
from posthorse.spool.sqlite import SqliteSpool
from tests.unit.cli.stage import Stage

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()


@pytest.fixture
def stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stage:
    """A folder with a configuration, and the command line."""
    return Stage(tmp_path, capsys)


def enrolled(stage: Stage) -> None:
    """An endpoint that a gateway told once."""

    async def enroll() -> None:
        spool = await SqliteSpool.open(str(stage.spool_file), clock=SystemClock())
        await spool.outbox.enroll(MAIN_TENANT, "shop")
        await spool.close()

    asyncio.run(enroll())


def test_list_disable_enable_forget(stage: Stage) -> None:
    """What is done without a gateway is in the spool for the next one."""
    enrolled(stage)
    (listed,) = stage.data("webhooks", "list")["webhooks"]
    assert (listed["name"], listed["disabled_at"], listed["behind_s"]) == ("shop", None, 0.0)
    assert "enabled" in stage.call("webhooks", "list")[1], "whether it takes anything, only the running gateway knows"
    assert stage.call("webhooks", "disable", "shop", "--reason", "maintenance")[0] == 0
    status, out, _ = stage.call("webhooks", "list")
    assert status == 0
    assert "maintenance" in out
    assert stage.call("webhooks", "replay", "shop", "--since", "1h")[0] == 1
    assert stage.call("webhooks", "enable", "shop")[0] == 0
    assert stage.call("webhooks", "forget", "shop")[0] == 0
    status, out, _ = stage.call("webhooks", "list")
    assert "name one in [[webhooks]]" in out


def test_replay_of_what_happened(stage: Stage) -> None:
    """Since a time, and by message: what there is to look at is told; nothing, too."""
    enrolled(stage)
    stage.accept()
    status, out, _ = stage.call("webhooks", "replay", "shop", "--since", "1h")
    assert (status, "nothing happened since then" in out) == (0, True), "it has not read so far yet"
    receipt = stage.accept()
    assert stage.call("webhooks", "replay", "shop", "--id", receipt)[0] == 1, "nothing is told of waiting mail"
    assert stage.call("queue", "cancel", receipt)[0] == 0
    assert stage.data("webhooks", "replay", "shop", "--id", receipt)["facts"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "shop"),
        ("replay", "shop", "--since", "1h", "--id", "0" * 32),
        ("replay", "shop", "--since", "yesterday"),
        ("replay", "shop", "--id", "nonsense"),
        ("replay",),
    ],
)
def test_what_is_not_understood(stage: Stage, arguments: tuple[str, ...]) -> None:
    """Exit status 2, and nothing is done."""
    enrolled(stage)
    assert stage.call("webhooks", *arguments)[0] == 2


def test_times_as_people_write_them() -> None:
    """RFC 3339, UTC unless it says otherwise, or so long ago."""
    noon = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * SECOND
    for text in ("2026-03-01T12:00:00Z", "2026-03-01T12:00", "2026-03-01 13:00+01:00"):
        assert moment(text) == noon
    ago = datetime.now(UTC) - timedelta(hours=2)
    assert abs(moment("2h") / SECOND - ago.timestamp()) < 5
    with pytest.raises(typer.BadParameter):
        moment("-2h")


@pytest.mark.parametrize("answer", [204, 500])
def test_a_test_event_says_what_came_of_it(stage: Stage, answer: int) -> None:
    """One signed event; exit status 0 if it was taken and 1 with the reason if not."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    (stage.folder / "secret").write_text(SECRET)
    (stage.folder / "key").write_text("not needed")
    text = stage.config.read_text().replace("env:NOT_IN_AN_OPERATORS_SHELL", "file:key")
    stage.config.write_text(
        f'{text}[[webhooks]]\nname = "shop"\nurl = "http://127.0.0.1:{server.server_port}/"\n'
        'secret = "file:secret"\nallow_private = true\n'
    )
    status, out, err = stage.call("webhooks", "test", "shop", "--json")
    thread.join(10)
    server.server_close()
    headers, body = got[0]
    assert Webhook(SECRET).verify(body, headers)["type"] == "webhook.test"
    assert (status, json.loads(out)["taken"]) == ((0, True) if answer == 204 else (1, False)), err
    assert stage.call("webhooks", "test", "nobody")[0] == 1
