"""Notifications of the spool in memory, to be looked at: port `SpoolKept`, held to the same contract."""

from collections import Counter
from collections.abc import Mapping, Sequence

from posthorse.mail.ids import ProviderName
from posthorse.spool.inbox_port import AT_NEXT_START, Notification
from posthorse.spool.kept_port import MOST_COUNTED, MOST_KEPT, KeptNotification, KeptState, state_of
from posthorse.spool.memory_inbox import Kept, MemoryInbox


class MemoryKept:
    """Port `SpoolKept`."""

    def __init__(self, inbox: MemoryInbox) -> None:
        self._inbox = inbox

    async def newest(
        self, state: KeptState | None, provider: ProviderName | None, before: int | None, limit: int
    ) -> Sequence[KeptNotification]:
        """As the port says."""
        found = [_shown(kept) for kept in reversed(self._inbox.all_kept())]
        return [
            each
            for each in found
            if state in (None, each.state)
            and provider in (None, each.provider)
            and (before is None or each.seq < before)
        ][: min(limit, MOST_KEPT)]

    async def one(self, seq: int) -> tuple[KeptNotification, Notification] | None:
        """As the port says."""
        found = {kept.stored.seq: kept for kept in self._inbox.all_kept()}.get(seq)
        return None if found is None else (_shown(found), found.stored.notification)

    async def count(self) -> Mapping[KeptState, int]:
        """As the port says."""
        states = Counter(_shown(kept).state for kept in self._inbox.all_kept())
        return {state: min(states[state], MOST_COUNTED) for state in KeptState if state is not KeptState.READ}


def _shown(kept: Kept) -> KeptNotification:
    stored = kept.stored
    return KeptNotification(
        seq=stored.seq,
        provider=stored.notification.provider,
        state=state_of(kept.due_at, kept.note),
        received_at=stored.received_at,
        tries=stored.tries,
        next_at=None if kept.due_at == AT_NEXT_START else kept.due_at,
        note=kept.note,
        size_bytes=len(stored.notification.body),
    )
