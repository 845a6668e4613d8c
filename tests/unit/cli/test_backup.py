"""Backup and restore: a copy of one moment, and a way back on which nothing is sent by itself."""

import asyncio
import stat
from pathlib import Path

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.mail.ids import NodeId
from posthorse.mail.stream import Stream
from posthorse.spool.port import LeaseRequest
from posthorse.spool.sqlite import SqliteSpool
from tests.unit.cli.stage import Stage


def test_a_backup_holds_what_was_there(stage: Stage) -> None:
    """The copy is a complete spool of its own, for its owner only, and nothing else is left behind."""
    message_id = stage.accept("jane@b.example")
    copy = stage.folder / "copy.db"
    answered = stage.data("backup", str(copy))
    assert answered == {"path": str(copy), "size_bytes": copy.stat().st_size}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    stage.config.write_text(stage.config.read_text() + '[spool]\nurl = "sqlite:copy.db"\n')
    assert stage.data("queue", "list")["recipients"][0]["id"] == message_id
    assert not list(stage.folder.glob("*.partial"))


def test_a_backup_is_not_written_over_a_file(stage: Stage) -> None:
    """A slip in the name does not cost an older backup."""
    stage.accept()
    target = stage.folder / "precious"
    target.write_text("older backup")
    status, _, err = stage.call("backup", str(target))
    assert (status, "exists" in err, target.read_text()) == (1, True, "older backup")


def lost(stage: Stage) -> Path:
    """Back up, then lose the spool with everything beside it."""
    copy = stage.folder / "copy.db"
    stage.data("backup", str(copy))
    for path in stage.folder.glob("posthorse.db*"):
        path.unlink()
    return copy


def test_a_restored_spool_is_paused_and_in_doubt(stage: Stage) -> None:
    """What was not final at the copy may have left since: a person decides before anything is sent."""
    waiting = stage.accept("jane@b.example", stream=Stream.URGENT)
    finished = stage.accept("joe@b.example")
    stage.data("queue", "cancel", finished)
    copy = lost(stage)
    answered = stage.data("restore", str(copy))
    assert answered == {"path": str(stage.spool_file), "in_doubt": 1, "paused": True, "key_trouble": ""}
    assert stage.data("status")["paused"] is True
    (doubtful,) = stage.data("queue", "list", "--state", "in_doubt")["recipients"]
    assert (doubtful["id"], doubtful["copies_released"]) == (waiting, doubtful["copies_allowed"])
    assert stage.data("queue", "show", finished)["recipients"][0]["state"] == "cancelled"


def test_nothing_of_a_restored_spool_can_be_leased(stage: Stage) -> None:
    """A gateway that starts on it finds no work until somebody decides."""
    stage.accept(stream=Stream.URGENT)
    stage.data("restore", str(lost(stage)))

    async def lease() -> int:
        spool = await SqliteSpool.open(str(stage.spool_file), clock=SystemClock())
        found = await spool.lease(LeaseRequest(node=NodeId("n"), stream=Stream.URGENT, limit=10))
        await spool.close()
        return len(found)

    assert asyncio.run(lease()) == 0


def test_a_spool_that_is_there_is_not_replaced(stage: Stage) -> None:
    """Restoring over a spool would lose what it owes: it is refused and nothing changes."""
    stage.accept()
    copy = stage.folder / "copy.db"
    stage.data("backup", str(copy))
    before = stage.data("queue", "list")
    status, _, err = stage.call("restore", str(copy))
    assert (status, "move the old spool away" in err) == (1, True)
    assert stage.data("queue", "list") == before


@pytest.mark.parametrize("found", ["right", "missing", "other", "none needed"])
def test_a_restore_tells_which_key_file_is_needed(found: str, stage: Stage) -> None:
    """The backup's access keys open with the key file of its spool only: restore names it, and no other is made."""
    stage.accept()
    key = stage.data("keys", "create")["id"]
    key_file = stage.folder / "posthorse.db.key"
    kept = key_file.read_bytes()
    if found == "none needed":
        stage.data("keys", "revoke", key)
    copy = lost(stage)
    if found in ("right", "other"):
        key_file.write_bytes(kept if found == "right" else bytes(32))
        key_file.chmod(0o600)
    status, out, err = stage.call("restore", str(copy))
    assert status == 0, err
    needed = found in ("missing", "other")
    assert (str(key_file) in out, f"posthorse keys revoke {key}" in out) == (needed, needed)
    status, _, err = stage.call("keys", "create")
    assert (status, str(key_file) in err) == (int(needed), needed)
    assert key_file.exists() == (found != "missing")


def test_a_spool_behind_a_link_is_restored_to_its_own_place(stage: Stage) -> None:
    """The link stays a link; the file comes back where it points."""
    real = stage.folder / "disk" / "mail.db"
    real.parent.mkdir()
    stage.accept()
    copy = lost(stage)
    stage.spool_file.symlink_to(real)
    assert stage.data("restore", str(copy))["path"] == str(real)
    assert stage.spool_file.is_symlink()
    assert len(stage.data("queue", "list")["recipients"]) == 1


@pytest.mark.parametrize("kind", ["none", "text", "empty", "cut", "other"])
def test_what_is_no_backup_is_not_restored(kind: str, stage: Stage) -> None:
    """A missing, foreign or damaged file is told as such, and the place of the spool stays empty."""
    stage.accept()
    copy = lost(stage)
    match kind:
        case "none":
            copy.unlink()
        case "text":
            copy.write_text("not a database")
        case "empty":
            copy.write_bytes(b"")
        case "cut":
            copy.write_bytes(copy.read_bytes()[: 3 * 4096])
        case _:
            import apsw

            copy.unlink()
            apsw.Connection(str(copy)).execute("CREATE TABLE fruit (name)")
    status, _, err = stage.call("restore", str(copy))
    assert status == 1
    assert str(copy) in err
    assert not list(stage.folder.glob("posthorse.db*"))
