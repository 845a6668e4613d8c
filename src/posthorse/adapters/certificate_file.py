"""A file that remembers certificates across starts: port `CertificateMemory`, beside the spool.

Promise: written whole or not at all, 0600; what cannot be read, or may have been written by others, is as if it were
not there: certificates are then fetched anew. No error of the disk reaches whoever remembers.

Left out: whether a certificate is good (`posthorse.providers.sns_certificate`).
"""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

from posthorse.mail.ports import Offload

MOST_KEPT = 32
_MOST_BYTES = 4 << 20


def certificate_file_of(spool_file: Path) -> Path:
    """The file of a spool: beside the file itself, wherever a symbolic link to it stands."""
    real = Path(os.path.realpath(spool_file))
    return real.with_name(f"{real.name}.sns-certificates.json")


class CertificateFile:
    """Port `CertificateMemory` on one file."""

    def __init__(self, path: Path, offload: Offload) -> None:
        """What the file holds is read now."""
        self._path = path
        self._offload = offload
        self._known = _read(path)
        self._turn = asyncio.Lock()

    def known(self) -> Mapping[str, bytes]:
        """Certificates in PEM by address, the last remembered last."""
        return {url: pem.encode("ascii") for url, pem in self._known.items()}

    async def remember(self, url: str, pem: bytes) -> None:
        """Have it at the next start."""
        self._known.pop(url, None)
        self._known[url] = pem.decode("ascii", "replace")
        while len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        text = json.dumps(self._known, indent=1).encode("ascii")
        async with self._turn:
            await self._offload.run(lambda: _write(self._path, text))


def _read(path: Path) -> dict[str, str]:
    try:
        found = path.stat()
        if found.st_mode & 0o022 or found.st_uid not in (os.getuid(), 0) or found.st_size > _MOST_BYTES:
            return {}
        known = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {url: pem for url, pem in known.items() if isinstance(pem, str) and pem.isascii()}


def _write(path: Path, text: bytes) -> None:
    """Over the old one, in one step."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, text)
            os.fsync(file)
        finally:
            os.close(file)
        new.replace(path)
    except OSError:
        return
