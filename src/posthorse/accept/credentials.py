"""Credentials: who may send with which SMTP password, or with the secret of an access key.

Promise: secrets and passwords are not kept, only digests; every wrong login costs the same, whether or not the user
exists; nothing here appears in a repr. A password derived from a secret key as SES derives it is 256 bits strong, so a
plain SHA-256 protects it; one that a person chose is kept as scrypt and checked away from the loop.

Left out: how often a peer may try (`login_throttle`), signatures of the SES API.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import scrypt, sha256

from posthorse.mail.ids import Tenant
from posthorse.mail.message import Caller
from posthorse.mail.ports import Offload

DEFAULT_REGIONS = ("us-east-1",)

_DERIVATION_DATE = b"11111111"
_VERSION = b"\x04"
_RETIRED_VERSION = b"\x02"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 14, 8, 1
SALT_BYTES = 16


def smtp_password(secret: str, region: str) -> str:
    """The SMTP password of a secret access key in one region, as SES derives it.

    Amazon SES developer guide, "Obtaining Amazon SES SMTP credentials": the Signature Version 4 chain over a fixed
    date, with the version byte 0x04 in front. The user name is the access key id.
    """
    key = b"AWS4" + secret.encode()
    for part in (_DERIVATION_DATE, region.encode(), b"ses", b"aws4_request", b"SendRawEmail"):
        key = hmac.digest(key, part, "sha256")
    return b64encode(_VERSION + key).decode("ascii")


def retired_smtp_password(secret: str) -> str:
    """The SMTP password SES used to derive from a secret access key: the same in every region.

    Version byte 0x02, then HMAC-SHA256 of one word. Applications may still hold one; SES itself gives none any more.
    """
    return b64encode(_RETIRED_VERSION + hmac.digest(secret.encode(), b"SendRawEmail", "sha256")).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordHash:
    """A chosen password, kept as scrypt (RFC 7914)."""

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, password: str, salt: bytes) -> "PasswordHash":
        """Hash a password with `SALT_BYTES` of salt that nothing else uses. Takes some 40 ms: not on the loop."""
        digest = scrypt(password.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
        return cls(salt=salt, digest=digest)

    def fits(self, password: str) -> bool:
        """Whether this is the password. Takes as long as `of`."""
        return hmac.compare_digest(self.digest, PasswordHash.of(password, self.salt).digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An SMTP user: an access key with its secret, or with a password hash only."""

    id: str
    tenant: Tenant
    secret: str = field(default="", repr=False)
    """Secret access key; empty: nobody has it, `password` counts."""
    password: PasswordHash | None = None


@dataclass(slots=True)
class _Entry:
    tenant: Tenant
    derived: tuple[bytes, ...] = field(repr=False)
    """SHA-256 of the password derived for each region, and of the retired one."""
    password: PasswordHash | None
    secret: bytes = field(default=bytes(32), repr=False)
    """SHA-256 of the secret access key; zeros: nobody has it."""
    proved: bytes = field(default=b"", repr=False)
    """SHA-256 of a chosen password with its salt, once it was proved right in this process."""


class CredentialStore:
    """All SMTP users of the gateway; made anew when keys or configuration change."""

    __slots__ = ("_entries", "_nobody", "_offload")

    def __init__(
        self,
        credentials: Iterable[Credential] = (),
        *,
        regions: tuple[str, ...] = DEFAULT_REGIONS,
        offload: Offload | None = None,
    ) -> None:
        self._offload = offload
        nothing = tuple(bytes(32) for _ in range(len(regions) + 1))
        self._entries: dict[str, _Entry] = {}
        any_chosen: PasswordHash | None = None
        for credential in credentials:
            derived = _derived(credential.secret, regions) if credential.secret else nothing
            secret = _digest(credential.secret) if credential.secret else bytes(32)
            entry = _Entry(credential.tenant, derived, credential.password, secret)
            self._entries[credential.id] = entry
            any_chosen = any_chosen or credential.password
        # If one password is slow to check, each wrong login must be as slow: unknown users and derived passwords too.
        decoy = PasswordHash(salt=bytes(SALT_BYTES), digest=bytes(64)) if any_chosen else None
        self._nobody = _Entry(Tenant(""), nothing, decoy)

    @property
    def has_chosen_passwords(self) -> bool:
        """Whether a login that `recognise` does not know must be put to `prove`."""
        return self._nobody.password is not None

    def recognise(self, user: str, password: str, peer: str) -> Caller | None:
        """The caller, if the password is a derived one or was proved before: microseconds, the same for every user."""
        entry = self._entries.get(user, self._nobody)
        digest = _digest(password)
        right = False
        for derived in entry.derived:
            right |= hmac.compare_digest(digest, derived)
        right |= hmac.compare_digest(_proof(entry.password, password), entry.proved)
        return Caller(tenant=entry.tenant, credential=user, peer=peer) if right and entry is not self._nobody else None

    def recognise_secret(self, user: str, secret: str, peer: str) -> Caller | None:
        """The caller, if this is the secret of the access key `user` itself: the same time for every user."""
        entry = self._entries.get(user, self._nobody)
        right = hmac.compare_digest(_digest(secret), entry.secret)
        return Caller(tenant=entry.tenant, credential=user, peer=peer) if right and entry is not self._nobody else None

    async def prove(self, user: str, password: str, peer: str) -> Caller | None:
        """The caller, if the password is a chosen one: the same time for every user, away from the loop."""
        entry = self._entries.get(user, self._nobody)
        against = entry.password or self._nobody.password
        if against is None:
            return None
        fits = await self._run(against, password)
        if not fits or entry.password is None:
            return None
        entry.proved = _proof(entry.password, password)
        return Caller(tenant=entry.tenant, credential=user, peer=peer)

    async def _run(self, against: PasswordHash, password: str) -> bool:
        if self._offload is None:
            return against.fits(password)
        return await self._offload.run(lambda: against.fits(password))

    def __len__(self) -> int:
        return len(self._entries)


def _derived(secret: str, regions: tuple[str, ...]) -> tuple[bytes, ...]:
    passwords = (*(smtp_password(secret, region) for region in regions), retired_smtp_password(secret))
    return tuple(map(_digest, passwords))


def _digest(password: str) -> bytes:
    return sha256(password.encode("utf-8", "surrogatepass")).digest()


def _proof(chosen: PasswordHash | None, password: str) -> bytes:
    salt = chosen.salt if chosen is not None else bytes(SALT_BYTES)
    return sha256(salt + password.encode("utf-8", "surrogatepass")).digest()
