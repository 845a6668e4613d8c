"""Notifications of providers as they were kept: which wait, which tell of unknown mail, which could not be read."""

from posthorse.control import replies, requests
from posthorse.control.node import NotDone
from posthorse.control.wording import maybe_time, written_time
from posthorse.mail.ids import ProviderName
from posthorse.spool.kept_port import MOST_KEPT, KeptNotification, SpoolKept


async def listed(spool: SpoolKept, request: requests.Notifications) -> replies.Notifications:
    """One page, newest first."""
    limit = max(1, min(request.limit, MOST_KEPT - 1))
    provider = ProviderName(request.provider) if request.provider else None
    found = await spool.newest(request.state, provider, request.before, limit + 1)
    return replies.Notifications(notifications=[_shown(each) for each in found[:limit]], more=len(found) > limit)


async def shown(spool: SpoolKept, request: requests.NotificationShow) -> replies.NotificationShown:
    """One as it came."""
    found = await spool.one(request.number)
    if found is None:
        raise NotDone(f"no notification {request.number} is here: never kept, or dropped by retention")
    kept, notification = found
    return replies.NotificationShown(
        notification=_shown(kept), facts=dict(notification.facts), body=notification.body.decode("latin-1")
    )


def _shown(each: KeptNotification) -> replies.Notification:
    return replies.Notification(
        number=each.seq,
        provider=each.provider,
        state=each.state.value,
        received_at=written_time(each.received_at),
        tries=each.tries,
        next_at=maybe_time(each.next_at),
        note=each.note,
        size_bytes=each.size_bytes,
    )
