"""Signing keys: whether a signature was made with the secret of the access key it names.

Promise: secrets are shown nowhere; an unknown key, one without a secret and a wrong signature cost the same work and
give the same answer; comparison takes constant time. A signing key is derived once a day for each access key and region
that signs rightly.

Left out: what was signed (`sigv4`).
"""

import hmac
from collections.abc import Iterable

from posthorse.accept.credentials import Credential
from posthorse.accept.ses.sigv4 import Claim
from posthorse.mail.ids import Tenant

MAX_DERIVED = 4_096
_NOBODY = "\0"
"""Stands for every unknown key; never an access key id."""


class SigningKeys:
    """Every access key that can sign; made anew when keys or configuration change."""

    __slots__ = ("_derived", "_owners", "_secrets", "_without_secret")

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._secrets: dict[str, bytes] = {_NOBODY: bytes(40)}
        self._owners: dict[str, Tenant] = {}
        self._without_secret: set[str] = set()
        self._derived: dict[tuple[str, bytes, bytes, bytes], bytes] = {}
        """By access key, day, region and service; only after a right signature, so that nobody else fills it."""
        for credential in credentials:
            if credential.secret:
                self._secrets[credential.id] = b"AWS4" + credential.secret.encode()
                self._owners[credential.id] = credential.tenant
            else:  # one of the configuration without a secret comes before one of the spool that has one
                self._secrets.pop(credential.id, None)
                self._owners.pop(credential.id, None)
                self._without_secret.add(credential.id)

    def knows(self, access_key_id: str) -> bool:
        """Whether this key could sign here. Not to be told to anybody who did not."""
        return access_key_id in self._owners

    def lacks_secret(self, access_key_id: str) -> bool:
        """Whether it is a key that logs in by SMTP only. For the log."""
        return access_key_id in self._without_secret and access_key_id not in self._owners

    def owner(self, claim: Claim, to_sign: bytes) -> Tenant | None:
        """The tenant of the access key whose secret made the claim's signature over `to_sign`; None: nobody's did."""
        name = claim.access_key_id if claim.access_key_id in self._owners else _NOBODY
        place = (name, claim.day, claim.region, claim.service)
        known = self._derived.get(place)
        key = known or self._derive(place)
        right = hmac.compare_digest(hmac.digest(key, to_sign, "sha256").hex().encode("ascii"), claim.signature)
        if not right:
            if known is not None:
                self._derive(place)  # what is wrong costs the same, whether or not the key is used here
            return None
        if known is None:
            if len(self._derived) >= MAX_DERIVED:
                self._derived.clear()
            self._derived[place] = key
        return self._owners.get(claim.access_key_id)

    def _derive(self, place: tuple[str, bytes, bytes, bytes]) -> bytes:
        name, *parts = place
        key = self._secrets[name]
        for part in (*parts, b"aws4_request"):
            key = hmac.digest(key, part, "sha256")
        return key

    def __len__(self) -> int:
        return len(self._owners)
