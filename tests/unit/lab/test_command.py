"""`posthorse lab` from the command line: words in, words or JSON out, exit statuses."""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from posthorse.cli.lab import app
from posthorse.cli.lab_serve import ready_line
from posthorse.lab.faults import Fault
from posthorse.lab.mailbox import KEPT
from posthorse.lab.roster import Entry, Kind, Roster
from posthorse.lab.serve import Lab


@contextmanager
def running_lab(*more: Kind) -> Iterator[Lab]:
    """A lab with one SMTP provider, `relay`, and more named for their kind, on a loop in another thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    entries = (Entry(name="relay", kind="smtp"), *(Entry(name=kind, kind=kind) for kind in more))
    lab = Lab(Roster(providers=entries, control="127.0.0.1:0"))
    try:
        asyncio.run_coroutine_threadsafe(lab.open(), loop).result(10)
        yield lab
    finally:
        asyncio.run_coroutine_threadsafe(_closed(lab), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _closed(lab: Lab) -> None:
    await lab.close()
    await asyncio.sleep(0)


def posthorse_lab(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, list(arguments))


def test_load_fault_status_mailbox_reset(tmp_path: Path) -> None:
    """A rehearsal by hand: send, break, look, mend, look, forget."""
    with running_lab() as lab:
        at = ("--control", lab.control_url)
        port = lab.describe()["providers"]["relay"]["port"]
        load = ("load", "--to", f"127.0.0.1:{port}", "--messages", "5", "--mix", "bulk", "--size", "1KiB")
        receipts = tmp_path / "receipts.jsonl"
        assert "accepted 5 of 5" in posthorse_lab(*load, "--receipts", str(receipts)).output
        assert len(receipts.read_text().splitlines()) == 5
        assert posthorse_lab("fault", "relay", "refuse", "--for", "30s", *at).output == "relay: refuse for 30s\n"
        assert json.loads(posthorse_lab("status", "--json", *at).output)[0]["fault"] == "refuse"
        refused = posthorse_lab(*load, "--give-up", "100ms", "--json")
        assert (refused.exit_code, json.loads(refused.output)["given_up"]) == (1, 5)
        assert posthorse_lab("fault", "relay", "none", *at).output == "relay: none\n"
        assert "5 taken" in posthorse_lab("status", *at).output
        assert posthorse_lab("mailbox", *at).output == "5 messages, 5 arrivals\n  by relay: 5\n"
        one = lab.mailbox.arrivals()[0].id
        assert "by relay" in posthorse_lab("mailbox", "--message", one, *at).output
        assert len(json.loads(posthorse_lab("mailbox", "--message", one, "--json", *at).output)["arrivals"]) == 1
        assert posthorse_lab("reset", *at).output == "reset: relay, and the mailbox\n"
        (stands,) = json.loads(posthorse_lab("reset", "--json", *at).output)
        assert (stands["name"], stands["fault"], sum(stands["messages"].values())) == ("relay", "none", 0)
        missing = posthorse_lab("mailbox", "--message", one, *at)
        assert (missing.exit_code, missing.output) == (
            1,
            f"{one} did not arrive since this lab began (0 messages did)\n",
        )


def test_a_message_is_shown_as_it_arrived() -> None:
    """The bytes themselves, the latest or the one asked for; in JSON with where they arrived; a no says which."""
    content = b"X-Posthorse-Id: 01AB\r\nSubject: caf\xe9 \x00\r\n\r\nbody\r\n"
    with running_lab() as lab:
        at = ("--control", lab.control_url)
        nothing = posthorse_lab("mailbox", "--raw", *at)
        assert (nothing.exit_code, "no such message arrived" in nothing.output) == (1, True)
        lab.mailbox.deliver(provider="relay", recipients=("a+b@x", "b@x"), content=content, at=7)
        for number in range(KEPT - 1):
            lab.mailbox.deliver(provider="relay", recipients=("c@x",), content=b"%d" % number, at=8)
        assert posthorse_lab("mailbox", "--raw", *at).stdout_bytes == b"%d" % (KEPT - 2)
        assert posthorse_lab("mailbox", "--raw", "--message", "01ab", *at).stdout_bytes == content
        shown = json.loads(posthorse_lab("mailbox", "--raw", "--to", "a+b@x", "--json", *at).output)
        assert (shown["id"], shown["recipients"], shown["at"]) == ("01ab", ["a+b@x", "b@x"], 7)
        assert base64.b64decode(shown["content"]) == content
        lab.mailbox.deliver(provider="relay", recipients=("c@x",), content=b"one more", at=9)
        gone = posthorse_lab("mailbox", "--raw", "--to", "a+b@x", *at)
        assert (gone.exit_code, "kept whole" in gone.output) == (1, True)
        assert posthorse_lab("mailbox", "--to", "a@x", *at).exit_code == 2


def test_hooks_by_hand() -> None:
    """What a provider tells, and where, is set and shown; one that speaks SMTP only tells nothing."""
    with running_lab("postmark") as lab:
        at = ("--control", lab.control_url)
        assert posthorse_lab("hooks", *at).output == "postmark tells nobody: nothing yet, 0 waiting\n"
        told = ("--url", "http://127.0.0.1:1/hooks/postmark", "--delay", "2s", "--double", "0.1", "--shuffle")
        shown = json.loads(posthorse_lab("hooks", "postmark", *told, *at, "--json").output)["postmark"]
        assert (shown["delay_s"], shown["double"], shown["lose"], shown["shuffle"]) == (2.0, 0.1, 0.0, True)
        shown = json.loads(posthorse_lab("hooks", "postmark", "--lose", "0.5", "--no-shuffle", *at, "--json").output)
        assert (shown["postmark"]["url"], shown["postmark"]["shuffle"]) == (told[1], False)
        assert "tells http://127.0.0.1:1/hooks/postmark" in posthorse_lab("hooks", *at).output
        assert posthorse_lab("hooks", "--lose", "0.5", *at).exit_code == 2
        refused = posthorse_lab("hooks", "relay", "--lose", "0.5", *at)
        assert (refused.exit_code, "SMTP only" in refused.output) == (1, True)
        posthorse_lab("reset", *at)
        shown = json.loads(posthorse_lab("hooks", *at, "--json").output)["postmark"]
        assert (shown["url"], shown["lose"], shown["delay_s"]) == (told[1], 0.0, 0.0)
        assert posthorse_lab("hooks", "nobody", "--lose", "0.5", *at).exit_code == 1
        assert posthorse_lab("hooks", "postmark", "--url", "https://x", *at).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("fault", "relay", "nonsense"), 2, "no fault is named nonsense"),
        (("fault", "relay", "refuse", "--for", "soon"), 2, "duration"),
        (("hooks", "a", "--delay", "soon"), 2, "duration"),
        (("hooks", "a", "--double", "2"), 2, "double"),
        (("serve", "--sendgrid", "9101"), 2, "NAME:PORT"),
        (("fault", "relay", "refuse", "--control", "127.0.0.1:1"), 1, "no lab answers"),
        (("status", "--control", "1"), 1, "no lab answers"),
        (("serve",), 2, "no provider is named"),
        (("serve", "--ses", "9101"), 2, "NAME:PORT"),
        (("serve", "--smtp", "a:0", "--control", "nowhere"), 2, "nowhere"),
        (("serve", "--smtp", "a:0", "--latency", "soon"), 2, "soon"),
        (("load", "--mix", "fast=1"), 2, "fast"),
        (("load", "--to", "nowhere"), 2, "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_status(arguments: tuple[str, ...], status: int, words: str) -> None:
    """2 for a mistake in the command, 1 for a no; the words say what to change."""
    result = posthorse_lab(*arguments)
    assert result.exit_code == status
    assert words in result.output.replace("\n", " ").replace("│", "").replace("  ", " ")


def test_the_faults_are_listed() -> None:
    """All of them, for people and for programs."""
    rows = json.loads(posthorse_lab("faults", "--json").output)
    assert [row["fault"] for row in rows] == [fault.value for fault in Fault]
    assert "never_read" in posthorse_lab("faults").output


def test_the_ready_line_names_every_address() -> None:
    """One line for people, one object for programs."""
    with running_lab("ses", "sendgrid", "postmark") as lab:
        said = lab.describe()["providers"]
        assert set(said["ses"]["hooks"]) == {"topic", "certificate", "sns_endpoint"}
        assert said["sendgrid"]["hooks"]["public_key"].startswith("MFkw")
        assert set(said["postmark"]["hooks"]) == {"username", "password"}
        assert "hooks" not in said["relay"]
        line = ready_line(lab.describe(), as_json=False)
        assert line.startswith("lab ready: relay smtp://127.0.0.1:")
        assert lab.control_url in line
        assert json.loads(ready_line(lab.describe(), as_json=True))["ready"] is True
