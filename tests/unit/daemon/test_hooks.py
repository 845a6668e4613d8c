"""Notifications in, made from the configuration and made anew from a changed one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.adapters.offload import ThreadOffload
from posthorse.config.load import read_config
from posthorse.config.tree import Config
from posthorse.daemon.hooks import Hooks
from posthorse.daemon.outlets import Edge
from posthorse.mail.ids import ProviderName
from posthorse.providers.notices import NotificationReader
from posthorse.spool.inbox_port import Notification, StoredNotification
from posthorse.spool.memory import MemorySpool
from posthorse.watch.journal import Journal
from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures
from tests.unit.providers.notice_kit import TOPIC, basic, certificate, public_key, serving

CONFIG = f"""
[[providers]]
name = "marks"
kind = "postmark"
server_token = "env:SECRET"
notifications = {{ username = "postmark", password = "env:PASSWORD" }}
[[providers]]
name = "grid"
kind = "sendgrid"
api_key = "env:SECRET"
notifications = {{ public_key = "{public_key()}" }}
[[providers]]
name = "ses"
kind = "ses"
region = "us-east-1"
access_key_id = "A"
secret_access_key = "env:SECRET"
notifications = {{ topics = ["{TOPIC}"], certificate = "sns.pem" }}
"""


class Gate:
    """Hooks on a memory spool, with the file that they are made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "sns.pem").write_bytes(certificate())
        self.offload = ThreadOffload()
        nothing = cast(Any, None)  # what only providers stand on
        edge = Edge(
            clock=SystemClock(),
            dialer=nothing,
            exchange=serving(),
            offload=self.offload,
            dissector=nothing,
            hostname="localhost",
            keyring=nothing,
        )
        measures = Measures()
        journal = Journal(measures, MailLog(Log(lambda lines: None, SystemClock()), b"key"))
        self.inbox = MemorySpool(clock=SystemClock()).inbox
        self.hooks = Hooks(self.read(), self.inbox, edge, journal)

    def read(self, text: str = CONFIG, proof: str = "first") -> Config:
        """A configuration as it would be read again."""
        return read_config(text, folder=self.folder, environ={"SECRET": "s", "PASSWORD": proof})

    def reader(self, name: str) -> NotificationReader | None:
        """Who reads for this provider now."""
        return self.hooks._readers.get(ProviderName(name))


def test_a_changed_proof_counts_at_once_and_no_other_reader_is_touched(tmp_path: Path) -> None:
    """The new password opens, the old one no longer; what does not change keeps its reader, save one from a file."""

    async def play() -> None:
        gate = Gate(tmp_path)
        before = {name: gate.reader(name) for name in ("marks", "grid", "ses")}
        assert all(before.values())
        gate.hooks.renew(gate.read(proof="second"))
        marks = gate.reader("marks")
        assert marks is not None
        assert marks.turned_away(basic(password="second"), 0) is None
        assert marks.turned_away(basic(password="first"), 0) is not None
        assert gate.reader("grid") is before["grid"]
        assert gate.reader("ses") is not before["ses"]
        gate.offload.close()

    asyncio.run(play())


def test_who_tells_no_more_is_not_heard_and_who_begins_is(tmp_path: Path) -> None:
    """A table `notifications` that goes takes its reader along; one that comes brings its own."""

    async def play() -> None:
        gate = Gate(tmp_path)
        silent = CONFIG.replace('notifications = { username = "postmark", password = "env:PASSWORD" }\n', "")
        assert silent != CONFIG
        gate.hooks.renew(gate.read(silent))
        assert gate.reader("marks") is None
        gate.hooks.renew(gate.read())
        assert gate.reader("marks") is not None
        gate.offload.close()

    asyncio.run(play())


def test_what_came_before_its_table_is_read_as_soon_as_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the gateway runs."""

    async def play() -> None:
        gate = Gate(tmp_path)
        silent = CONFIG.replace('notifications = { username = "postmark", password = "env:PASSWORD" }\n', "")
        gate.hooks.renew(gate.read(silent))
        await gate.inbox.take_in([Notification(provider=ProviderName("marks"), key=b"k" * 16, body=b"{}")])
        await gate.hooks.digesting.digest_some()
        looks: asyncio.Queue[list[int]] = asyncio.Queue()
        look = gate.inbox.undigested

        async def watched(limit: int) -> Sequence[StoredNotification]:
            found = await look(limit)
            looks.put_nowait([one.tries for one in found])
            return found

        monkeypatch.setattr(gate.inbox, "undigested", watched)
        running = asyncio.ensure_future(gate.hooks.run())
        async with asyncio.timeout(10):
            assert await looks.get() == [1]
            gate.hooks.renew(gate.read())
            assert await looks.get() == [2]
        running.cancel()
        gate.offload.close()

    asyncio.run(play())


def test_a_certificate_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    """Between the check and the change a file may go: the readers that were there stay, all of them."""

    async def play() -> None:
        gate = Gate(tmp_path)
        config, before = gate.read(proof="second"), gate.reader("marks")
        (tmp_path / "sns.pem").unlink()
        with pytest.raises(FileNotFoundError):
            gate.hooks.renew(config)
        assert gate.reader("marks") is before
        gate.offload.close()

    asyncio.run(play())
