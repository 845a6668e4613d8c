"""What people keep in the spool in memory: holds, suppressions, standing orders and access keys.

Left out: what they do to mail (`posthorse.spool.clerk`, `posthorse.spool.decisions`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from posthorse.mail.ids import Tenant
from posthorse.mail.ports import Clock
from posthorse.spool.book import TenantKey
from posthorse.spool.desk_port import Control, Hold, StoredKey, Suppression
from posthorse.spool.memory_tables import MemoryTables


class MemoryLists(MemoryTables):
    """The lists, changed as everything else in a transaction."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._suppressions: dict[TenantKey, Suppression] = {}
        self._holds: dict[int, Hold] = {}
        self._hold_seq = 0
        self._orders: dict[str, Control] = {}
        self._keys: dict[str, StoredKey] = {}

    def holds(self) -> Sequence[Hold]:
        """As `Book` says."""
        return list(self._holds.values())

    def add_hold(self, hold: Hold) -> Hold:
        """Store a hold under a new number."""
        self._undo.append(lambda before=self._hold_seq: setattr(self, "_hold_seq", before))  # type: ignore[misc]
        self._hold_seq += 1
        stored = replace(hold, id=self._hold_seq, created_at=self.now)
        self.change(self._holds, stored.id, stored)
        return stored

    def drop_hold(self, hold_id: int) -> None:
        """Forget a hold; its recipients are freed page by page."""
        self.drop(self._holds, hold_id)

    def suppressed(self, addresses: Collection[TenantKey]) -> Collection[TenantKey]:
        """As `Book` says."""
        now = self.now
        found = {key: self._suppressions[key] for key in addresses if key in self._suppressions}
        return {key for key, entry in found.items() if entry.expires_at is None or entry.expires_at > now}

    def listed(self, addresses: Collection[TenantKey]) -> Mapping[TenantKey, Suppression]:
        """The entries of these addresses, those that ran out too."""
        return {key: self._suppressions[key] for key in addresses if key in self._suppressions}

    def suppress(self, entry: Suppression) -> None:
        """Add or replace."""
        self.change(self._suppressions, (entry.tenant, entry.address), entry)

    def unsuppress(self, key: TenantKey) -> bool:
        """Remove; False: it was not there."""
        return self.drop(self._suppressions, key)

    def suppressions(self, tenant: Tenant | None, after: str, limit: int) -> Sequence[Suppression]:
        """In the order of addresses, then tenants."""
        found = [s for s in self._suppressions.values() if tenant in (None, s.tenant) and s.address > after]
        return sorted(found, key=lambda entry: (entry.address, entry.tenant))[:limit]

    def order(self, control: Control) -> None:
        """Set or replace a standing order."""
        self.change(self._orders, control.key, control)

    def lift(self, key: str) -> bool:
        """Remove a standing order; False: it was not there."""
        return self.drop(self._orders, key)

    def orders(self) -> Sequence[Control]:
        """Orders in force now, by key."""
        now = self.now
        return sorted(
            (order for order in self._orders.values() if order.until is None or order.until > now),
            key=lambda order: order.key,
        )

    def put_key(self, key: StoredKey) -> None:
        """Add or replace an access key."""
        self.change(self._keys, key.id, key)

    def keys(self) -> Sequence[StoredKey]:
        """All access keys, by id."""
        return sorted(self._keys.values(), key=lambda key: key.id)
