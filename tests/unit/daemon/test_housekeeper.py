"""The housekeeper's look at what providers that tell have not told of, by the configuration in effect."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from posthorse.config.load import read_config, read_whereabouts
from posthorse.config.tree import Config
from posthorse.daemon.housekeeper import Housekeeper, confirming_of
from posthorse.mail.event import EventKind
from posthorse.mail.ids import ProviderName
from posthorse.mail.stream import SECOND
from posthorse.spool.kept_port import KeptState
from posthorse.spool.memory import MemorySpool
from posthorse.watch.journal import Journal
from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures
from tests.contract.inbox_kit import Feedback
from tests.contract.spool_kit import HandClock, World

TELLING = """
[[access_keys]]
id = "AKIATEST"
secret = "env:SECRET"
[[providers]]
name = "relay"
kind = "postmark"
server_token = "env:SECRET"
notifications = { username = "hook", password = "env:SECRET" }
[[providers]]
name = "silent"
kind = "mailbox"
folder = "mailbox"
[[listen]]
http = "127.0.0.1:8025"
roles = ["hooks"]
[feedback]
confirm_within = "2m"
"""
RELAY = ProviderName("relay")


def config_in(folder: Path) -> Config:
    """The configuration above, checked."""
    return read_config(TELLING, folder=folder, environ={"SECRET": "s"})


def test_the_configuration_says_who_tells_and_how_soon(tmp_path: Path) -> None:
    """The gateway and a command without one read the same."""
    confirming = confirming_of(config_in(tmp_path))
    assert (confirming.providers, confirming.within_us) == (frozenset({RELAY}), 120 * SECOND)
    file = tmp_path / "posthorse.toml"
    file.write_text(TELLING)
    where = read_whereabouts(file)
    assert (where.notifying, where.confirm_within_s) == (frozenset({RELAY}), 120.0)


class Proved(MemorySpool):
    """A spool that never fails."""

    failed = False


def test_a_disk_that_fills_is_told_once_and_once_again_when_it_has_room(tmp_path: Path) -> None:
    """Whoever reads warnings only learns why all mail is refused, and what to do."""

    async def story() -> None:
        clock, written = HandClock(), list[bytes]()
        log = Log(written.append, clock)
        journal = Journal(Measures(), MailLog(log, b"key"))
        config = config_in(tmp_path)
        housekeeper = Housekeeper(cast(Any, Proved(clock=clock)), config, clock, journal)
        for must_keep in (0, 1 << 60, 1 << 60, 0, 0):
            housekeeper.config = replace(config, limits=replace(config.limits, free_space_bytes=must_keep))
            await housekeeper.look()
        log.flush()
        told = [json.loads(line) for line in b"".join(written).splitlines()]
        assert [(line["level"], line["event"]) for line in told] == [
            ("warning", "disk_low"),
            ("notice", "disk_recovered"),
        ]
        assert told[0]["must_keep_bytes"] == 1 << 60
        assert "free_space" in told[0]["remedy"]

    asyncio.run(story())


def test_what_is_not_confirmed_is_counted_at_each_look(tmp_path: Path) -> None:
    """From the time that the configuration sets, until it is told."""

    async def story() -> None:
        clock = HandClock()
        spool = Proved(clock=clock)
        housekeeper = Housekeeper(cast(Any, spool), config_in(tmp_path), clock, cast(Any, None))
        feedback = Feedback(World(spool=spool, clock=clock))
        group = await feedback.handed_over(provider=RELAY)
        await feedback.handed_over(provider=ProviderName("silent"))
        for seconds, count in ((0, 0), (120, 0), (1, 1)):
            clock.forward(seconds)
            await housekeeper.look()
            assert housekeeper.not_confirmed == {RELAY: count}
        await feedback.learn(group.message.id, EventKind.DELIVERED, provider=RELAY)
        await housekeeper.look()
        assert housekeeper.not_confirmed == {RELAY: 0}
        await spool.inbox.take_in([feedback.notification(1)])
        await housekeeper.look()
        assert housekeeper.notifications[KeptState.WAITING] == 1

    asyncio.run(story())
