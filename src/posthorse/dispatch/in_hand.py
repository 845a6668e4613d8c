"""In hand: how many bytes of messages dispatch keeps in memory, by stream; pure.

Slots bound how many messages are in hand, not how large they are. A stream may fill the budget together with those that
are served before it, so large mail never holds up mail of a higher rank; in all at most one budget for each stream, and
one message beyond each. Parked attempts have a bound of their own.
"""

from posthorse.mail.stream import RULES, Stream


class InHand:
    """One per node."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = [0] * len(RULES)
        self.total = 0
        """Bytes of all streams."""

    def add(self, stream: Stream, size_bytes: int) -> None:
        """A message, or a group cut from one, is taken in hand."""
        self.total += size_bytes
        self._bytes[RULES[stream].order] += size_bytes

    def drop(self, stream: Stream, size_bytes: int) -> None:
        """It is out of hand."""
        self.total -= size_bytes
        self._bytes[RULES[stream].order] -= size_bytes

    def has_room(self, stream: Stream, promised_bytes: int = 0) -> bool:
        """Whether to bring another message of this stream, with so much promised beyond what is in hand."""
        return self.total + promised_bytes < self._limit or self.left(stream) > promised_bytes

    def left(self, stream: Stream) -> int:
        """How many more bytes of this stream to bring; 0 or less: none now."""
        return self._limit - sum(self._bytes[: RULES[stream].order + 1])
