"""Sealing: secrets at rest, readable only with a key file that is in no backup.

Promise: the key file is made once, 0600, never overwritten; what is sealed for one owner does not open for another; a
sealed text that was changed does not open at all. ChaCha20-Poly1305 (RFC 8439) with a random nonce.
"""

import hmac
import os
import secrets
from pathlib import Path

_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class Unsealable(Exception):
    """It was sealed with another key, for another owner, or is damaged."""


class KeyFileError(Exception):
    """The key file cannot be used; the text says what to do."""


def key_file_of(spool_file: Path) -> Path:
    """The key file of a spool: beside it."""
    return spool_file.with_name(f"{spool_file.name}.key")


class Sealer:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self._cipher = ChaCha20Poly1305(key)
        self._key = key

    def derived(self, purpose: bytes) -> bytes:
        """A key of 32 bytes for one purpose, the same at every start."""
        return hmac.digest(self._key, purpose, "sha256")

    def seal(self, secret: bytes, owner: bytes) -> bytes:
        """The secret, sealed for its owner (an access key id)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, owner)

    def open(self, sealed: bytes, owner: bytes) -> bytes:
        """The secret. Raises `Unsealable`."""
        from cryptography.exceptions import InvalidTag

        start = len(_VERSION)
        if sealed[:start] != _VERSION:
            raise Unsealable("sealed in a form that this version does not know")
        try:
            return self._cipher.decrypt(sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :], owner)
        except (InvalidTag, ValueError):
            raise Unsealable("sealed with another key file, or damaged") from None


def open_key_file(path: Path) -> Sealer:
    """The sealer of a key file, which is made if it does not exist. Raises `KeyFileError`."""
    try:
        _make(path)
        found = path.stat()
        if found.st_mode & 0o077:
            raise KeyFileError(f"{path} can be read by others: chmod 600 it, and replace the keys it sealed")
        key = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    if len(key) != _KEY_BYTES:
        raise KeyFileError(f"{path} is not a key file of Posthorse: put the right one back")
    return Sealer(key)


def _make(path: Path) -> None:
    """Make the file whole or not at all, and never over another."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return  # somebody else made it at the same moment; theirs counts
    finally:
        draft.unlink(missing_ok=True)
