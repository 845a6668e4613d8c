"""Claims: which idempotency keys a message holds, and what is answered when somebody has one of them.

A message has a key of its own, told apart by fingerprint. Messages that came in one request hold the key of the request
together: none of them may be stored when it belongs to anybody else, and nobody else may have it afterwards. Pure.
"""

from collections.abc import Mapping

from posthorse.spool.book import Claim, TenantKey
from posthorse.spool.port import AdmitResult, KeyConflict, NewMessage, Repeated

_SHARED = b"shared"
"""Fingerprint of a key held together; no digest is as short."""


def keys_of(new: NewMessage) -> dict[TenantKey, bytes]:
    """Every key that a message holds, with the fingerprint that whoever else comes with it must have."""
    keys = {(new.tenant, new.idempotency_key): new.fingerprint} if new.idempotency_key else {}
    if new.shared_key:
        keys[new.tenant, new.shared_key] = _SHARED
    return keys


def known(new: NewMessage, claims: Mapping[TenantKey, Claim]) -> AdmitResult | None:
    """The answer to a message for which somebody has a key; None: it is new."""
    for key, fingerprint in keys_of(new).items():
        if key in claims and claims[key].fingerprint != fingerprint:
            return KeyConflict(id=claims[key].message_id)
    own = claims.get((new.tenant, new.idempotency_key))
    return None if own is None else Repeated(id=own.message_id)
