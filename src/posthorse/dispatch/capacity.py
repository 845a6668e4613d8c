"""Capacity: how much mail of a stream to bring from the spool now; pure over ways and standings.

Leasing more than the open ways can take soon would only age leases; leasing one at a time would cost a transaction
for each message.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from posthorse.dispatch.route import Route, Strategy
from posthorse.dispatch.way import Way
from posthorse.mail.ids import ProviderName
from posthorse.mail.orders import Orders
from posthorse.mail.standing import GOOD, Standing
from posthorse.mail.stream import Stream

StandingOf = Callable[[ProviderName, Sequence[ProviderName]], Standing]
"""Standing of a provider among the candidates of its route, for mail of the stream in question."""


def room_for(
    stream: Stream, routes: Sequence[Route], orders: Orders, ways: Mapping[ProviderName, Way], standing_of: StandingOf
) -> tuple[int, bool]:
    """(recipients to bring, whether some way has room worth a lease transaction) for one stream.

    A way that several routes share counts once.
    """
    rooms: dict[ProviderName, int] = {}
    worthwhile = False
    for route in routes:
        if route.stream is None or route.stream is stream:
            for name, room, least in _rooms_of(route, ordered(route, orders, stream), ways, standing_of):
                rooms[name] = max(rooms.get(name, 0), room)
                worthwhile = worthwhile or room >= least
    return sum(rooms.values()), worthwhile


def ordered(route: Route, orders: Orders, stream: Stream) -> tuple[ProviderName, ...]:
    """The route's providers under people's standing orders, without regard to one message."""
    names = route.providers
    if orders.failover is not None and stream in orders.failover_streams:
        names = (orders.failover, *(name for name in names if name != orders.failover))
    if orders.ejected:
        return tuple(name for name in names if name not in orders.ejected) or names
    return names


def _rooms_of(
    route: Route, names: Sequence[ProviderName], ways: Mapping[ProviderName, Way], standing_of: StandingOf
) -> Iterator[tuple[ProviderName, int, int]]:
    """(way, room, the least worth a lease); of a priority route only down to the first way that takes everything.

    A way that should get a share gets all there is while no other takes everything, as the plan does: a ramp spares a
    provider while others carry the mail, and there mail would wait for nothing.
    """
    one_suffices = route.strategy is Strategy.PRIORITY
    sharing: tuple[tuple[ProviderName, Way, float], ...] = ()
    spared = True
    for name in names:
        standing, way = standing_of(name, names), ways[name]
        if standing is GOOD or (standing.probes is None and standing.share >= 1.0):
            spared = False
            yield name, way.room, way.batch
            if one_suffices:
                break
        elif standing.usable and standing.probes is not None:
            yield name, max(0, min(way.room, standing.probes)), 1
        elif standing.usable:
            sharing += ((name, way, standing.share),)
    for name, way, share in sharing:
        part = 1.0 if spared else share
        spared = spared and not one_suffices
        yield name, max(0, math.ceil(way.room * part)), max(1, int(way.batch * part))
