"""What a learner needs of a storage within one transaction, beside what a clerk needs.

Left out: any decision (`posthorse.spool.learner`), keeping notifications until they are read (the adapters).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from posthorse.mail.ids import MessageId, ProviderName
from posthorse.spool.book import Book, TenantKey
from posthorse.spool.desk_port import Suppression

ProviderId = tuple[ProviderName, str]
"""A provider and the id by which it knows a message."""


class InboxBook(Protocol):
    """One transaction's view of what is learnt back."""

    @property
    def book(self) -> Book:
        """The same transaction, as a clerk sees it."""
        ...

    # --- reads ---

    def known(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Which of these events were applied before."""
        ...

    def named(self, ids: Collection[ProviderId]) -> Mapping[ProviderId, MessageId]:
        """The messages that providers know by these ids; unknown ones are missing."""
        ...

    def addresses(self, ids: Collection[MessageId]) -> Mapping[MessageId, Sequence[tuple[int, str]]]:
        """Number and address of every recipient of these messages; unknown messages are missing."""
        ...

    def listed(self, addresses: Collection[TenantKey]) -> Mapping[TenantKey, Suppression]:
        """The entries of the suppression list for these addresses, those that ran out too."""
        ...

    # --- writes ---

    def know(self, keys: Collection[bytes]) -> None:
        """These events are applied now; none of them was before."""
        ...

    def suppress(self, entry: Suppression) -> None:
        """Add to the list, or replace."""
        ...

    def digested(self, seq: int, again_at: int | None, note: str) -> None:
        """A notification was read; `again_at`: it is to be read once more then, microseconds UTC."""
        ...
