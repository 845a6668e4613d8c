"""Dissector: asks the worker process for messages taken apart, and remembers the last ones.

Promise: content is looked into only over there; a message that breaks or outlasts the worker has an answer like any
other: it cannot be taken apart. What is remembered between the survey of a group and its attempt is bounded.
"""

from collections import OrderedDict

from posthorse.mail.ids import MessageId
from posthorse.mail.ports import BoundedWorker, NoAnswer
from posthorse.providers.mime.dissection import Dissection, Undissected, unpacked

KEPT_BYTES = 32 << 20
"""Together the remembered answers take no more than this; the last one is always kept."""


class Dissector:
    """One for all structured providers of a node."""

    def __init__(self, worker: BoundedWorker) -> None:
        self._worker = worker
        self._kept: OrderedDict[MessageId, tuple[int, Dissection]] = OrderedDict()
        self._bytes = 0

    async def dissect(self, message_id: MessageId, content: bytes) -> Dissection:
        """The message taken apart. Raises `NoAnswer` (ours) if there is no worker to ask now."""
        known = self._kept.get(message_id)
        if known is not None:
            self._kept.move_to_end(message_id)
            return known[1]
        size, dissection = await self._asked(content)
        self._keep(message_id, size, dissection)
        return dissection

    def forget(self, message_id: MessageId) -> None:
        """Nobody will ask for it soon."""
        known = self._kept.pop(message_id, None)
        if known is not None:
            self._bytes -= known[0]

    async def _asked(self, content: bytes) -> tuple[int, Dissection]:
        try:
            raw = await self._worker.ask(content)
            return len(raw), unpacked(raw)
        except NoAnswer as failed:
            if failed.ours:
                raise
            return 0, Undissected(why=f"a message that cannot be taken apart within the limits ({failed})")
        except ValueError:
            return 0, Undissected(why="a message that cannot be taken apart")

    def _keep(self, message_id: MessageId, size: int, dissection: Dissection) -> None:
        self.forget(message_id)
        self._kept[message_id] = (size + 1_000, dissection)
        self._bytes += size + 1_000
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, (left, _) = self._kept.popitem(last=False)
            self._bytes -= left
