"""Recorded traffic of the spool in memory: port `SpoolRecorded`, held to the same contract."""

from collections.abc import Sequence

from posthorse.mail.ids import MessageId
from posthorse.spool.memory_book import MemoryBook
from posthorse.spool.recorded_port import MOST_MESSAGES, RecordedMessage


class MemoryRecorded:
    """Port `SpoolRecorded`."""

    def __init__(self, book: MemoryBook) -> None:
        self._book = book

    async def newest(self, before: MessageId | None, limit: int, head_bytes: int) -> Sequence[RecordedMessage]:
        """As the port says."""
        counts: dict[MessageId, int] = {}
        messages = {}
        for entry in self._book.all_entries():
            counts[entry.message.id] = counts.get(entry.message.id, 0) + 1
            messages[entry.message.id] = entry.message
        ids = sorted((each for each in messages if before is None or each < before), reverse=True)
        chosen = ids[: min(limit, MOST_MESSAGES)]
        bodies = self._book.bodies(chosen)
        return [
            RecordedMessage(
                message=messages[each],
                recipients=counts[each],
                head=bodies[each][:head_bytes] if each in bodies else None,
            )
            for each in chosen
        ]
