"""The way out into a local Maildir."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from posthorse.adapters.offload import ThreadOffload
from posthorse.mail.ids import ProviderName
from posthorse.providers.mailbox import MailboxProvider
from tests.contract.provider_kit import BODY, Gate, for_ever, group, play, words

T = TypeVar("T")


class AtOnce:
    """An offload without threads."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()


def mailbox(path: Path) -> MailboxProvider:
    """The way out under test."""
    return MailboxProvider(name=ProviderName("box"), path=path, offload=AtOnce())


def files(path: Path, folder: str) -> dict[str, bytes]:
    """What lies in one folder of the Maildir."""
    return {file.name: file.read_bytes() for file in sorted((path / folder).glob("*"))}


def test_each_recipient_gets_a_copy_with_its_envelope_on_top(tmp_path: Path) -> None:
    """One file per recipient in `new/`, readable by the owner alone; the bytes below the added lines are unchanged."""

    async def story() -> None:
        offload = ThreadOffload()
        way = MailboxProvider(name=ProviderName("box"), path=tmp_path / "a" / "b", offload=offload)
        gate = Gate()
        report = await way.attempt(group("b@example.org", "c@example.org"), gate)
        assert words(report.outcomes) == {3: "handover provider", 4: "handover provider"}
        assert gate.asked == [(3, 4)]
        offload.close()

    play(story())
    new = files(tmp_path / "a" / "b", "new")
    assert list(new.values()) == [
        f"Return-Path: <a@example.com>\r\nDelivered-To: {to}\r\n".encode() + BODY
        for to in ("b@example.org", "c@example.org")
    ]
    assert files(tmp_path / "a" / "b", "tmp") == {}
    for name in new:
        assert stat.S_IMODE((tmp_path / "a" / "b" / "new" / name).stat().st_mode) == 0o600


def test_nothing_is_delivered_before_the_yes_and_everything_is_durable_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the gate decides the file lies complete and synced in `tmp/`; a no removes it; a yes syncs the folder."""
    synced: list[str] = []
    fsync = os.fsync

    def remembered(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", remembered)

    async def until_seen() -> None:
        assert [len(files(tmp_path, folder)) for folder in ("tmp", "new")] == [1, 0]
        assert [Path(path).parent.name for path in synced] == ["tmp"]

    async def story() -> None:
        way = mailbox(tmp_path)
        assert (await way.attempt(group(), Gate(answer=False, until=until_seen))).outcomes == {}
        assert [len(files(tmp_path, folder)) for folder in ("tmp", "new")] == [0, 0]
        synced.clear()
        assert words((await way.attempt(group(), Gate(until=until_seen))).outcomes) == {3: "handover provider"}
        assert [Path(path).name for path in synced[1:]] == ["new"]

    play(story())


def test_the_same_mail_twice_is_one_file(tmp_path: Path) -> None:
    """A second attempt replaces the first: a duplicate cannot come into being here."""

    async def story() -> None:
        for _ in range(2):
            await mailbox(tmp_path).attempt(group(), Gate())
        assert len(files(tmp_path, "new")) == 1

    play(story())


def test_cancelling_at_the_gate_delivers_nothing(tmp_path: Path) -> None:
    """What was written stays in `tmp/`, where a retry replaces it."""

    async def story() -> None:
        gate = Gate(until=for_ever)
        attempt = asyncio.ensure_future(mailbox(tmp_path).attempt(group(), gate))
        await gate.reached.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        assert files(tmp_path, "new") == {}

    play(story())


@pytest.mark.parametrize(
    ("call", "folder", "expect", "asked"),
    [
        ("write", "tmp", "fault channel", 0),
        ("fsync", "tmp", "fault channel", 0),
        ("rename", "", "fault channel", 1),
        ("fsync", "new", "unclear channel", 1),
    ],
)
def test_a_disk_that_fails_never_lets_a_handover_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, folder: str, expect: str, asked: int
) -> None:
    """Before the release and at the move it is a fault; a folder that cannot be synced leaves it unclear."""
    real = getattr(os, call)

    def fail(*arguments: object) -> object:
        if folder and folder not in os.readlink(f"/proc/self/fd/{arguments[0]}").split("/"):
            return real(*arguments)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)

    async def story() -> None:
        gate = Gate()
        report = await mailbox(tmp_path).attempt(group(), gate)
        assert words(report.outcomes) == {3: expect}
        assert report.outcomes[3].reply.text.endswith("No space left on device")
        assert len(gate.asked) == asked

    play(story())


def test_an_address_cannot_write_header_fields(tmp_path: Path) -> None:
    """Line ends in an address are refused, the others are served."""

    async def story() -> None:
        way = mailbox(tmp_path)
        report = await way.attempt(group("b@example.org", "c@x\r\nX: y"), Gate())
        assert words(report.outcomes) == {3: "handover provider", 4: "rejection recipient"}
        report = await way.attempt(group(sender="a@x\r\nX: y"), Gate())
        assert words(report.outcomes) == {3: "rejection message"}
        await way.prepare(1)
        await way.close()

    play(story())
