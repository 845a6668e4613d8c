"""Standing orders: what a person told the gateway to do until told otherwise, as stored in the spool's control rows.

One order per key: `paused` (send nothing), `ejected:PROVIDER`, `failover` (value: the
target, then the streams after a colon, all when empty: `relay:urgent,standard`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from posthorse.mail.ids import ProviderName
from posthorse.mail.stream import Stream

PAUSED = "paused"
FAILOVER = "failover"
EJECTED = "ejected:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """All standing orders in force."""

    paused: bool = False
    ejected: frozenset[ProviderName] = frozenset()
    failover: ProviderName | None = None
    """Tried first for every message..."""
    failover_streams: frozenset[Stream] = field(default_factory=lambda: frozenset(Stream))
    """... of these streams."""


NO_ORDERS = Orders()


def failover_value(target: ProviderName, streams: Iterable[Stream]) -> str:
    """The stored value of a failover order; no streams: all of them."""
    return f"{target}:{','.join(stream.value for stream in streams)}"


def read_orders(rows: Mapping[str, str]) -> Orders:
    """The orders from stored (key, value) pairs; unknown keys, from a newer version, are left alone."""
    target, _, listed = rows.get(FAILOVER, "").rpartition(":")
    streams = frozenset(stream for stream in Stream if stream.value in listed.split(","))
    return Orders(
        paused=PAUSED in rows,
        ejected=frozenset(ProviderName(key[len(EJECTED) :]) for key in rows if key.startswith(EJECTED)),
        failover=ProviderName(target) if target else None,
        failover_streams=streams or frozenset(Stream),
    )
