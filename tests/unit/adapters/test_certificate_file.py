"""The file that remembers certificates."""

import asyncio
from pathlib import Path

import pytest

from posthorse.adapters.certificate_file import MOST_KEPT, CertificateFile, certificate_file_of
from posthorse.adapters.offload import ThreadOffload


def remember(path: Path, *urls: str) -> None:
    """Remember one for each address, at once."""

    async def story() -> None:
        offload = ThreadOffload()
        file = CertificateFile(path, offload)
        await asyncio.gather(*(file.remember(url, f"pem of {url}".encode()) for url in urls))
        offload.close()

    asyncio.run(story())


def known(path: Path) -> list[str]:
    """What the next start finds."""
    offload = ThreadOffload()
    try:
        return [f"{url}: {pem.decode()}" for url, pem in CertificateFile(path, offload).known().items()]
    finally:
        offload.close()


def test_what_was_remembered_is_there_at_the_next_start(tmp_path: Path) -> None:
    """For the gateway's own user alone, beside the spool, and never without an end."""
    path = certificate_file_of(tmp_path / "posthorse.db")
    assert known(path) == []
    remember(path, "a", "b")
    assert known(path) == ["a: pem of a", "b: pem of b"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["posthorse.db.sns-certificates.json"]
    remember(path, *(f"u{n}" for n in range(MOST_KEPT)))
    assert len(known(path)) == MOST_KEPT
    assert not any(line.startswith("a:") for line in known(path))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 1, "b": "\xff"}', b"[" * 100_000, b'{"a": null}'])
def test_a_file_that_makes_no_sense_is_none(tmp_path: Path, content: bytes) -> None:
    """Certificates are fetched anew, and remembered over it."""
    path = tmp_path / "file"
    path.write_bytes(content)
    path.chmod(0o600)
    assert known(path) == []
    remember(path, "a")
    assert known(path) == ["a: pem of a"]


def test_a_file_that_others_may_write_does_not_count(tmp_path: Path) -> None:
    """Whoever can write it could tell us anything."""
    path = tmp_path / "file"
    remember(path, "a")
    path.chmod(0o620)
    assert known(path) == []


def test_a_disk_that_takes_nothing_costs_nothing(tmp_path: Path) -> None:
    """It is fetched again at the next start."""
    remember(tmp_path / "missing" / "file", "a")
