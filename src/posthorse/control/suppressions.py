"""Suppression: addresses that must not be mailed, whose list they stand on, why, and until when."""

from posthorse.control import replies, requests
from posthorse.control.node import NotDone
from posthorse.control.wording import maybe_time, written_time
from posthorse.mail.address_key import address_key
from posthorse.mail.ids import Tenant
from posthorse.mail.ports import Clock
from posthorse.mail.stream import SECOND
from posthorse.spool.desk_port import SpoolDesk, Suppression


async def added(spool: SpoolDesk, clock: Clock, request: requests.Suppress, by: str) -> replies.Done:
    """Put an address on the operator's list."""
    address = _address(request.address)
    if not request.reason:
        raise NotDone("say why: whoever finds the address later needs it")
    if request.for_s is not None and request.for_s <= 0:
        raise NotDone("it is suppressed for more than nothing, or for good")
    now = clock.now()
    until = None if request.for_s is None else now + int(request.for_s * SECOND)
    await spool.suppress(
        Suppression(
            tenant=Tenant(request.tenant),
            address=address,
            reason=request.reason,
            source=f"operator:{by}",
            created_at=now,
            expires_at=until,
        )
    )
    return replies.Done(
        message=f"{address} is not mailed {'any more' if until is None else 'until ' + written_time(until)}"
    )


async def removed(spool: SpoolDesk, request: requests.Unsuppress) -> replies.Done:
    """Take an address off the list."""
    address = _address(request.address)
    if not request.reason:
        raise NotDone("say why it may be mailed again")
    if not await spool.unsuppress(Tenant(request.tenant), address):
        raise NotDone(f"{address} is not suppressed for {request.tenant}")
    return replies.Done(message=f"{address} may be mailed again")


async def listed(spool: SpoolDesk, request: requests.Suppressions) -> replies.Suppressions:
    """One page of the list."""
    limit = max(1, min(request.limit, requests.MOST_ROWS))
    tenant = Tenant(request.tenant) if request.tenant else None
    found = await spool.suppressions(tenant, address_key(request.after), limit + 1)
    return replies.Suppressions(suppressions=[_shown(entry) for entry in found[:limit]], more=len(found) > limit)


def _address(text: str) -> str:
    local, at, domain = text.strip().rpartition("@")
    if not (local and at and domain) or any(ord(character) < 33 or ord(character) == 127 for character in text.strip()):
        raise NotDone(f"{text!r} is not an address")
    return address_key(f"{local}@{domain}")


def _shown(entry: Suppression) -> replies.Suppressed:
    return replies.Suppressed(
        tenant=entry.tenant,
        address=entry.address,
        reason=entry.reason,
        source=entry.source,
        created_at=written_time(entry.created_at),
        until=maybe_time(entry.expires_at),
        message_id=entry.message_id.hex() if entry.message_id else None,
    )
