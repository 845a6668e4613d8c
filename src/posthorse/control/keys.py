"""Access keys of the spool: made here, sealed, and told once.

Promise: the secret leaves this module in one reply and nowhere else; what is stored is sealed under the key's own id,
so that one row cannot be passed off as another.
"""

from base64 import b32encode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace

from posthorse.control import replies, requests
from posthorse.control.node import Node, NotDone
from posthorse.control.wording import maybe_time, written_time
from posthorse.mail.ids import Tenant
from posthorse.mail.ports import Clock
from posthorse.spool.desk_port import SpoolDesk, StoredKey

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2")
"""Whose SMTP passwords are told; whoever needs another derives it from the secret, as AWS describes."""

ID_PREFIX = "AKPH"
"""As long as an AWS key id, and never one of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locksmith:
    """What making a key takes of the outside."""

    random_bytes: Callable[[int], bytes]
    """So many bytes that nobody can guess."""
    seal: Callable[[bytes, bytes], bytes]
    """(secret, what it belongs to) -> sealed."""
    smtp_password: Callable[[str, str], str]
    """(secret, region) -> password, as SES derives it."""


async def created(
    spool: SpoolDesk, node: Node, clock: Clock, locksmith: Locksmith, request: requests.KeyCreate
) -> replies.KeyMade:
    """Make a key."""
    if not request.tenant:
        raise NotDone("a key belongs to a tenant")
    key_id = ID_PREFIX + b32encode(locksmith.random_bytes(10)).decode("ascii")
    secret = b64encode(locksmith.random_bytes(30)).decode("ascii")
    stored = StoredKey(
        id=key_id,
        tenant=Tenant(request.tenant),
        sealed_secret=locksmith.seal(secret.encode("ascii"), key_id.encode("ascii")),
        created_at=clock.now(),
        note=request.note,
    )
    await spool.put_key(stored)
    await node.keys_changed()
    passwords = {region: locksmith.smtp_password(secret, region) for region in REGIONS}
    return replies.KeyMade(id=key_id, secret=secret, tenant=request.tenant, smtp_password=passwords)


async def listed(spool: SpoolDesk) -> replies.Keys:
    """Every key, revoked ones too."""
    return replies.Keys(
        keys=[
            replies.Key(
                id=key.id,
                tenant=key.tenant,
                note=key.note,
                created_at=written_time(key.created_at),
                revoked_at=maybe_time(key.revoked_at),
            )
            for key in await spool.keys()
        ]
    )


async def revoked(spool: SpoolDesk, node: Node, clock: Clock, request: requests.KeyRevoke) -> replies.Done:
    """Let nobody in with it any more."""
    key = next((key for key in await spool.keys() if key.id == request.id), None)
    if key is None:
        raise NotDone(f"no key {request.id} is in the spool; keys of the configuration file are removed there")
    if key.revoked_at is not None:
        return replies.Done(message=f"{key.id} was revoked already")
    await spool.put_key(replace(key, revoked_at=clock.now()))
    await node.keys_changed()
    return replies.Done(message=f"{key.id} is revoked")
