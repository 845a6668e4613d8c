"""Sealing: secrets at rest, readable only with a key file that is in no backup.

Promise: the key file is made once, 0600, never overwritten, and only while nothing is sealed yet; the wrong one is told
before it is used, since what is sealed shows which file sealed it. What is sealed for one owner does not open for
another; a sealed text that was changed does not open at all. ChaCha20-Poly1305 (RFC 8439) with a random nonce.
"""

import hmac
import os
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path

_NAMED = 3
"""Access keys named in one line."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class Unsealable(Exception):
    """It was sealed with another key, for another owner, or is damaged."""


class KeyFileError(Exception):
    """The key file cannot be used; the text says what to do."""


def key_file_of(spool_file: Path) -> Path:
    """The key file of a spool: beside the file itself, wherever a symbolic link to it stands."""
    real = Path(os.path.realpath(spool_file))
    return real.with_name(f"{real.name}.key")


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


def open_key_file(path: Path, sealed: Mapping[str, bytes]) -> Sealer:
    """As `read_key_file`; while nothing is sealed, a file that does not exist is made."""
    if not sealed:
        try:
            _make(path)
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror}") from error
    return read_key_file(path, sealed)


def read_key_file(path: Path, sealed: Mapping[str, bytes]) -> Sealer:
    """The sealer of a key file that opens all of `sealed`: secrets by their access key's id. Raises `KeyFileError`."""
    try:
        found = path.stat()
        if found.st_mode & 0o077:
            raise KeyFileError(f"{path} can be read by others: chmod 600 it, and replace the keys it sealed")
        key = path.read_bytes()
    except FileNotFoundError as error:
        raise KeyFileError(f"{path} is missing{_without(sealed)}") from error
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    if len(key) != _KEY_BYTES:
        raise KeyFileError(f"{path} is not a key file of Posthorse{_without(sealed)}")
    sealer = Sealer(key)
    closed = [owner for owner, text in sealed.items() if not _opens(sealer, owner, text)]
    if closed:
        raise KeyFileError(f"{path} is another key file{_without(closed)}")
    return sealer


def _opens(sealer: Sealer, owner: str, text: bytes) -> bool:
    try:
        sealer.open(text, owner.encode("ascii"))
    except Unsealable:
        return False
    return True


def _without(owners: Collection[str]) -> str:
    """What is lost without the right key file, and what to do."""
    if not owners:
        return ""
    names = list(owners)
    named = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return (
        f", and the secrets of access keys {named} cannot be opened: put the key file of this spool back there (it is "
        f"in no backup); if it is lost, so are they: run `posthorse keys revoke {names[0]}`, each, and make new ones"
    )


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
