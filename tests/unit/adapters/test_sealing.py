"""Sealing: what a key file protects, and that the file itself is never lost or shared."""

import stat
from pathlib import Path

import pytest

from posthorse.adapters.sealing import KeyFileError, Unsealable, key_file_of, open_key_file


def test_what_is_sealed_opens_again_with_the_same_file(tmp_path: Path) -> None:
    """A second process that reads the key file opens what the first one sealed."""
    path = key_file_of(tmp_path / "posthorse.db")
    sealed = open_key_file(path, {}).seal(b"the secret", b"AKIA1")
    assert b"the secret" not in sealed
    assert open_key_file(path, {}).open(sealed, b"AKIA1") == b"the secret"


def test_the_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    """The key file has mode 0600, stays as it is, and nothing else is left beside it."""
    path = tmp_path / "key"
    open_key_file(path, {})
    made = path.read_bytes()
    open_key_file(path, {})
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (made, 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_secret_is_sealed_differently_each_time(tmp_path: Path) -> None:
    """Nobody can see from the rows that two keys have one secret."""
    sealer = open_key_file(tmp_path / "key", {})
    assert sealer.seal(b"s", b"A") != sealer.seal(b"s", b"A")


@pytest.mark.parametrize("spoil", ["owner", "key", "bit", "short", "version", "empty"])
def test_what_does_not_belong_does_not_open(spoil: str, tmp_path: Path) -> None:
    """Another owner, another key file, a changed or cut text: all are refused alike."""
    sealer = open_key_file(tmp_path / "key", {})
    sealed, owner = sealer.seal(b"the secret", b"A"), b"A"
    match spoil:
        case "owner":
            owner = b"B"
        case "key":
            sealer = open_key_file(tmp_path / "other", {})
        case "bit":
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        case "short":
            sealed = sealed[:10]
        case "version":
            sealed = b"\x07" + sealed[1:]
        case _:
            sealed = b""
    with pytest.raises(Unsealable):
        sealer.open(sealed, owner)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key that somebody else may have copied is not used silently."""
    path = tmp_path / "key"
    open_key_file(path, {})
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        open_key_file(path, {})


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    """A cut or foreign file is named instead of being replaced."""
    path = tmp_path / "key"
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a key file"):
        open_key_file(path, {})
    assert path.read_bytes() == b"short"


def test_no_key_file_is_made_where_one_is_missing(tmp_path: Path) -> None:
    """A new one would open nothing of what is sealed: the old one is asked for by its path, with what is lost."""
    path = tmp_path / "key"
    sealed = {f"AKIA{number}": open_key_file(path, {}).seal(b"s", b"AKIA%d" % number) for number in range(5)}
    path.unlink()
    with pytest.raises(KeyFileError) as caught:
        open_key_file(path, sealed)
    assert str(caught.value).startswith(f"{path} is missing")
    assert "AKIA0, AKIA1, AKIA2 and 2 more" in str(caught.value)
    assert "posthorse keys revoke AKIA0" in str(caught.value)
    assert not path.exists()


def test_another_key_file_is_told_before_it_is_used(tmp_path: Path) -> None:
    """What is sealed shows which file sealed it: only the keys that this one does not open are named."""
    right, wrong = open_key_file(tmp_path / "right", {}), open_key_file(tmp_path / "wrong", {})
    sealed = {"AKIA1": right.seal(b"s", b"AKIA1"), "AKIA2": wrong.seal(b"s", b"AKIA2")}
    with pytest.raises(KeyFileError, match="another key file, and the secrets of access keys AKIA1 cannot"):
        open_key_file(tmp_path / "wrong", sealed)
    del sealed["AKIA2"]
    assert open_key_file(tmp_path / "right", sealed).open(sealed["AKIA1"], b"AKIA1") == b"s"


def test_a_link_to_a_spool_has_the_key_file_of_the_spool(tmp_path: Path) -> None:
    """Two ways to one file must not end at two keys."""
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    assert key_file_of(tmp_path / "link.db") == key_file_of(tmp_path / "real.db") == tmp_path / "real.db.key"
